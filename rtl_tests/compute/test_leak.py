# amaranth: UnusedElaboratable=no
"""Leaks against plain integers, at the clocks that are said of them."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.hdl import ClockDomain, Module, Signal, signed
from amaranth.sim import Simulator

from hwsnn.folding.pipeline_depths import leak_clocks
from hwsnn.rtl.compute.leak import leaked
from hwsnn.spec import LEAKS as KINDS
from hwsnn.spec import Leak, MultiplyLeak, NoLeak, ShiftLeak
from tests.support import oracle

BITS = 9
VALUES = [*range(-(1 << (BITS - 1)), 1 << (BITS - 1), 5), -1, (1 << (BITS - 1)) - 1]
LEAKS: list[Leak] = [
    NoLeak(),
    *map(ShiftLeak, (1, 3, 16)),
    *(MultiplyLeak(m, 8) for m in (0, 1, 2, 3, 5, 85, 128, 170, 171, 219, 230, 255)),
    MultiplyLeak(0, 1),
    MultiplyLeak(1, 1),
    MultiplyLeak(65535, 16),
    MultiplyLeak(0x5555, 16),
    MultiplyLeak(0xB6DB, 16),
]


@pytest.mark.parametrize("leak", LEAKS, ids=repr)
def test_leak_latency(leak: Leak) -> None:
    m = Module()
    m.domains.sync = ClockDomain()
    v = Signal(signed(BITS))
    decayed = leaked(m, leak, v)
    seen: list[int] = []

    async def bench(ctx: Any) -> None:
        for clock in range(len(VALUES) + leak_clocks(leak)):
            ctx.set(v, VALUES[clock] if clock < len(VALUES) else 0)
            if clock >= leak_clocks(leak):
                seen.append(ctx.get(decayed))
            await ctx.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == [oracle.leaked(leak, value) for value in VALUES]


def test_every_kind_is_tried() -> None:
    assert {type(leak) for leak in LEAKS} == set(KINDS.values())
