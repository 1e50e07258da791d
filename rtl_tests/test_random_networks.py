"""Random networks of every neuron, leak, reset and readout: hardware, reference and cycle model agree.

Each has its wish for one combination; encodings, pools, gains, fraction bits and the rest are up to chance.
"""

from __future__ import annotations

from typing import get_args

import pytest

from hwsnn.spec import LEAKS, PROJECTIONS, EncoderKind, MaxPool, Network, Readout
from rtl_tests.support.agreement import require_agreement
from tests.support.random_networks import random_folding, random_network
from tests.support.test_random_networks import kind
from tests.support.wishes import COMBINATIONS, KINDS

FEW, LONG = 40, 200
"""How many are tried, spread evenly over all combinations."""
ALWAYS = {0, 3, 6, 9, 10, 11, 13, 15, 17, 19, 20, 22, 24, 26, 28, 29, 31, 35, 37, 38, 39}
"""Those of the few that have everything between them: each takes ten seconds and more."""
FRAMES = 32


def _network(number: int, of: int) -> Network:
    return random_network(number, COMBINATIONS[number * len(COMBINATIONS) // of])


def _check(number: int, of: int) -> None:
    network = _network(number, of)
    require_agreement(network, random_folding(network, number), FRAMES, number)


@pytest.mark.parametrize(
    "number", [number if number in ALWAYS else pytest.param(number, marks=pytest.mark.long) for number in range(FEW)]
)
def test_every_kind_of_neuron(number: int) -> None:
    _check(number, FEW)


def test_these_networks_have_everything() -> None:
    networks = [_network(number, FEW) for number in ALWAYS]
    populations = [layer for network in networks for _, layer in network.populations()]
    layers = [layer for network in networks for layer in network.layers]
    synapses = [layer.neuron.synapse for layer in populations if layer.neuron.synapse]
    assert {network.encoder.kind for network in networks} == {*get_args(EncoderKind)}
    assert {network.readout for network in networks} == {*get_args(Readout)}
    assert {kind(layer) for layer in populations} == {*KINDS}
    assert {layer.neuron.leak.kind for layer in populations} == {synapse.leak.kind for synapse in synapses} == {*LEAKS}
    assert {layer.projection.kind for layer in populations} == {*PROJECTIONS}
    assert {layer.mode for layer in layers if isinstance(layer, MaxPool)} == {"or", "winner"}
    for has in (
        lambda layer: layer.pool is not None,
        lambda layer: layer.fraction_bits > 0,
        lambda layer: layer.projection.gain is not None,
        lambda layer: layer.neuron.initial is not None,
        lambda layer: layer.neuron.floor is not None,
    ):
        assert {has(layer) for layer in populations} == {False, True}


@pytest.mark.long
@pytest.mark.parametrize("number", range(LONG))
def test_many_of_every_combination(number: int) -> None:
    _check(number, LONG)
