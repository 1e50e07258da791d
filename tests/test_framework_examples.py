"""The examples of the frameworks, on a few made-up images: their own commands, and spikes as the framework has them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from hwsnn.cli import cli
from tests.data.test_data import idx
from tests.support.framework_examples import EXAMPLES, FOLDER, Example

IMAGES = 50
QUICKEST = ("relu_cnn", "sinabs_cnn")
"""The others are trained by `make frameworks`."""


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of IDX files: bright rectangles, whose place goes with their class."""
    folder = tmp_path_factory.mktemp("made-up")
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, IMAGES, np.uint8)
    images = random.integers(0, 60, (IMAGES, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        row, column = 14 * (label // 5), 5 * (label % 5)
        image[row : row + 14, column : column + 8] = 255
    for split in ("train", "t10k"):
        (folder / f"{split}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(idx(labels))
    return folder


def invoke(*args: str | Path) -> Any:
    """What ``hwsnn`` says in JSON."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of frameworks that are imported here first
        result = CliRunner().invoke(cli, [*map(str, args), "--json"], prog_name="hwsnn")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def strengthen(weights: Path) -> None:
    """Make weights that hardly saw training so large that all layers fire."""
    import torch

    state = torch.load(weights, weights_only=True)
    torch.save({name: values * (3 if name.endswith("weight") else 1) for name, values in state.items()}, weights)


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(example, marks=[] if example.name in QUICKEST else pytest.mark.frameworks, id=example.name)
        for example in EXAMPLES
    ],
)
def test_a_trained_network_spikes_as_in_its_framework(example: Example, made_up: Path, tmp_path: Path) -> None:
    for package in ("torch", example.framework):
        if find_spec(package) is None:
            pytest.skip(f"needs {package}")
    weights, model = tmp_path / "net.pt", tmp_path / "net.safetensors"
    assert "% of 10 validation images right" in example.train(str(made_up), weights)
    strengthen(weights)
    source = (*example.source, "--weights", weights)
    report = invoke("quantize", *source, *example.settings, "--data", made_up, "-o", model)
    assert all(layer["activity"]["ever"] > 0 for layer in report["layers"] if layer["activity"])
    checked = invoke("check", source[0], model, *source[1:], "--data", made_up, "-n", "10", "--agree", "0")
    assert checked["layers"]
    for layer in checked["layers"]:
        assert layer["differ"] <= 0.1 * layer["values"], layer


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_commands_in_the_file_are_its_own(example: Example) -> None:
    """They name the file and what it writes, and the steps that it makes."""
    commands = example.file.read_text().split('"""')[1].replace("\\\n", " ")
    assert re.findall(r"--timesteps (\d+)", commands) == [example.timesteps]
    assert set(re.findall(r"(\w+)\.(?:py|pt|safetensors)\b", commands)) == {example.name}
    assert re.findall(r"^    (?:python|hwsnn (\w+))", commands, re.MULTILINE) == [
        *("", "quantize", "check", "run", "verify", "generate")
    ]


def test_fine_tuning(made_up: Path) -> None:
    """Three figures, of which that of the tuned network has the last word."""
    for package in ("torch", "spikingjelly"):
        if find_spec(package) is None:
            pytest.skip(f"needs {package}")
    options = ("--data", str(made_up), "--bits", "2", "--epochs", "1", "--images", str(IMAGES), "--test-images", "20")
    command = (sys.executable, str(FOLDER / "finetuned.py"), *options)
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shares = re.findall(r"^(\d bits, [a-z-]+): \d+\.\d\d% right$", done.stdout, re.MULTILINE)
    assert shares == ["8 bits, rounded", "2 bits, rounded", "2 bits, fine-tuned"]
