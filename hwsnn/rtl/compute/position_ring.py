"""Sums over positions that arrive one after the other."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out


class PositionRing(wiring.Component):
    """Adds the contributions of all positions to each pass and output fold; between positions the sums wait in a ring.

    Parameters
    ----------
    entries : int
        Sums in the ring, one per pass and output fold.
    lanes : int
        Numbers per sum, one per PE.
    bits : int
        Width of a number, two's complement, enough for all of its sum.

    Ports
    -----
    part : Signal(ArrayLayout(signed(bits), lanes)), in
        A position's contribution, in the order (position, pass, g).
    add : Signal(1), in
        Whether there is one.
    first : Signal(1), in
        Whether it is of the first position, where the sums begin.
    total : Signal(ArrayLayout(signed(bits), lanes)), out
        The sum so far, one cycle later.

    Timing
    ------
    Latency: 1 cycle. One contribution per cycle.
    """

    def __init__(self, entries: int, lanes: int, bits: int) -> None:
        self._entries, self._bits = entries, bits
        layout = data.ArrayLayout(signed(bits), lanes)
        super().__init__({"part": In(layout), "add": In(1), "first": In(1), "total": Out(layout)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits, entries, width = self._bits, self._entries, len(Value.cast(self.part))
        held = Signal(width, reset_less=True)
        sums = [Signal(signed(bits), name=f"sum_{lane}") for lane in range(width // bits)]
        for lane, total in enumerate(sums):
            before = held[lane * bits :][:bits].as_signed()
            m.d.comb += total.eq(self.part[lane] + Mux(self.first, 0, before))
        if entries == 1:
            with m.If(self.add):
                m.d.sync += held.eq(Cat(sums))
        else:
            m.submodules.words = words = memory.Memory(
                shape=unsigned(width),
                depth=entries,
                init=[],
                attrs={"no_rw_check": 1},  # the word that is read is the one after the word that is written
            )
            write, read = words.write_port(), words.read_port()
            entry, following = Signal(range(entries)), Signal(range(entries), name="next_entry", init=1)
            with m.If(self.add):
                m.d.sync += [
                    entry.eq(following),
                    following.eq(Mux(following == entries - 1, 0, following + 1)),
                ]
            m.d.comb += [
                write.addr.eq(entry),
                write.data.eq(Cat(sums)),
                write.en.eq(self.add),
                read.addr.eq(following),
                read.en.eq(self.add),
                held.eq(read.data),
            ]
        for lane, total in enumerate(sums):
            current = Signal(signed(bits), name=f"current_{lane}", reset_less=True)
            m.d.sync += current.eq(total)
            m.d.comb += self.total[lane].eq(current)
        return m
