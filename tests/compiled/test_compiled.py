"""Compiled code gives exactly the reference's scores, whatever the network."""

from __future__ import annotations

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.data import random_images
from hwsnn.files.shipped import model_folders
from hwsnn.model_file.by_name import load_model
from hwsnn.spec import Conv, Dense, Encoder, Integrator, MaxPool, Network, Neuron, NoLeak, Population
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_network

pytest.importorskip("numba")

from hwsnn.compiled import run  # needs numba
from hwsnn.compiled.layers import compiled_layer


def require_equal(network: Network, seed: int) -> None:
    images = random_images(network, 5, seed)
    expected, found = reference.run(network, images), run(network, images)
    assert np.array_equal(found.scores, expected.scores)
    assert np.array_equal(found.predictions, expected.predictions)


@pytest.mark.parametrize("name", model_folders())
def test_shipped_models(name: str) -> None:
    """Pools of winners, sums, and neurons that are recurrent or fire once are the reference's, all else is compiled."""
    network = load_model(name)
    for index, layer in enumerate(network.layers):
        by_reference = (
            layer.mode == "winner"
            if isinstance(layer, MaxPool)
            else not isinstance(layer, Population)
            or layer.recurrent
            or layer.neuron.synapse is not None
            or (isinstance(layer.neuron, Neuron) and layer.neuron.once)
        )
        assert (compiled_layer(network, index) is None) == by_reference
    require_equal(network, 1)


def test_random_networks() -> None:
    some = [random_network(seed) for seed in range(60)]
    for seed, network in enumerate(some):
        require_equal(network, seed)
    known = [compiled_layer(network, i) is not None for network in some for i in range(len(network.layers))]
    assert any(known)
    assert not all(known)  # the others are the reference's


def test_padding_values_of_spikes() -> None:
    rng = np.random.default_rng(2)
    fires = Neuron(np.full(4, 9), NoLeak(), "zero", 16)
    weight = rng.integers(-7, 8, (4, 3, 3, 3))
    conv = Conv("conv", weight, 8, padding=(1, 1), padding_values=np.array([1, 0, 1]))
    last = Dense("last", rng.integers(-7, 8, (3, 4, 5, 6)), 8)
    layers = (
        Population("conv", (conv,), np.zeros(4, np.int64), fires),
        Population("last", (last,), np.zeros(3, np.int64), Integrator(NoLeak(), 24)),
    )
    network = Network("border", (3, 5, 6), 8, Encoder("uniform"), 4, layers, "membrane")
    assert compiled_layer(network, 0) is not None
    require_equal(network, 1)


def test_random_graphs() -> None:
    for seed in range(40):
        require_equal(random_graph(seed), seed)


def test_bad_images_are_refused() -> None:
    network = load_model("digits")
    with pytest.raises(ValueError, match="images must be uint8"):
        run(network, np.zeros((1, 2, 3), np.uint8))
