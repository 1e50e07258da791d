"""The reference against the oracle on over a thousand random networks: every legal neuron, leak and readout."""

from __future__ import annotations

import pytest

from tests.support.against_oracle import check
from tests.support.random_networks import random_network
from tests.support.wishes import COMBINATIONS, Wishes

NETWORKS = 3
"""Of each combination."""


def test_there_are_a_thousand_networks() -> None:
    assert len(set(COMBINATIONS)) == len(COMBINATIONS)
    assert NETWORKS * len(COMBINATIONS) >= 1000


@pytest.mark.parametrize("wishes", COMBINATIONS, ids=str)
def test_combinations(wishes: Wishes) -> None:
    first = NETWORKS * COMBINATIONS.index(wishes)
    for seed in range(first, first + NETWORKS):
        check(random_network(seed, wishes), count=2, seed=seed)


@pytest.mark.parametrize("seed", range(1000, 1060))
def test_anything(seed: int) -> None:
    check(random_network(seed), count=3, seed=seed)
