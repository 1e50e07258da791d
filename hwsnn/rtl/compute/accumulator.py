"""A sum over several cycles."""

from __future__ import annotations

from amaranth.hdl import Module, Shape, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Accumulator(wiring.Component):
    """Adds up terms, one per cycle: the slices of all input folds of an output fold.

    Parameters
    ----------
    term : Shape
        Shape of a term.
    bits : int
        Width of the sum, two's complement, enough for all of it.
    start : int
        The sum before the first term, modulo ``2 ** bits``.

    Ports
    -----
    term : Signal(term), in
        A term.
    add : Signal(1), in
        Whether there is a term.
    last : Signal(1), in
        Whether it is the last of its sum.
    total : Signal(signed(bits)), out
        One cycle after the last term, the sum; before, the sum so far.

    Timing
    ------
    Latency: 1 cycle. One term per cycle.
    """

    def __init__(self, term: Shape, bits: int, start: int) -> None:
        # Partial sums may leave the range of the whole one: they are right modulo its width.
        self.here = {"bits": bits}
        self._start = (start + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)
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
