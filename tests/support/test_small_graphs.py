"""The small graphs are alive: every layer fires, and none always does."""

from __future__ import annotations

import pytest

from hwsnn.data import random_images
from hwsnn.reference import run
from tests.support.small_graphs import GRAPHS


@pytest.mark.parametrize("graph", GRAPHS)
def test_layers_are_alive(graph: str) -> None:
    network, folds = GRAPHS[graph]()
    assert {layer.name for _, layer in network.populations()} == folds.keys()
    outcome = run(network, random_images(network, 8, 0), trace=True)
    for index, layer in enumerate(network.layers):
        if network.gives_spikes(index):
            rate = outcome.spikes[layer.name].mean() / network.outputs(index).largest
            assert 0.03 < rate < 0.9, f"{layer.name}: {rate:.3f}"
            most = outcome.spikes[layer.name].max()
            assert most == network.outputs(index).largest, layer.name
