# amaranth: UnusedElaboratable=no
"""Values some clocks later, along a chain of registers that all stages share."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from amaranth.hdl import ClockDomain, Module, Signal, Value, signed
from amaranth.sim import Simulator

from hwsnn.rtl.stream.delay import DelayLine, delayed

CLOCKS = 20


def _values(make: Callable[[Module, Value], dict[int, Value]], *, reset_at: int = -1) -> dict[int, list[int]]:
    """What each of the values is, clock by clock, while the one they are made from counts 1, 2, 3 and so on."""
    m = Module()
    m.domains.sync = domain = ClockDomain()
    source = Signal(signed(8))
    made = make(m, source)
    seen: dict[int, list[int]] = {key: [] for key in made}

    async def bench(ctx: Any) -> None:
        for clock in range(CLOCKS):
            ctx.set(source, clock + 1)
            ctx.set(domain.rst, clock == reset_at)
            for key, value in made.items():
                seen[key].append(ctx.get(value))
            await ctx.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return seen


@pytest.mark.parametrize("clocks", [0, 1, 4])
def test_delayed(clocks: int) -> None:
    seen = _values(lambda m, source: {clocks: delayed(m, source, "value", clocks)})
    assert seen[clocks] == [0] * clocks + list(range(1, CLOCKS - clocks + 1))


def test_delayed_at_a_reset() -> None:
    """A number on its way is kept, but for the one that comes out; a flag is forgotten."""
    kept = _values(lambda m, source: {3: delayed(m, source, "value", 3)}, reset_at=10)[3]
    numbers = [0] * 3 + list(range(1, CLOCKS - 2))
    assert kept == [*numbers[:11], 0, *numbers[12:]]
    forgotten = _values(lambda m, source: {3: delayed(m, source, "value", 3, reset_less=False)}, reset_at=10)[3]
    assert forgotten == [*kept[:11], 0, 0, 0, *kept[14:]]


@pytest.mark.parametrize("stage", [0, 2])
def test_line(stage: int) -> None:
    """Stages may be asked for in any order, and again."""
    stages = [stage + clocks for clocks in (3, 0, 1, 5)]

    def make(m: Module, source: Value) -> dict[int, Value]:
        line = DelayLine(m, source, "value", stage)
        made = {at: line.at(at) for at in stages}
        assert all(line.at(at) is made[at] for at in random.Random(1).sample(stages, len(stages)))
        return made

    seen = _values(make)
    for at in stages:
        clocks = at - stage
        assert seen[at] == [0] * clocks + list(range(1, CLOCKS - clocks + 1))
