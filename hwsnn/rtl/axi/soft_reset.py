"""Resets everything that frames go through, in both clocks."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .crossing import synchronized

PIPELINE = "pipeline"
"""The domain of the pipeline's clock."""
HELD_CLOCKS = 16
"""How long the pipeline is held in reset, at least, in its own clock."""


class SoftReset(wiring.Component):
    """Holds both clocks in reset until each has seen that the other one is; then lets the pipeline go first.

    It starts by itself after its own reset. Its domain is ``sync``; the pipeline's is ``pipeline``, whose reset is
    ``pipeline_rst``.

    Members
    -------
    ``start`` : in; begin, unless one is under way.
    ``resetting`` : out; until everything is ready; a register, and itself the reset of what lies in this clock.
    ``pipeline_rst`` : out, in the pipeline's clock; a register.
    """

    def __init__(self) -> None:
        super().__init__({"start": In(1), "resetting": Out(1, init=1), "pipeline_rst": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        hold = Signal(init=1)
        held = Signal(reset_less=True)
        pipeline_rst = Signal.like(self.pipeline_rst, init=1, reset_less=True)
        m.d.comb += self.pipeline_rst.eq(pipeline_rst)

        m.d[PIPELINE] += pipeline_rst.eq(synchronized(m, hold, PIPELINE, "hold", init=1))
        clocks = Signal(range(HELD_CLOCKS), reset_less=True)
        with m.If(~pipeline_rst):
            m.d[PIPELINE] += [clocks.eq(0), held.eq(0)]
        with m.Else():
            m.d[PIPELINE] += [clocks.eq(clocks + 1), held.eq(held | (clocks == HELD_CLOCKS - 1))]

        held_seen = synchronized(m, held, "sync", "held")
        with m.If(hold):
            m.d.sync += hold.eq(~held_seen)
        with m.Elif(self.resetting):
            m.d.sync += self.resetting.eq(held_seen)
        with m.Elif(self.start):
            m.d.sync += [hold.eq(1), self.resetting.eq(1)]
        return m
