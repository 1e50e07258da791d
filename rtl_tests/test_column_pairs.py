"""Two pixels per cycle: hardware, reference and cycle model agree, of random networks and graphs."""

from __future__ import annotations

import pytest

from hwsnn.errors import InputError
from hwsnn.folding.column_pairs import PairConv, PairPool, with_pixels
from hwsnn.spec import Network, Sum
from rtl_tests.support.agreement import require_agreement, working_folding
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_network
from tests.support.wishes import Wishes

NETWORKS, GRAPHS = {98, 166, 442}, {622, 127}
"""Seeds of those that have everything between them: each takes ten seconds and more."""
FRAMES, LONG = 24, 400


def _network(seed: int) -> Network:
    return random_network(seed, Wishes(encoding="direct"))


def _check(network: Network, seed: int) -> None:
    require_agreement(network, working_folding(network, seed, 2), FRAMES, seed)


@pytest.mark.parametrize("seed", sorted(NETWORKS))
def test_networks(seed: int) -> None:
    _check(_network(seed), seed)


@pytest.mark.parametrize("seed", sorted(GRAPHS))
def test_graphs(seed: int) -> None:
    _check(random_graph(seed), seed)


def test_these_networks_have_everything() -> None:
    networks = [with_pixels(network, 2) for network in [*map(_network, NETWORKS), *map(random_graph, GRAPHS)]]
    layers = [layer for network in networks for layer in network.layers]
    convolutions = [
        projection
        for network in networks
        for _, layer in network.populations()
        for projection in layer.projections
        if isinstance(projection, PairConv)
    ]
    assert {layer.mode for layer in layers if isinstance(layer, PairPool)} == {"or", "winner"}
    assert {layer.window.unused > 0 for layer in layers if isinstance(layer, PairPool)} == {True, False}
    assert any(isinstance(layer, Sum) for layer in layers)
    assert any(conv.window.right > 0 for conv in convolutions)
    assert any(conv.padding[1] > 0 for conv in convolutions)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(LONG))
def test_many(seed: int) -> None:
    for network in (_network(seed), random_graph(seed)):
        try:
            with_pixels(network, 2)
        except InputError:
            continue
        _check(network, seed)
