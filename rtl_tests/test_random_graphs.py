"""Random networks that branch, join and come back: hardware, reference and cycle model agree."""

from __future__ import annotations

from fractions import Fraction

import pytest

from hwsnn.cycles import DeadlockError, queue_depths, result_clocks, simulate
from hwsnn.data import random_images
from hwsnn.folding.folding import Folding
from hwsnn.sim import network_bench
from hwsnn.sim.network_bench import run_network
from hwsnn.spec import Network
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_folding
from tests.support.small_graphs import GRAPHS

ALWAYS, LONG = 40, 300
FRAMES, SPAN = 24, 12
"""Frames simulated, and those at the end over which frames that alternate, up to four of them, come out even."""


def _folding(network: Network, number: int) -> Folding:
    """Queues of random depths, or of those that the cycle model finds where the network would get stuck."""
    folding = random_folding(network, number)
    try:
        simulate(network, folding)
    except DeadlockError:
        return queue_depths(network, folding.layers)
    return folding


def _check(number: int) -> None:
    """All boundaries equal the reference's, with stalls and without; every result comes when the model says."""
    network = random_graph(number)
    folding = _folding(network, number)
    result = run_network(network, folding, random_images(network, FRAMES, number), seed=number)
    assert result.mismatches == 0, result.first_mismatch
    assert result.spikes_compared > 0
    cycles, clocks = simulate(network, folding), result.result_clocks
    assert list(clocks) == result_clocks(network, folding, FRAMES)
    assert clocks[0] == result.latency_cycles == cycles.latency_cycles
    assert Fraction(clocks[-1] - clocks[-1 - SPAN], SPAN) == cycles.cycles_per_frame


@pytest.mark.parametrize("number", range(ALWAYS))
def test_graphs(number: int) -> None:
    _check(number)


@pytest.mark.long
@pytest.mark.parametrize("number", range(ALWAYS, LONG))
def test_many_graphs(number: int) -> None:
    _check(number)


def test_what_the_model_refuses_gets_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    """A place in the queue of a skip is too few for the rows that the longer branch waits for."""
    network, folds = GRAPHS["added"]()
    deep = queue_depths(network, folds)
    shallow = Folding(deep.layers, deep.fifo_depths, deep.column_depths, dict.fromkeys(deep.edge_depths, 1))
    with pytest.raises(DeadlockError):
        simulate(network, shallow)
    speed = simulate(network, deep)
    monkeypatch.setattr(network_bench, "simulate", lambda *_: speed)
    result = run_network(network, shallow, random_images(network, 2, 0), stalls=False)
    assert result.result_clocks == ()
    assert result.first_mismatch is not None  # the first beat that never came
    assert result.first_mismatch.startswith("first: frame 0, ")
