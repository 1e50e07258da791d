"""Output positions whose passes take turns: hardware, reference and cycle model agree, and no cycle is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hwsnn.cycles import queue_depths, simulate
from hwsnn.folding.folding import LayerFold
from hwsnn.folding.interleaving import least_interleave
from hwsnn.folding.pipeline_depths import engine_depths
from hwsnn.spec import Network
from rtl_tests.support.agreement import require_agreement
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_folds, random_network

FRAMES = 10
NETWORKS = {
    "pixels": (random_network(11), 11),  # the same window for every pass
    "passes": (random_network(8), 8),  # a window has several passes
    "two": (random_network(51), 51),  # one layer behind the other
    "graph": (random_graph(1), 1),  # a fork behind, and joins
}


@pytest.mark.parametrize("name", NETWORKS)
def test_random(name: str) -> None:
    network, seed = NETWORKS[name]
    layers = random_folds(network, seed)
    turns = in_turns(network, layers)
    assert turns != layers
    alone = simulate(network, queue_depths(network, layers))
    taking_turns = require_agreement(network, queue_depths(network, turns), FRAMES)
    assert taking_turns.cycles_per_frame < alone.cycles_per_frame


def in_turns(network: Network, layers: dict[str, LayerFold]) -> dict[str, LayerFold]:
    """The folds, with as many positions in turn as hide the feedback of the membranes."""
    found = dict(layers)
    for index, layer in network.populations():
        engine = engine_depths(network, index, layers[layer.name])
        turns = least_interleave(network, index, engine.passes, engine.pass_clocks, engine.min_interval)
        found[layer.name] = replace(layers[layer.name], interleave=turns)
    return found
