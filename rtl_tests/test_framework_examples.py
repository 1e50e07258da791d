"""The examples of the frameworks as they stand in their files, on MNIST: from training to a verified design."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hwsnn
from hwsnn.data import images
from hwsnn.errors import InputError
from tests.support.framework_examples import EXAMPLES, Example, in_framework

MEASURED, COMPARED, VERIFIED = 2000, 500, 10
"""Test images whose class is asked for, on which the answers are compared, and which are simulated."""


def command(*args: str | Path) -> dict[str, Any]:
    """What ``hwsnn`` says in JSON."""
    done = subprocess.run([sys.executable, "-m", "hwsnn", *map(str, args), "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.frameworks
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_from_training_to_a_verified_design(example: Example, tmp_path: Path) -> None:
    pytest.importorskip(example.framework)
    try:
        test = images("mnist", "test", MEASURED)
    except InputError as error:
        pytest.skip(str(error))
    weights, model = tmp_path / "net.pt", tmp_path / "net.safetensors"
    example.train("mnist", weights)
    steps = str(example.module().TIMESTEPS)
    options = ("--weights", weights, "--sample", "1x28x28", "--timesteps", steps)
    command("quantize", example.source, *options, "--data", "mnist", "-o", model)

    parts = np.split(test.images, MEASURED // 100)
    answers = np.concatenate([in_framework(example, weights, part).scores.argmax(1) for part in parts])
    assert (answers == test.labels).mean() >= 0.97
    ours = hwsnn.run(hwsnn.load(model), test.images[:COMPARED]).predictions
    assert (answers[:COMPARED] == ours).mean() >= 0.99

    verified = command("verify", model, "--data", "mnist", "-n", str(VERIFIED))
    assert (verified["frames"], verified["mismatches"]) == (VERIFIED, 0)
    command("generate", model, "-o", tmp_path / "design")
    assert list((tmp_path / "design").glob("*.v"))
