"""The examples of the frameworks, on a few made-up images: their own commands, and spikes as the framework has them."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import hwsnn
from hwsnn.cli import cli
from tests.data.test_data import idx
from tests.support.framework_examples import EXAMPLES, FOLDER, Example, in_framework

IMAGES = 50


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


def invoke(*args: str | Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of frameworks that are imported here first
        result = CliRunner().invoke(cli, list(map(str, args)), prog_name="hwsnn")
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_a_trained_network_becomes_verilog(example: Example, made_up: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pytest.importorskip(example.framework)
        steps = example.module().TIMESTEPS
    weights, model = tmp_path / "net.pt", tmp_path / "net.safetensors"
    assert "of 10 validation images right" in example.train(str(made_up), weights)

    options = ("--weights", weights, "--sample", "1x28x28", "--timesteps", str(steps))
    invoke("quantize", example.source, *options, "--data", made_up, "-o", model)
    network = hwsnn.load(model)
    images = hwsnn.data.images(str(made_up), limit=10).images
    theirs, ours = in_framework(example, weights, images), hwsnn.run(network, images, trace=True)
    for spikes, (name, own) in zip(theirs.spikes, ours.spikes.items(), strict=False):
        assert spikes.any(), name
        assert (spikes != own.reshape(spikes.shape)).mean() < 0.05, name

    invoke("generate", model, "-o", tmp_path / "design", "--max-lut", "70")
    assert json.loads((tmp_path / "design" / "manifest.json").read_text())
    assert list((tmp_path / "design").glob("*.v"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_commands_in_the_file_are_its_own(example: Example) -> None:
    """They name the file and what it writes, and the steps that it makes."""
    text = (FOLDER / f"{example.name}.py").read_text()
    commands = text.split('"""')[1].replace("\\\n", " ")
    (steps,) = re.findall(r"^TIMESTEPS = (\d+)$", text, re.MULTILINE)
    assert re.findall(r"--timesteps (\d+)", commands) == [steps]
    assert set(re.findall(r"(\w+)\.(?:py|pt|safetensors)\b", commands)) == {example.name}
    assert re.findall(r"^    (?:python|hwsnn (\w+))", commands, re.MULTILINE) == [
        *("", "quantize", "check", "run", "verify", "generate")
    ]
