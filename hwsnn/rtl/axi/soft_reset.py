"""Resets everything that frames pass through, in both clock domains."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .clock_crossing import synchronized

PIPELINE = "pipeline"
"""The domain of the pipeline's clock."""
RESET_CYCLES = 16
"""Minimum length of the pipeline's reset, in cycles of its own clock."""


class SoftReset(wiring.Component):
    """Holds both clock domains in reset until each has seen the other one's reset; then releases the pipeline first.

    Its own registers have no reset, so that every sequence runs to its end, whenever the next one is requested. The
    first sequence starts by itself. Its domain is ``sync``; the pipeline's is ``pipeline``.

    Ports
    -----
    ask : Signal(1), in
        Request: reset for as long as this is high, and one whole sequence more.
    resetting : Signal(1), out
        High until everything is ready; a register, and itself the reset of this clock domain.
    pipeline_resetting : Signal(1), out
        In the domain ``pipeline``; a register. High only while ``resetting`` is.

    Timing
    ------
    Latency: 1 cycle from ``ask`` to ``resetting``.
    """

    def __init__(self) -> None:
        super().__init__({"ask": In(1), "resetting": Out(1, init=1), "pipeline_resetting": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        resetting = Signal(init=1, reset_less=True)
        hold = Signal(init=1, reset_less=True)
        again = Signal(reset_less=True)  # requested while the pipeline was being released
        pipeline_rst = Signal(init=1, reset_less=True)
        held = Signal(reset_less=True)  # the pipeline was held in reset for long enough
        clocks = Signal(range(RESET_CYCLES), reset_less=True)
        m.d.comb += [self.resetting.eq(resetting), self.pipeline_resetting.eq(pipeline_rst)]

        m.d[PIPELINE] += pipeline_rst.eq(synchronized(m, hold, PIPELINE, "hold", init=1))
        with m.If(pipeline_rst):
            m.d[PIPELINE] += [clocks.eq(clocks + 1), held.eq(held | (clocks == RESET_CYCLES - 1))]
        with m.Else():
            m.d[PIPELINE] += [clocks.eq(0), held.eq(0)]

        held_seen = synchronized(m, held, "sync", "held")
        with m.If(hold):
            m.d.sync += hold.eq(~held_seen | self.ask)
        with m.Elif(held_seen):
            m.d.sync += again.eq(again | self.ask)
        with m.Else():
            m.d.sync += [hold.eq(self.ask | again), resetting.eq(self.ask | again), again.eq(0)]
        return m
