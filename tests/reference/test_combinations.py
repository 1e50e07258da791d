"""The reference against the oracle on random networks: every legal neuron, leak and readout."""

from __future__ import annotations

import pytest

from tests.support.against_oracle import check
from tests.support.random_networks import random_network
from tests.support.wishes import COMBINATIONS, Wishes

NETWORKS = 3
"""Of each combination, all but one of them long."""


def _check(wishes: Wishes, number: int) -> None:
    seed = NETWORKS * COMBINATIONS.index(wishes) + number
    check(random_network(seed, wishes), count=2, seed=seed)


def test_no_combination_comes_twice() -> None:
    assert len(set(COMBINATIONS)) == len(COMBINATIONS) > 400


@pytest.mark.parametrize("wishes", COMBINATIONS, ids=str)
def test_combinations(wishes: Wishes) -> None:
    _check(wishes, 0)


@pytest.mark.long
@pytest.mark.parametrize("number", range(1, NETWORKS))
@pytest.mark.parametrize("wishes", COMBINATIONS, ids=str)
def test_more_of_every_combination(wishes: Wishes, number: int) -> None:
    _check(wishes, number)


@pytest.mark.parametrize("seed", range(1000, 1060))
def test_anything(seed: int) -> None:
    check(random_network(seed), count=3, seed=seed)
