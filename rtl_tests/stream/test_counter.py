"""Counters against counting modulo the period."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator

from hwsnn.rtl.stream.counter import ModuloCounter


@pytest.mark.parametrize("period", [1, 2, 3, 4, 7, 8])
def test_counter(period: int) -> None:
    counter = ModuloCounter(period)
    seen: list[tuple[int, int]] = []
    steps = [clock % 3 != 1 for clock in range(12 * period)]

    async def bench(ctx: Any) -> None:
        for step in steps:
            ctx.set(counter.step, step)
            seen.append((ctx.get(counter.count), ctx.get(counter.last)))
            await ctx.tick()

    m = Module()
    m.domains += ClockDomain("sync")  # a counter of period 1 has no register, and so no clock of its own
    m.submodules.counter = counter
    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    counts = [sum(steps[:clock]) % period for clock in range(len(steps))]
    assert seen == [(count, int(count == period - 1)) for count in counts]


@pytest.mark.parametrize(("period", "error"), [(0, ValueError), (-2, ValueError), ("4", TypeError), (None, TypeError)])
def test_init_wrong(period: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"^period must be an integer of at least 1, not {period!r}$"):
        ModuloCounter(period)
