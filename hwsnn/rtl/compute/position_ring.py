"""Sums over positions that arrive one after the other."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .ring import after_a_round


class PositionRing(wiring.Component):
    """Adds the contributions of all positions to each pass and output fold; between positions the sums wait in a ring.

    Where earlier positions contribute the same to every pass, the ring has one sum per output fold. The passes of the
    last position add to these sums and keep them.

    Parameters
    ----------
    entries : int
        Sums in the ring, one per pass and output fold, or one per output fold.
    lanes : int
        Numbers per sum, one per PE.
    bits : int
        Width of a number, two's complement, enough for all of its sum.
    keeps : bool
        Whether the sums are kept at the last position.

    Ports
    -----
    part : Signal(ArrayLayout(signed(bits), lanes)), in
        A position's contribution, in the order (position, pass, g).
    add : Signal(1), in
        Whether there is one.
    first : Signal(1), in
        Whether it is of the first position, where the sums begin.
    last : Signal(1), in
        Whether it is of the last position; only where the ring ``keeps``.
    total : Signal(ArrayLayout(signed(bits), lanes)), out
        The sum so far, one cycle later.

    Timing
    ------
    Latency: 1 cycle. One contribution per cycle.
    """

    def __init__(self, entries: int, lanes: int, bits: int, *, keeps: bool = False) -> None:
        self._entries, self._bits, self._keeps = entries, bits, keeps
        self.latency, self.here = 1, {"lanes": lanes}
        layout = data.ArrayLayout(signed(bits), lanes)
        super().__init__(
            {"part": In(layout), "add": In(1), "first": In(1)}
            | ({"last": In(1)} if keeps else {})
            | {"total": Out(layout)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits, width = self._bits, len(Value.cast(self.part))
        sums = [Signal(signed(bits), name=f"sum_{lane}") for lane in range(width // bits)]
        held = after_a_round(m, Cat(sums), self.add, self._entries, self.last if self._keeps else None)
        for lane, total in enumerate(sums):
            before = held[lane * bits :][:bits].as_signed()
            m.d.comb += total.eq(self.part[lane] + Mux(self.first, 0, before))
        for lane, total in enumerate(sums):
            current = Signal(signed(bits), name=f"current_{lane}", reset_less=True)
            m.d.sync += current.eq(total)
            m.d.comb += self.total[lane].eq(current)
        return m
