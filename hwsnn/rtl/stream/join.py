"""Several streams as one."""

from __future__ import annotations

from collections.abc import Mapping

from amaranth.hdl import Cat, Module, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Join(wiring.Component):
    """Puts a beat of each of several streams side by side. They all move together: wires alone.

    Parameters
    ----------
    widths : Mapping of str to int
        Bits of the beats of each input stream, by its name; the first is in the low bits.

    Ports
    -----
    the name of a stream : stream in of ``unsigned(width)``
        Beats.
    o : stream out of ``unsigned(sum of the widths)``
        Those of all streams.

    Timing
    ------
    Latency: 0 cycles.
    """

    def __init__(self, widths: Mapping[str, int]) -> None:
        self._names = list(widths)
        inputs = {name: In(stream.Signature(unsigned(width))) for name, width in widths.items()}
        super().__init__(inputs | {"o": Out(stream.Signature(unsigned(sum(widths.values()))))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        inputs = [getattr(self, name) for name in self._names]
        together = Cat(one.valid for one in inputs).all()
        m.d.comb += [self.o.valid.eq(together), self.o.payload.eq(Cat(one.payload for one in inputs))]
        m.d.comb += [one.ready.eq(self.o.ready & together) for one in inputs]
        return m
