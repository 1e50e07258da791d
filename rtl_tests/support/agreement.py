"""A network in simulated hardware, beside the reference and the cycle model."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hwsnn.cycles import Cycles, DeadlockError, queue_depths, result_clocks, simulate
from hwsnn.data import random_images
from hwsnn.folding.column_pairs import with_pixels
from hwsnn.folding.folding import Folding
from hwsnn.sim.network_bench import run_network
from hwsnn.spec import Network
from tests.support.random_networks import random_folding

SPAN = 12
"""Frames at the end over which frames that alternate, up to four of them, come out even."""
SETTLED = 96
"""Frames of the model after which its rate is steady: a deep queue may gain no more than a beat per frame."""


def working_folding(network: Network, seed: int, pixels_per_cycle: int = 1) -> Folding:
    """Queues of random depths, or of those that the cycle model finds where the network would get stuck."""
    random = random_folding(with_pixels(network, pixels_per_cycle), seed)
    folding = replace(random, pixels_per_cycle=pixels_per_cycle)
    try:
        simulate(network, folding)
    except DeadlockError:
        return queue_depths(network, folding.layers, pixels_per_cycle)
    return folding


def require_agreement(network: Network, folding: Folding, frames: int, seed: int = 0, *, stalls: bool = True) -> Cycles:
    """The cycle model's figures. Fails unless all boundaries are the reference's, and every result comes as it says.

    ``frames``: how many of random images are simulated, with and without ``stalls``.
    """
    result = run_network(network, folding, random_images(network, frames, seed), seed=seed, stalls=stalls)
    assert result.mismatches == 0, result.first_mismatch
    assert result.spikes_compared > 0
    cycles, clocks = simulate(network, folding), result.result_clocks
    expected = result_clocks(network, folding, max(frames, SETTLED))
    assert list(clocks) == expected[:frames]
    assert clocks[0] == result.latency_cycles == cycles.latency_cycles
    assert Fraction(expected[-1] - expected[-1 - SPAN], SPAN) == cycles.cycles_per_frame
    return cycles
