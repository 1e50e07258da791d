# amaranth: UnusedElaboratable=no
"""The largest numbers of several windows, whose parts come with gaps."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from hwsnn.rtl.compute.largest_ring import LargestRing

FRAMES, WINDOWS, LANES = 8, 4, 2


@pytest.mark.parametrize("entries", [1, 2, 3, 6])
@pytest.mark.parametrize("gaps", [(0,), (0, 0, 1, 3)])
def test_largest(entries: int, gaps: tuple[int, ...]) -> None:
    generator, expected, seen = random.Random(entries), list[list[int]](), list[list[int]]()
    ring = LargestRing(entries, LANES, 6)
    added = list[bool]()

    async def tick(ctx: Any) -> None:
        added.append(bool(ctx.get(ring.add)))
        await ctx.tick()
        if added[-ring.latency :][0] and len(added) >= ring.latency:
            seen.append([ctx.get(ring.total[lane]) for lane in range(LANES)])

    async def bench(ctx: Any) -> None:
        for _ in range(FRAMES):
            largest: list[list[int]] = [[-100] * LANES for _ in range(entries)]
            for window in range(WINDOWS):
                for entry in range(entries):
                    part = [generator.choice((-32, -1, 0, 31, generator.randint(-32, 31))) for _ in range(LANES)]
                    largest[entry] = [max(both) for both in zip(largest[entry], part, strict=True)]
                    expected.append(largest[entry])
                    ctx.set(ring.first, window == 0)
                    ctx.set(ring.part, part)
                    ctx.set(ring.add, 1)
                    await tick(ctx)
                    ctx.set(ring.add, 0)
                    for _ in range(generator.choice(gaps)):
                        ctx.set(ring.part, [generator.randint(-32, 31) for _ in range(LANES)])
                        await tick(ctx)
        await tick(ctx)

    simulator = Simulator(ring)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == expected
