"""One layer alone gives what it gives within the network."""

from __future__ import annotations

import numpy as np
import pytest

from hwsnn.data import random_images
from hwsnn.reference import encode, run
from hwsnn.reference.of_layer import of_layer
from hwsnn.spec import MaxPool
from tests.support.random_networks import random_network


@pytest.mark.parametrize("seed", range(12))
def test_each_layer(seed: int) -> None:
    network = random_network(seed)
    images = random_images(network, 3, seed)
    result = run(network, images, trace=True)
    inputs = encode(network, images)
    for index, layer in enumerate(network.layers):
        found = of_layer(network, index, inputs)
        if network.gives_spikes(index):
            np.testing.assert_array_equal(found.spikes, result.spikes[layer.name])
            inputs = result.spikes[layer.name]
        else:
            np.testing.assert_array_equal(found.membranes, result.membranes[layer.name])
        assert (found.membranes is None) == isinstance(layer, MaxPool)
        if found.membranes is not None:
            assert found.membranes.dtype == np.int64
            thresholds = getattr(layer.neuron, "thresholds", None)  # type: ignore[union-attr]
            once = getattr(layer.neuron, "once", False)  # type: ignore[union-attr]
            if thresholds is not None and not once:
                reached = found.membranes >= thresholds[:, np.newaxis, np.newaxis, :, np.newaxis, np.newaxis]
                np.testing.assert_array_equal(found.spikes, reached.sum(axis=0))
