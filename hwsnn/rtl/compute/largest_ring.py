"""The largest of numbers that arrive one after the other."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .ring import after_a_round


class LargestRing(wiring.Component):
    """The largest current of all windows of a pool, for each output fold; between windows it waits in a ring.

    A comparison takes a cycle of its own. So the ring has a place for two numbers and which of them is the larger one;
    the others have places for one.

    Parameters
    ----------
    entries : int
        Numbers per PE in the ring, one per output fold.
    lanes : int
        PEs.
    bits : int
        Width of a number, two's complement.

    Ports
    -----
    part : Signal(ArrayLayout(signed(bits), lanes)), in
        A window's currents, in the order (window, g).
    add : Signal(1), in
        Whether there are any.
    first : Signal(1), in
        Whether they are of the first window.
    total : Signal(ArrayLayout(signed(bits), lanes)), out
        The largest so far, two cycles later.

    Timing
    ------
    Latency: 2 cycles. One number of each PE per cycle.
    """

    def __init__(self, entries: int, lanes: int, bits: int) -> None:
        self._entries, self._lanes, self._bits = entries, lanes, bits
        self.latency = 2
        layout = data.ArrayLayout(signed(bits), lanes)
        super().__init__({"part": In(layout), "add": In(1), "first": In(1), "total": Out(layout)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self._bits
        older, newer = (
            [Signal(signed(bits), name=f"{name}_{lane}", reset_less=True) for lane in range(self._lanes)]
            for name in ("older", "newer")
        )
        ahead = Signal(self._lanes, reset_less=True)
        largest = [Mux(ahead[lane], newer[lane], older[lane]) for lane in range(self._lanes)]
        held = after_a_round(m, Cat(*largest), self.add, self._entries - 1)
        for lane in range(self._lanes):
            part, before = self.part[lane], held[lane * bits :][:bits]
            with m.If(self.add):
                m.d.sync += [
                    older[lane].eq(Mux(self.first, part, before)),  # the first number is both, whichever is ahead
                    newer[lane].eq(part),
                    ahead[lane].eq(_ordered(part) > _ordered(before)),
                ]
            total = Signal(signed(bits), name=f"largest_{lane}", reset_less=True)
            m.d.sync += total.eq(largest[lane])
            m.d.comb += self.total[lane].eq(total)
        return m


def _ordered(number: Value) -> Value:
    """The bits of a signed number as an unsigned one in the same order, which takes no logic behind a comparison."""
    return Cat(number[:-1], ~number[-1])
