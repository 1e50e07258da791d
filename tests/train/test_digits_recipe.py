"""The recipe of the digits model. Training it in full is for people; here are its parts."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest

from hwsnn.float_network import FloatNetwork, FloatNeuron
from hwsnn.frontends.nir.reader import read
from hwsnn.spec import MaxPool
from tests.frontends.nir.nir_oracle import simulate_trained

torch: Any = pytest.importorskip("torch")
pytest.importorskip("sklearn")

FOLDER = Path(__file__).parents[2] / "models" / "digits"


@pytest.fixture(scope="module")
def recipe() -> Iterator[Any]:
    spec = importlib.util.spec_from_file_location("digits_recipe", FOLDER / "recipe.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["digits_recipe"] = module  # where its dataclasses look up their annotations
    spec.loader.exec_module(module)
    module.add_in_order()
    yield module
    del sys.modules["digits_recipe"]


def as_set(images: Any) -> set[bytes]:
    return {image.tobytes() for image in images.x}


def test_split_shares_no_image(recipe: Any) -> None:
    training, validation, held_out = map(as_set, recipe.split_digits())
    assert (len(training), len(validation), len(held_out)) == (1077, 360, 360)
    assert len(training | validation | held_out) == 1797


def test_samples_are_the_held_out_images(recipe: Any) -> None:
    held_out = recipe.split_digits()[2]
    with np.load(FOLDER / "samples.npz") as file:
        assert np.array_equal(file["x"], held_out.x)
        assert np.array_equal(file["y"], held_out.y)


def test_exported_graph_is_the_trained_network(recipe: Any, tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = recipe.Digits((3, 4), timesteps=3)
    for norm in (network.norm1, network.norm2):
        torch.nn.init.uniform_(norm.weight, 0.5, 2)
        torch.nn.init.uniform_(norm.bias, 0, 1)
        norm.running_mean.uniform_(-0.5, 0.5)
        norm.running_var.uniform_(0.05, 0.2)
    nir.write(tmp_path / "net.nir", recipe.to_nir(network))
    exported = subtracting(read(tmp_path / "net.nir"))

    images = torch.rand(5, 1, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        scores = network.double().eval()(images).numpy()
    for image, expected in zip(images.numpy(), scores, strict=True):
        outputs = simulate_trained(exported, np.broadcast_to(image, (3, 1, 8, 8)))
        assert 0.05 < outputs["conv1"].mean() < 0.95
        assert 0.05 < outputs["conv2"].mean() < 0.95
        assert outputs["dense"][-1, :, 0, 0] == pytest.approx(expected, rel=1e-6, abs=1e-6)


def subtracting(network: FloatNetwork) -> FloatNetwork:
    """The network with the reset that NIR cannot say."""
    layers = []
    for layer in network.layers:
        if not isinstance(layer, MaxPool) and isinstance(layer.neuron, FloatNeuron):
            layer = replace(layer, neuron=replace(layer.neuron, reset="subtract"))
        layers.append(layer)
    return replace(network, layers=tuple(layers))


def test_resumed_training_gives_the_same_network(recipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training, validation, _ = recipe.split_digits()
    few = recipe.Images(training.x[:128], training.y[:128])
    settings = recipe.Settings(seed=3, epochs=3, channels=(2, 3), timesteps=2)
    train_epoch = recipe.train_epoch
    left = 3

    def counted_epoch(*arguments: Any) -> None:
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        train_epoch(*arguments)

    monkeypatch.setattr(recipe, "train_epoch", counted_epoch)
    recipe.fit(settings, few, validation, tmp_path / "whole.pt")
    left = 2
    with pytest.raises(KeyboardInterrupt):
        recipe.fit(settings, few, validation, tmp_path / "killed.pt")
    left = 1
    recipe.fit(settings, few, validation, tmp_path / "killed.pt")

    whole, resumed = (torch.load(tmp_path / name, weights_only=True) for name in ("whole.pt", "killed.pt"))
    assert whole["epoch"] == resumed["epoch"] == 3
    for part in ("latest", "network"):
        assert all(torch.equal(whole[part][name], resumed[part][name]) for name in whole[part])
