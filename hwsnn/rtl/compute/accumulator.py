"""A sum over several clocks."""

from __future__ import annotations

from amaranth.hdl import Module, Shape, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Accumulator(wiring.Component):
    """Adds up terms, one a clock: those of the slices of a group.

    Parameters
    ----------
    term : shape of a term.
    bits : width of the sum, two's complement, enough for all of it.
    start : what a sum starts from.

    Ports
    -----
    ``term`` : in.
    ``add`` : in; whether there is a term.
    ``last`` : in; it is the last of its sum.
    ``total`` : out, ``signed(bits)``; a clock after the last term the sum. In between, what is added up so far.

    Latency: 1 clock. A term a clock.
    """

    def __init__(self, term: Shape, bits: int, start: int) -> None:
        self._start = start
        super().__init__({"term": In(term), "add": In(1), "last": In(1), "total": Out(signed(bits))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = len(self.total)
        held = Signal(signed(bits), init=self._start)
        through = Signal(signed(bits))
        total = Signal(signed(bits), name="sum", reset_less=True)
        m.d.comb += [through.eq(held + self.term), self.total.eq(total)]
        m.d.sync += total.eq(through)
        with m.If(self.last):
            m.d.sync += held.eq(self._start)
        with m.Elif(self.add):
            m.d.sync += held.eq(through)
        return m
