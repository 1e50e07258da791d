"""Runs a component with any number of streams in Amaranth's simulator."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.sim import Simulator

QUIET_CLOCKS = 200
"""Cycles without a beat after which nothing more is expected."""


@dataclass
class Moved:
    """The beats that moved on a stream, and when."""

    beats: list[int] = field(default_factory=list)
    clocks: list[int] = field(default_factory=list)

    def move(self, beat: int, clock: int) -> None:
        self.beats.append(beat)
        self.clocks.append(clock)


def run_streams(
    component: Any,
    inputs: Mapping[str, Sequence[int]],
    outputs: Sequence[str],
    *,
    stalls: float = 0.0,
    seed: int = 1,
) -> dict[str, Moved]:
    """What moves on each stream until all is quiet. ``stalls``: how likely a stream of ours waits in a cycle.

    Checks that an output, once valid, stays as it is until it moves.
    """
    moved = {name: Moved() for name in (*inputs, *outputs)}
    dice = random.Random(seed)

    async def bench(ctx: Any) -> None:
        offered, held = dict.fromkeys(inputs, False), dict[str, int]()
        clock = quiet = 0
        while quiet < QUIET_CLOCKS:
            for name, beats in inputs.items():
                port, left = getattr(component, name), len(beats) - len(moved[name].beats)
                offered[name] = left > 0 and (offered[name] or dice.random() >= stalls)
                ctx.set(port.valid, offered[name])
                ctx.set(Value.cast(port.payload), beats[-left] if left else 0)
            for name in outputs:
                ctx.set(getattr(component, name).ready, dice.random() >= stalls)
            quiet += 1
            for name in inputs:
                port = getattr(component, name)
                if ctx.get(port.valid) and ctx.get(port.ready):
                    moved[name].move(ctx.get(Value.cast(port.payload)), clock)
                    offered[name], quiet = False, 0
            for name in outputs:
                port = getattr(component, name)
                if ctx.get(port.valid):
                    beat = ctx.get(Value.cast(port.payload))
                    assert held.setdefault(name, beat) == beat, f"{name} changed while it was stalled"
                    if ctx.get(port.ready):
                        moved[name].move(beat, clock)
                        del held[name]
                        quiet = 0
                else:
                    assert name not in held, f"{name} was taken back"
            await ctx.tick()
            clock += 1

    m = Module()
    m.submodules.component = component
    ticks = Signal()  # wires alone have no clock
    m.d.sync += ticks.eq(~ticks)
    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return moved
