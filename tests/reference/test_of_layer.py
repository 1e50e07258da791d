"""One layer alone gives what it gives within the network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hwsnn.data import random_images
from hwsnn.reference import encode, run
from hwsnn.reference.of_layer import of_layer
from hwsnn.spec import Network, Neuron
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_network


@pytest.mark.parametrize("network_of", [random_network, random_graph])
@pytest.mark.parametrize("seed", range(12))
def test_each_layer(network_of: Callable[[int], Network], seed: int) -> None:
    network = network_of(seed)
    images = random_images(network, 3, seed)
    result = run(network, images, trace=True)
    given = [encode(network, images)]
    for index, layer in enumerate(network.layers):
        found = of_layer(network, index, *(given[edge.source + 1] for edge in network.edges[index] if not edge.delay))
        given.append(found.spikes)
        if network.gives_spikes(index):
            np.testing.assert_array_equal(found.spikes, result.spikes[layer.name])
        else:
            np.testing.assert_array_equal(found.membranes, result.membranes[layer.name])
        assert (found.membranes is None) == (layer.neuron is None)
        if found.membranes is not None:
            assert found.membranes.dtype == np.int64
            if isinstance(layer.neuron, Neuron) and not layer.neuron.once:
                thresholds = layer.neuron.thresholds[:, np.newaxis, np.newaxis, :, np.newaxis, np.newaxis]
                np.testing.assert_array_equal(found.spikes, (found.membranes >= thresholds).sum(axis=0))
