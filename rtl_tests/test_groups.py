"""Convolutions in groups in hardware: every boundary is the reference's, every clock the cycle model's."""

from __future__ import annotations

import pytest

from hwsnn.cycles import queue_depths, result_clocks, simulate
from hwsnn.data import random_images
from hwsnn.folding.folding import LayerFold
from hwsnn.sim.network_bench import run_network
from hwsnn.spec import EncoderKind
from tests.support.grouped_networks import grouped_model

FOLDS = {
    "direct": {"parts": LayerFold(4, 6, 4), "depthwise": LayerFold(6, 12, 4), "last": LayerFold(12, 3, 4)},
    "uniform": {"parts": LayerFold(3, 4, 2), "depthwise": LayerFold(2, 5, 3, "block"), "last": LayerFold(5, 2, 1)},
}
"""As parallel as can be, and parts that cut through groups."""


@pytest.mark.parametrize("encoding", FOLDS)
def test_hardware_is_reference_and_cycle_model(encoding: EncoderKind) -> None:
    network = grouped_model(encoding)
    folding = queue_depths(network, FOLDS[encoding])
    result = run_network(network, folding, random_images(network, 6, 0), seed=3)
    assert result.mismatches == 0, result.first_mismatch
    assert result.spikes_compared > 0
    clocks = simulate(network, folding)
    assert result.latency_cycles == clocks.latency_cycles
    assert list(result.result_clocks) == result_clocks(network, folding, len(result.result_clocks))
    assert result.cycles_per_frame == clocks.cycles_per_frame
