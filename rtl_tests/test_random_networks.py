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

NUMBER = 200
"""How many there are, spread evenly over all combinations."""
ALWAYS = {3, 17, 33, 44, 47, 56, 79, 97, 106, 114, 130, 136, 148, 161, 168, 178, 182, 185, 190, 195}
"""Small ones that have everything between them: each takes four seconds and more."""
FRAMES = 32


def _network(number: int) -> Network:
    return random_network(number, COMBINATIONS[number * len(COMBINATIONS) // NUMBER])


@pytest.mark.parametrize(
    "number", [number if number in ALWAYS else pytest.param(number, marks=pytest.mark.long) for number in range(NUMBER)]
)
def test_every_kind_of_neuron(number: int) -> None:
    network = _network(number)
    require_agreement(network, random_folding(network, number), FRAMES, number)


def test_these_networks_have_everything() -> None:
    networks = [_network(number) for number in ALWAYS]
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
