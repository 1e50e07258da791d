"""Random networks cover what a network can be, and are alive; random folds cover how they can be built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias, get_args

import numpy as np
import pytest

from hwsnn.data import random_images
from hwsnn.folding.shared_adders import has_solver
from hwsnn.model_file.integer_file import model_hash
from hwsnn.reference import Result, run
from hwsnn.spec import (
    LEAKS,
    MAX_LEAK_SHIFT,
    PROJECTIONS,
    ChannelLeak,
    Conv,
    EncoderKind,
    MaxPool,
    MultiplyLeak,
    Network,
    Neuron,
    NoLeak,
    Population,
    Readout,
    Reset,
)
from hwsnn.spec.integers import signed_limits
from tests.support.random_networks import (
    MAX_LAYERS,
    MAX_SIDE,
    MAX_TIMESTEPS,
    random_folding,
    random_folds,
    random_network,
)
from tests.support.wishes import COMBINATIONS, KINDS, Kind, Spiking, Wishes


@pytest.fixture(scope="module")
def networks() -> list[Network]:
    """Made here, not where every process that collects tests would make them."""
    return [random_network(seed) for seed in range(150)]


def test_a_seed_means_one_network(networks: list[Network]) -> None:
    assert model_hash(random_network(7)) == model_hash(random_network(7))
    assert len({model_hash(network) for network in networks}) == len(networks)


def test_they_are_small(networks: list[Network]) -> None:
    for network in networks:
        assert max(network.input_shape) <= MAX_SIDE
        assert network.timesteps <= MAX_TIMESTEPS
        assert len(network.layers) <= MAX_LAYERS


def spiking(layer: Population) -> Spiking:
    neuron = layer.neuron
    if not isinstance(neuron, Neuron):
        return "never"
    return "once" if neuron.once else "several" if neuron.spikes > 1 else "one"


def kind(layer: Population) -> Kind:
    reset = layer.neuron.reset if isinstance(layer.neuron, Neuron) else None
    return spiking(layer), layer.neuron.synapse is not None, reset


def test_they_cover_every_kind(networks: list[Network]) -> None:
    populations = [layer for network in networks for _, layer in network.populations()]
    pools = [layer for network in networks for layer in network.layers if isinstance(layer, MaxPool)]
    convolutions = [layer.projection for layer in populations if isinstance(layer.projection, Conv)]
    assert {network.encoder.kind for network in networks} == set(get_args(EncoderKind))
    assert {network.readout for network in networks} == set(get_args(Readout))
    assert {network.pixel_bits for network in networks} == set(range(1, 9))
    assert {network.timesteps for network in networks} == set(range(1, MAX_TIMESTEPS + 1))
    assert {pool.mode for pool in pools} == {"or", "winner"}
    assert {layer.projection.kind for layer in populations} == set(PROJECTIONS)
    assert {kind(layer) for layer in populations} == set(KINDS)
    assert {layer.neuron.leak.kind for layer in populations} == set(LEAKS)
    assert {layer.neuron.synapse.leak.kind for layer in populations if layer.neuron.synapse} == set(LEAKS)
    leaks = [leak for layer in populations for leak in layer.neuron.leaks]
    for multiplies in (MultiplyLeak, ChannelLeak):
        assert {leak.shift for leak in leaks if isinstance(leak, multiplies)} == set(range(1, MAX_LEAK_SHIFT + 1))
    assert {layer.projection.weight_bits for layer in populations} == set(range(1, 9))
    assert len({layer.fraction_bits for layer in populations}) > 6
    assert any(layer.pool is not None and layer.pool.stride != layer.pool.size for layer in populations)
    assert any(conv.padding != (0, 0) for conv in convolutions)
    assert any(conv.stride != (1, 1) for conv in convolutions)
    assert any(conv.groups == conv.in_channels > 1 for conv in convolutions)
    saturating = [network.saturating(index) for network in networks for index in range(len(network.layers))]
    assert set().union(*saturating) == {"v", "s"}
    assert not all(saturating)
    last = [network.population(len(network.layers) - 1) for network in networks]
    assert {
        (network.readout, layer.neuron.fires)
        for network, layer in zip(networks, last, strict=True)
        if network.reads_membranes
    } == {(readout, fires) for readout in ("membrane", "sum", "max") for fires in (False, True)}


def test_wishes_hold() -> None:
    for seed, wishes in enumerate(COMBINATIONS):
        network = random_network(seed, wishes)
        assert network.readout == wishes.readout
        *hidden, last = (layer for _, layer in network.populations())
        for layer in (last, *(hidden if wishes.spiking != "never" else ())):
            assert kind(layer) == (wishes.spiking, wishes.synaptic, wishes.reset)
            assert layer.neuron.leak.kind == wishes.leak


@pytest.mark.parametrize("yes", [False, True])
def test_other_wishes_hold(yes: bool) -> None:
    wishes = Wishes(encoding="steps", pool=yes, padding_values=yes, weight_bits=1 + yes, initial=yes, floor=yes)
    for seed in range(20):
        network = random_network(seed, replace(wishes, gain=yes, fraction_bits=yes))
        assert network.encoder.kind == "steps"
        for index, layer in network.populations():
            assert layer.projection.weight_bits == 1 + yes
            assert (layer.projection.gain is not None, layer.fraction_bits > 0) == (yes, yes)
            assert (layer.neuron.initial is not None, layer.neuron.floor is not None) == (yes, yes)
            if isinstance(layer.projection, Conv) and index == 0 and len(network.layers) > 1:
                assert (layer.pool is not None, layer.projection.padding_values is not None) == (yes, yes)


def with_neuron(layer: Population, **changes: Any) -> Population:
    return replace(layer, neuron=replace(layer.neuron, **changes))


def with_projection(layer: Population, **changes: Any) -> Population:
    return replace(layer, projections=(replace(layer.projection, **changes),))


def with_reset(layer: Population, reset: Reset) -> Population:
    neuron = layer.neuron
    assert isinstance(neuron, Neuron)
    if reset != "subtract" or neuron.sub is None:
        return with_neuron(layer, reset=reset, sub=None)
    return with_neuron(layer, reset=reset, sub=np.minimum(neuron.sub, neuron.threshold - signed_limits(32)[0]))


def with_synapse(layer: Population, **changes: Any) -> Population:
    assert layer.neuron.synapse is not None
    return with_neuron(layer, synapse=replace(layer.neuron.synapse, **changes))


Feature: TypeAlias = tuple[Callable[[Population], object], Callable[[Population], Population]]
FEATURES: dict[str, Feature] = {
    "subtract": (lambda layer: kind(layer)[2] == "subtract", lambda layer: with_reset(layer, "none")),
    "zero": (lambda layer: kind(layer)[2] == "zero", lambda layer: with_reset(layer, "none")),
    "late-subtract": (lambda layer: kind(layer)[2] == "late-subtract", lambda layer: with_reset(layer, "subtract")),
    "late-zero": (lambda layer: kind(layer)[2] == "late-zero", lambda layer: with_reset(layer, "zero")),
    "undelayed": (lambda layer: kind(layer)[2] == "undelayed-subtract", lambda layer: with_reset(layer, "subtract")),
    "once": (lambda layer: spiking(layer) == "once", lambda layer: with_neuron(layer, once=False)),
    "several": (lambda layer: spiking(layer) == "several", lambda layer: with_neuron(layer, further=None)),
    "shift leak": (lambda layer: layer.neuron.leak.kind == "shift", lambda layer: with_neuron(layer, leak=NoLeak())),
    "multiply leak": (
        lambda layer: layer.neuron.leak.kind == "multiply",
        lambda layer: with_neuron(layer, leak=NoLeak()),
    ),
    "leak per channel": (
        lambda layer: layer.neuron.leak.kind == "channels",
        lambda layer: with_neuron(layer, leak=NoLeak()),
    ),
    "synaptic current": (
        lambda layer: layer.neuron.synapse and kind(layer)[2] != "late-zero",
        lambda layer: with_neuron(layer, synapse=None),
    ),
    "leak of the synaptic current": (
        lambda layer: layer.neuron.synapse,
        lambda layer: with_synapse(layer, leak=NoLeak()),
    ),
    "width of the synaptic current": (lambda layer: layer.neuron.synapse, lambda layer: with_synapse(layer, bits=32)),
    "width of the membrane": (
        lambda layer: layer.name != "last",
        lambda layer: with_neuron(layer, membrane_bits=32),
    ),
    "initial membrane": (
        lambda layer: layer.neuron.initial is not None,
        lambda layer: with_neuron(layer, initial=None),
    ),
    "lower bound": (lambda layer: layer.neuron.floor is not None, lambda layer: with_neuron(layer, floor=None)),
    "gain": (lambda layer: layer.projection.gain is not None, lambda layer: with_projection(layer, gain=None)),
    "fraction bits": (lambda layer: layer.fraction_bits, lambda layer: replace(layer, fraction_bits=0)),
    "padding values": (
        lambda layer: isinstance(layer.projection, Conv) and layer.projection.padding_values is not None,
        lambda layer: with_projection(layer, padding_values=None),
    ),
}
"""Which populations have a feature, and what they are without it."""


def test_every_feature_changes_results(networks: list[Network]) -> None:
    """In at least four networks."""
    changed = dict.fromkeys(FEATURES, 0)
    for seed, network in enumerate(networks):
        images = random_images(network, 4, seed)
        result = run(network, images, trace=True)
        for index, layer in network.populations():
            for feature, (has, without) in FEATURES.items():
                if has(layer):
                    layers = [*network.layers]
                    layers[index] = without(layer)
                    other = run(replace(network, layers=tuple(layers)), images, trace=True)
                    changed[feature] += differ(result, other)
    assert {feature: count for feature, count in changed.items() if count < 4} == {}


def differ(some: Result, other: Result) -> bool:
    traces = [result.spikes | result.membranes for result in (some, other)]
    return any((traces[0][name] != traces[1][name]).any() for name in traces[0])


@pytest.mark.parametrize("wanted", [kind for kind in KINDS if kind[0] != "never"], ids=str)
def test_neurons_of_every_kind_neither_sleep_nor_always_fire(wanted: Kind) -> None:
    rates = [
        (spikes > 0).mean()
        for seed in range(16)
        for network in [random_network(seed, Wishes(*wanted))]
        for name, spikes in run(network, random_images(network, 8, seed), trace=True).spikes.items()
        if name != "encoder" and "pool" not in name
    ]
    assert 0.05 < np.mean(rates) < 0.95
    assert sum(0.02 < rate < 0.98 for rate in rates) > 0.7 * len(rates)


def test_a_seed_means_one_folding(networks: list[Network]) -> None:
    network = networks[7]
    assert random_folding(network, 7) == random_folding(network, 7) != random_folding(network, 8)
    assert random_folding(network, 7).layers == random_folds(network, 7)


def test_forty_foldings_cover_every_kind(networks: list[Network]) -> None:
    foldings = [random_folding(network, seed) for seed, network in enumerate(networks[:40])]
    folds = [fold for folding in foldings for fold in folding.layers.values()]
    assert {fold.sums for fold in folds} - {"adders"} == {"lut5", "lut6", "block"}
    assert has_solver() == any(fold.sums == "adders" for fold in folds)
    assert {fold.t_par for fold in folds} >= set(range(1, MAX_TIMESTEPS))
    parts = [
        (part, whole)
        for network, folding in zip(networks, foldings, strict=False)
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


def test_most_layers_neither_sleep_nor_always_fire(networks: list[Network]) -> None:
    rates = [
        (spikes > 0).mean()
        for seed, network in enumerate(networks)
        for spikes in run(network, random_images(network, 8, seed), trace=True).spikes.values()
    ]
    assert sum(0.02 < rate < 0.98 for rate in rates) > 0.8 * len(rates)
