"""Random networks cover what a network can be, and are alive; random folds cover how they can be built."""

from __future__ import annotations

from hwsnn.data import random_images
from hwsnn.model_file.integer_file import model_hash
from hwsnn.reference import run
from hwsnn.spec import Conv, MaxPool, Neuron
from tests.support.random_networks import (
    MAX_LAYERS,
    MAX_SIDE,
    MAX_TIMESTEPS,
    random_folding,
    random_folds,
    random_network,
)

NETWORKS = [random_network(seed) for seed in range(30)]


def test_a_seed_means_one_network() -> None:
    assert model_hash(random_network(7)) == model_hash(random_network(7))
    assert len({model_hash(network) for network in NETWORKS}) == len(NETWORKS)


def test_they_are_small() -> None:
    for network in NETWORKS:
        assert max(network.input_shape) <= MAX_SIDE
        assert network.timesteps <= MAX_TIMESTEPS
        assert len(network.layers) <= MAX_LAYERS


def test_thirty_cover_every_kind() -> None:
    weighted = [layer for network in NETWORKS for _, layer in network.populations()]
    pools = [layer for network in NETWORKS for layer in network.layers if isinstance(layer, MaxPool)]
    convolutions = [layer for layer in weighted if isinstance(layer, Conv)]
    assert {network.encoder.kind for network in NETWORKS} == {"direct", "uniform", "poisson", "latency"}
    assert {network.readout for network in NETWORKS} == {"count", "membrane"}
    assert len({network.pixel_bits for network in NETWORKS}) > 4
    assert {network.timesteps for network in NETWORKS} == set(range(1, MAX_TIMESTEPS + 1))
    assert {pool.mode for pool in pools} == {"or", "winner"}
    assert {type(layer.neuron.leak).__name__ for layer in weighted} == {"NoLeak", "ShiftLeak", "MultiplyLeak"}
    assert {layer.neuron.reset for layer in weighted if isinstance(layer.neuron, Neuron)} == {
        "subtract",
        "zero",
        "none",
    }
    assert {layer.projection.weight_bits for layer in weighted} == set(range(2, 9))
    assert any(layer.padding != (0, 0) for layer in convolutions)
    assert any(layer.stride != (1, 1) for layer in convolutions)
    assert any(layer.groups == layer.in_channels > 1 for layer in convolutions)
    saturating = [network.saturating(index) for network in NETWORKS for index in range(len(network.layers))]
    assert any(saturating)
    assert not all(saturating)


def test_a_seed_means_one_folding() -> None:
    network = NETWORKS[7]
    assert random_folding(network, 7) == random_folding(network, 7) != random_folding(network, 8)
    assert random_folding(network, 7).layers == random_folds(network, 7)


def test_thirty_foldings_cover_every_kind() -> None:
    foldings = [random_folding(network, seed) for seed, network in enumerate(NETWORKS)]
    folds = [fold for folding in foldings for fold in folding.layers.values()]
    assert {fold.sums for fold in folds} == {"lut5", "lut6", "block"}
    assert {fold.t_par for fold in folds} >= set(range(1, MAX_TIMESTEPS))
    parts = [
        (part, whole)
        for network, folding in zip(NETWORKS, foldings, strict=True)
        for _, layer in network.populations()
        for part, whole in (
            (folding.layers[layer.name].cin_par, layer.projection.in_channels),
            (folding.layers[layer.name].cout_par, layer.projection.weight.shape[0]),
            (folding.layers[layer.name].t_par, network.timesteps),
        )
    ]
    assert any(part == 1 < whole for part, whole in parts)
    assert any(part == whole > 1 for part, whole in parts)
    assert any(whole % part for part, whole in parts)
    deepest = [max([*folding.fifo_depths.values(), *folding.column_depths.values()]) for folding in foldings]
    assert {1, 2, 3} < set(deepest)
    assert max(deepest) == 100


def test_most_layers_neither_sleep_nor_always_fire() -> None:
    rates = [
        spikes.mean()
        for seed, network in enumerate(NETWORKS)
        for spikes in run(network, random_images(network, 8, seed), trace=True).spikes.values()
    ]
    assert sum(0.02 < rate < 0.98 for rate in rates) > 0.8 * len(rates)
