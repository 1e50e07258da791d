"""Currents of several projections against plain sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator

from hwsnn.folding.synaptic_sums import SynapticSums
from hwsnn.rtl.compute.current_sum import CurrentSum


def _sums(seed: int, lanes: int, groups: int, scale: int) -> SynapticSums:
    rng = np.random.default_rng(seed)
    weights = rng.integers(-scale, scale + 1, (1, groups, 2, lanes, 3))
    bias = np.zeros((groups, lanes), int) if seed else rng.integers(-99, 100, (groups, lanes))
    return SynapticSums(weights, bias, 3, "lut5", fraction_bits=2)


@pytest.mark.parametrize("projections", [2, 3, 5])
def test_sums_of_a_beat_per_cycle(projections: int) -> None:
    lanes, rng = 3, np.random.default_rng(projections)
    sums = [_sums(number, lanes, 4, (7, 1, 60)[number % 3]) for number in range(projections)]
    low, high = (sum(of.bounds[end] for of in sums) for end in (0, 1))
    bits = max(int(-low.min() - 1).bit_length(), int(high.max()).bit_length()) + 1
    component, seen = CurrentSum(sums, bits), list[list[int]]()
    # All of the least and of the largest of each output fold, then anything between.
    beats = [
        [rng.integers(of.bounds[0][fold], of.bounds[1][fold], endpoint=True) for of in sums] for fold in range(4)
    ] * 4
    beats += [[of.bounds[end][fold] for of in sums] for fold in range(4) for end in (0, 1)]

    async def bench(ctx: Any) -> None:
        for clock in range(len(beats) + component.latency):
            for number, part in enumerate(beats[min(clock, len(beats) - 1)]):
                for lane in range(lanes):
                    ctx.set(getattr(component, f"part_{number}")[lane], int(part[lane]))
            seen.append([ctx.get(component.total[lane]) for lane in range(lanes)])
            await ctx.tick()

    m = Module()
    m.domains.sync = ClockDomain()
    m.submodules.component = component
    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert component.latency == (projections - 1).bit_length()
    assert seen[component.latency :] == [np.sum(parts, axis=0).tolist() for parts in beats]
