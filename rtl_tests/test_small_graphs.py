"""Networks that branch, join, or come back: every boundary is the reference's, every clock the cycle model's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hwsnn.cycles import queue_depths, result_clocks, simulate
from hwsnn.data import random_images
from hwsnn.rtl.network import Pipeline
from hwsnn.sim.network_bench import run_network
from tests.support.small_graphs import GRAPHS


@pytest.mark.parametrize("graph", GRAPHS)
def test_hardware_is_reference_and_cycle_model(graph: str) -> None:
    network, folds = GRAPHS[graph]()
    folding = queue_depths(network, folds)
    result = run_network(network, folding, random_images(network, 6, 0), seed=3)
    assert result.mismatches == 0, result.first_mismatch
    assert result.spikes_compared > 0
    clocks = simulate(network, folding)
    assert result.latency_cycles == clocks.latency_cycles
    assert list(result.result_clocks) == result_clocks(network, folding, len(result.result_clocks))
    assert result.cycles_per_frame == clocks.cycles_per_frame


@pytest.mark.parametrize("what", ["fifo", "column", "edge"])
def test_a_folding_names_every_queue(what: str) -> None:
    network, folds = GRAPHS["joined"]()
    folding = queue_depths(network, folds)
    depths = dict(getattr(folding, f"{what}_depths"))
    name = sorted(depths)[-1]
    del depths[name]
    without: dict[str, Any] = {f"{what}_depths": depths}
    with pytest.raises(ValueError, match=rf"^{what} depths must name \[.*'{name}'\], not \[.*\]$"):
        Pipeline(network, replace(folding, **without))
