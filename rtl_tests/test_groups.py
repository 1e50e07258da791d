"""Convolutions in groups in hardware: every boundary is the reference's, every clock the cycle model's."""

from __future__ import annotations

import pytest

from hwsnn.cycles import queue_depths, result_clocks, simulate
from hwsnn.data import random_images
from hwsnn.folding.folding import LayerFold
from hwsnn.sim.network_bench import run_network
from hwsnn.spec import EncoderKind
from tests.support.grouped_networks import grouped_model

FOLDS: dict[str, tuple[EncoderKind, LayerFold, LayerFold]] = {
    "all": ("direct", LayerFold(2, 6, 4), LayerFold(1, 12, 4)),
    "a PE": ("direct", LayerFold(1, 1, 2, "lut6"), LayerFold(1, 1, 4, "block", 2)),
    "a group": ("poisson", LayerFold(2, 3, 2), LayerFold(1, 2, 1)),
    "part of a group": ("uniform", LayerFold(1, 1, 3), LayerFold(1, 1, 2, "lut6")),
    "groups that leave one": ("uniform", LayerFold(1, 5, 1), LayerFold(3, 9, 3, "block")),
}
"""The PEs of the two layers in groups: 2 of 2 to 3 channels, 6 of 1 to 2. Larger numbers are cut down."""


@pytest.mark.parametrize("folds", FOLDS)
def test_hardware_is_reference_and_cycle_model(folds: str) -> None:
    encoding, parts, depthwise = FOLDS[folds]
    network = grouped_model(encoding)
    folding = queue_depths(network, {"parts": parts, "depthwise": depthwise, "last": LayerFold(5, 2, parts.t_par)})
    result = run_network(network, folding, random_images(network, 6, 0), seed=3)
    assert result.mismatches == 0, result.first_mismatch
    assert result.spikes_compared > 0
    clocks = simulate(network, folding)
    assert result.latency_cycles == clocks.latency_cycles
    assert list(result.result_clocks) == result_clocks(network, folding, len(result.result_clocks))
    assert result.cycles_per_frame == clocks.cycles_per_frame
