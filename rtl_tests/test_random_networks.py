"""Random networks of every neuron, leak, reset and readout: hardware, reference and cycle model agree.

Each has its wish for one combination; encodings, pools, gains, fraction bits and the rest are up to chance.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from hwsnn.cycles import result_clocks, simulate
from hwsnn.data import random_images
from hwsnn.sim.network_bench import run_network
from tests.support.random_networks import random_folding, random_network
from tests.support.wishes import COMBINATIONS

ALWAYS, LONG = 40, 200
"""How many are tried, spread evenly over all combinations."""
FRAMES, SPAN = 32, 12
"""Frames simulated, and those at the end over which frames that alternate, up to four of them, come out even."""


def _check(number: int, of: int) -> None:
    """All boundaries equal the reference's, with stalls and without; every result comes when the model says."""
    network = random_network(number, COMBINATIONS[number * len(COMBINATIONS) // of])
    folding = random_folding(network, number)
    result = run_network(network, folding, random_images(network, FRAMES, number), seed=number)
    assert result.mismatches == 0, result.first_mismatch
    assert result.spikes_compared > 0
    cycles, clocks = simulate(network, folding), result.result_clocks
    assert list(clocks) == result_clocks(network, folding, FRAMES)
    assert clocks[0] == result.latency_cycles == cycles.latency_cycles
    assert Fraction(clocks[-1] - clocks[-1 - SPAN], SPAN) == cycles.cycles_per_frame


@pytest.mark.parametrize("number", range(ALWAYS))
def test_every_kind_of_neuron(number: int) -> None:
    _check(number, ALWAYS)


@pytest.mark.long
@pytest.mark.parametrize("number", range(LONG))
def test_many_of_every_combination(number: int) -> None:
    _check(number, LONG)
