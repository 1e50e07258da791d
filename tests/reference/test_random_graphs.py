"""The reference against the oracle on 500 random graphs: branches, joins, sums and recurrence."""

from __future__ import annotations

import pytest

from tests.support.against_oracle import check
from tests.support.random_graphs import random_graph

GRAPHS, PARTS = 500, 20


@pytest.mark.parametrize("part", range(PARTS))
def test_graphs(part: int) -> None:
    for seed in range(part, GRAPHS, PARTS):
        check(random_graph(seed), count=2, seed=seed)
