"""The examples of the frameworks as they stand in their files, on MNIST: from training to a verified design."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from hwsnn.data import images
from hwsnn.errors import InputError
from tests.support.framework_examples import EXAMPLES, Example


def command(*args: str | Path) -> dict[str, Any]:
    """What ``hwsnn`` says in JSON."""
    done = subprocess.run([sys.executable, "-m", "hwsnn", *map(str, args), "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.frameworks
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_from_training_to_a_verified_design(example: Example, tmp_path: Path) -> None:
    if find_spec(example.framework) is None:
        pytest.skip(f"needs {example.framework}")
    try:
        images("mnist", "test", 1)
    except InputError as error:
        pytest.skip(str(error))
    weights, model = tmp_path / "net.pt", tmp_path / "net.safetensors"
    (right,) = re.findall(r"^([\d.]+)% of 10000 test images right$", example.train("mnist", weights), re.MULTILINE)
    assert float(right) >= example.right
    source = (*example.source, "--weights", weights)
    command("quantize", *source, *example.settings, "--data", "mnist", "-o", model)
    checked = command("check", source[0], model, *source[1:], "--data", "mnist", "-n", "2000")
    assert checked["answers_agree"] >= 0.99

    verified = command("verify", model, "--data", "mnist", "-n", "10")
    assert (verified["frames"], verified["mismatches"]) == (10, 0)
    command("generate", model, "-o", tmp_path / "design")
    assert list((tmp_path / "design").glob("*.v"))
