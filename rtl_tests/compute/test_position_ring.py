# amaranth: UnusedElaboratable=no
"""Sums over positions, whose parts come with gaps."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from hwsnn.rtl.compute.position_ring import PositionRing

FRAMES, POSITIONS, PASSES, LANES = 4, 3, 3, 2


@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("entries", [1, 2, 5])
def test_sums(entries: int, keeps: bool) -> None:
    """Where the sums are kept, every pass of the last position adds to those of the positions before."""
    generator, expected, seen = random.Random(entries), list[list[int]](), list[list[int]]()
    ring = PositionRing(entries, LANES, 10, keeps=keeps)

    async def bench(ctx: Any) -> None:
        for _ in range(FRAMES):
            totals = [[0] * LANES for _ in range(entries)]
            for position in range(POSITIONS):
                kept = keeps and position == POSITIONS - 1
                ctx.set(ring.first, position == 0)
                if keeps:
                    ctx.set(ring.last, kept)
                for entry in [*range(entries)] * (PASSES if kept else 1):
                    part = [generator.randint(-100, 100) for _ in range(LANES)]
                    total = [so_far + number for so_far, number in zip(totals[entry], part, strict=True)]
                    if not kept:
                        totals[entry] = total
                    ctx.set(ring.part, part)
                    ctx.set(ring.add, 1)
                    await ctx.tick()
                    expected.append(total)
                    seen.append([ctx.get(ring.total[lane]) for lane in range(LANES)])
                    ctx.set(ring.add, 0)
                    for _ in range(generator.choice((0, 0, 3))):
                        await ctx.tick()

    simulator = Simulator(ring)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == expected
