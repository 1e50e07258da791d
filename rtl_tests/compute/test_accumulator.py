# amaranth: UnusedElaboratable=no
"""Sums of terms that come with gaps."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import signed
from amaranth.sim import Simulator

from hwsnn.rtl.compute.accumulator import Accumulator


@pytest.mark.parametrize("start", [0, -9, 100, 4000, -4100])
def test_sums(start: int) -> None:
    """Two starts are beyond the width: sums are right modulo that."""
    generator, expected, seen = random.Random(start), list[int](), list[int]()
    accumulator = Accumulator(signed(6), 12, start)

    async def bench(ctx: Any) -> None:
        total = start
        for _ in range(400):
            add = generator.random() < 0.6
            term, last = generator.randint(-32, 31), add and generator.random() < 0.2
            ctx.set(accumulator.term, term)
            ctx.set(accumulator.add, add)
            ctx.set(accumulator.last, last)
            await ctx.tick()
            total += term if add else 0
            if last:
                expected.append((total + 2048) % 4096 - 2048)
                seen.append(ctx.get(accumulator.total))
                total = start

    simulator = Simulator(accumulator)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == expected
    assert len(set(seen)) > 10
