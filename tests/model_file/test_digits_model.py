"""The shipped digits model: what its card says is so."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hwsnn.model_file.integer_file import load, model_hash
from hwsnn.spec import Network

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / "models" / "digits"
CARD = (FOLDER / "card.md").read_text()


def stated(pattern: str) -> str:
    """What the card says in the one place that ``pattern`` fits."""
    (found,) = re.findall(pattern, CARD, re.MULTILINE)
    assert isinstance(found, str)
    return found


def hwsnn(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, run in the checkout as the card's commands are."""
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-m", "hwsnn", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True)


@pytest.fixture(scope="module")
def network() -> Network:
    return load(FOLDER / "digits.safetensors")


@pytest.fixture(scope="module")
def samples() -> tuple[np.ndarray, np.ndarray]:
    with np.load(FOLDER / "samples.npz", allow_pickle=False) as file:
        assert set(file) == {"x", "y"}
        return file["x"], file["y"]


def test_hash_is_the_one_on_the_card(network: Network) -> None:
    assert model_hash(network) == stated(r"^\| model hash \| `([0-9a-f]{64})` \|$")


def test_network_is_the_one_on_the_card(network: Network) -> None:
    assert network.timesteps == int(stated(r"^\| time steps \| T = (\d+) \|$"))
    assert network.encoder.kind == "direct"
    assert network.readout == "membrane"
    weights = sum(layer.synapses for _, layer in network.weighted_layers())
    assert weights == int(stated(r"^\| size \| ([\d,]+) weights of 8 bits").replace(",", ""))
    for (channels, height, width), layer in zip(network.shapes[1:-1], network.layers[:-1], strict=True):
        assert stated(rf"^\| {layer.name} \| .+ \| (\d+x\d+x\d+) \|") == f"{channels}x{height}x{width}"
    for index, layer in network.weighted_layers():
        assert layer.weight_bits == 8
        assert not network.can_saturate(index)


def test_quantizing_again_gives_the_same_model(network: Network, tmp_path: Path) -> None:
    output = tmp_path / "digits.safetensors"
    arguments = stated(r"^    hwsnn (quantize .+)$").split()
    arguments[arguments.index("-o") + 1] = str(output)
    hwsnn(*arguments)
    assert model_hash(load(output)) == model_hash(network)


def test_accuracy_is_the_one_on_the_card() -> None:
    right = int(stated(r"8-bit integers \| [\d.]+ % \((\d+) of 360\)"))
    answer = json.loads(hwsnn(*stated(r"^    hwsnn (run .+)$").split()).stdout)
    assert answer["images"] == 360
    assert answer["accuracy"] == right / 360
    assert answer["accuracy"] >= 0.97
    assert stated(r"8-bit integers \| ([\d.]+) % \(") == f"{answer['accuracy'] * 100:.2f}"


def test_samples_are_images_of_every_digit(samples: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = samples
    assert x.dtype == np.uint8
    assert x.shape == (360, 8, 8)
    assert x.max() == 255
    assert set(np.unique(x)) <= {round(value * 255 / 16) for value in range(17)}
    assert y.dtype == np.int64
    assert y.shape == (360,)
    assert np.bincount(y, minlength=10).tolist() == pytest.approx([36] * 10, abs=1)
