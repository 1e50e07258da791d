"""Fully connected pixels that are held: their sums are made once, and serve the passes of all time steps."""

from __future__ import annotations

import pytest

from hwsnn.cycles import queue_depths
from hwsnn.folding.folding import LayerFold
from hwsnn.folding.pipeline_depths import engine_depths
from hwsnn.spec import Network
from rtl_tests.support.agreement import require_agreement
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_folds, random_network

FRAMES = 12
NETWORKS = {"network36": random_network(36), "network44": random_network(44), "graph34": random_graph(34)}


@pytest.mark.parametrize("name", NETWORKS)
def test_random(name: str) -> None:
    """The first layer, the last, and a port beside others."""
    network = NETWORKS[name]
    layers = random_folds(network, int(name[-2:]))
    assert _has_early(network, layers)
    require_agreement(network, queue_depths(network, layers), FRAMES)


def _has_early(network: Network, layers: dict[str, LayerFold]) -> bool:
    """Whether a layer has positions of fewer passes than the last."""
    engines = [engine_depths(network, index, layers[layer.name]) for index, layer in network.populations()]
    return any(
        positions > 1 and early < engine.passes
        for engine in engines
        for positions, early in zip(engine.positions, engine.early_passes, strict=True)
    )
