"""Joins narrow beats into wide ones."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..checks import check_integer
from .counter import ModuloCounter


class Packer(wiring.Component):
    """Joins ``groups`` consecutive beats into one, the first in the low bits, and drops surplus high bits.

    Parameters
    ----------
    bits_in : int
        Bits of an input beat.
    groups : int
        Input beats per output beat. With 1 the component is wires alone, which drop bits.
    bits_out : int
        Bits of an output beat; at least one bit of the last input beat is kept.

    Ports
    -----
    i : stream in of ``unsigned(bits_in)``
        Narrow beats.
    o : stream out of ``unsigned(bits_out)``
        Wide beats.

    Timing
    ------
    Latency: 1 cycle from the last input beat, none for one group. One input beat per cycle; an output beat that is not
    taken stalls the input.
    """

    def __init__(self, bits_in: int, groups: int, bits_out: int) -> None:
        check_integer("bits in", bits_in, 1)
        check_integer("groups", groups, 1)
        check_integer("bits out", bits_out, (groups - 1) * bits_in + 1, groups * bits_in)
        self._bits_in, self.groups = bits_in, groups
        self.latency = int(groups > 1)
        super().__init__({"i": In(stream.Signature(unsigned(bits_in))), "o": Out(stream.Signature(unsigned(bits_out)))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self.groups == 1:
            m.d.comb += [
                self.o.payload.eq(self.i.payload),
                self.o.valid.eq(self.i.valid),
                self.i.ready.eq(self.o.ready),
            ]
            return m
        parts = Signal(self.groups * self._bits_in, reset_less=True)
        m.submodules.groups = group = ModuloCounter(self.groups)
        m.d.comb += [
            self.i.ready.eq(~self.o.valid | self.o.ready),
            group.step.eq(self.i.valid & self.i.ready),
            self.o.payload.eq(parts),
        ]
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid & group.last)
        with m.If(group.step):
            m.d.sync += parts.eq(Cat(parts[self._bits_in :], self.i.payload))
        return m
