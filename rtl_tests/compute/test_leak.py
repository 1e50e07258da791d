# amaranth: UnusedElaboratable=no
"""Leaks against plain integers, in the cycles that are stated for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import ClockDomain, Module, Signal, signed
from amaranth.sim import Simulator

from hwsnn.folding.leak_products import pe_clocks
from hwsnn.rtl.compute.leak import leaked
from hwsnn.spec import LEAKS as KINDS
from hwsnn.spec import ChannelLeak, Leak, MultiplyLeak, NoLeak, ShiftLeak
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
    # A PE of one channel, or of several that are alike, has a constant; 2^shift is no decay.
    *(ChannelLeak(np.array([m]), 8) for m in (0, 1, 219, 255, 256)),
    ChannelLeak(np.array([171, 171, 171]), 8),
    # A PE of channels that differ: of any, of two places, of one, none of them in use, all of 16 bits.
    ChannelLeak(np.array([219, 0, 256, 255, 85, 1]), 8),
    ChannelLeak(np.array([1, 256]), 8),
    ChannelLeak(np.array([128, 0]), 8),
    ChannelLeak(np.array([65535, 65536, 0x5555]), 16),
]


@pytest.mark.parametrize("waits", [0, 2])
@pytest.mark.parametrize("leak", LEAKS, ids=repr)
def test_leak_latency(leak: Leak, waits: int) -> None:
    """Another value and another channel in every cycle."""
    m = Module()
    m.domains.sync = ClockDomain()
    clocks, multipliers = pe_clocks(leak) + waits, [0]
    if isinstance(leak, ChannelLeak):
        multipliers = leak.multipliers.tolist()
    v, multiplier = Signal(signed(BITS)), Signal(range(max(multipliers) + 1))
    decayed = leaked(m, leak, v, clocks, multiplier)
    seen: list[int] = []

    async def bench(ctx: Any) -> None:
        for clock in range(len(VALUES) + clocks):
            ctx.set(v, VALUES[clock] if clock < len(VALUES) else 0)
            ctx.set(multiplier, multipliers[clock % len(multipliers)])
            if clock >= clocks:
                seen.append(ctx.get(decayed))
            await ctx.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == [oracle.leaked(leak, value, at % len(multipliers)) for at, value in enumerate(VALUES)]


def test_every_kind_is_tried() -> None:
    assert {type(leak) for leak in LEAKS} == set(KINDS.values())
