"""Joins the parts in which a layer gives its outputs."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..checks import check_integer
from .counter import ModuloCounter


class Packer(wiring.Component):
    """Makes one beat of every ``groups`` consecutive ones, the first in the low bits, and drops surplus high bits.

    Parameters
    ----------
    bits_in : bits of a part.
    groups : parts of a whole. With 1 there is nothing to wait for: bits are dropped, by wires alone.
    bits_out : bits of the whole; some of the last part's bits at least.

    Members
    -------
    ``i`` : stream of ``unsigned(bits_in)``.
    ``o`` : stream of ``unsigned(bits_out)``.

    Latency: 1 clock from the last part to the whole, none for one group. One part a clock; a whole that is not taken
    stalls the parts after it.

    Raises
    ------
    TypeError, ValueError : a parameter is not an integer in its range.
    """

    def __init__(self, bits_in: int, groups: int, bits_out: int) -> None:
        check_integer("bits in", bits_in, 1)
        check_integer("groups", groups, 1)
        check_integer("bits out", bits_out, (groups - 1) * bits_in + 1, groups * bits_in)
        self._bits_in, self._groups, self._bits_out = bits_in, groups, bits_out
        super().__init__({"i": In(stream.Signature(unsigned(bits_in))), "o": Out(stream.Signature(unsigned(bits_out)))})

    @property
    def bits_in(self) -> int:
        """Bits of a part."""
        return self._bits_in

    @property
    def groups(self) -> int:
        """Parts of a whole."""
        return self._groups

    @property
    def bits_out(self) -> int:
        """Bits of the whole."""
        return self._bits_out

    @property
    def latency(self) -> int:
        """Clocks from the last part to the whole."""
        return 0 if self._groups == 1 else 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self._groups == 1:
            m.d.comb += [
                self.o.payload.eq(self.i.payload),
                self.o.valid.eq(self.i.valid),
                self.i.ready.eq(self.o.ready),
            ]
            return m
        parts = Signal(self._groups * self._bits_in, reset_less=True)
        m.submodules.groups = group = ModuloCounter(self._groups)
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
