# amaranth: UnusedElaboratable=no
"""What layers refuse. Whole networks test the layers themselves."""

from __future__ import annotations

import pytest

from hwsnn.rtl.layer import PopulationLayer
from hwsnn.spec import MaxPool
from tests.support.random_networks import random_folding, random_network


def test_a_pool_has_no_weights() -> None:
    network = next(n for n in map(random_network, range(20)) if any(isinstance(x, MaxPool) for x in n.layers))
    pool = next(index for index, layer in enumerate(network.layers) if isinstance(layer, MaxPool))
    with pytest.raises(ValueError, match=r"^layer 'pool\d' must have weights, not be a pool$"):
        PopulationLayer(network, pool, random_folding(network, 0))
