"""Cuts windows into the slices that meet their weights in one clock."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .checks import check_integer
from .counter import Counter


class WindowSlices(wiring.Component):
    """Gives a window's slices, ``cin_par`` channels of every tap at a time, once for each output group.

    Parameters
    ----------
    taps : positions in a window.
    channels : channels at a position.
    bits : bits of an input.
    cin_par : channels in a slice, at most ``channels``; where it does not divide them, the missing inputs are 0.
    groups : output groups, for each of which the window's slices are given once.

    Members
    -------
    ``i`` : stream of ``unsigned(taps * channels * bits)``, windows; channel c of a tap is entry tap*channels + c.
    ``o`` : stream of ``unsigned(taps * cin_par * bits)``, slices; for every window in the order (g, k), output group
    outer, input fold inner; channel k*cin_par + d of a tap is entry tap*cin_par + d.

    A window lies in a register that turns by one slice a beat, so a slice is always the same bits of it.

    Latency: 1 clock. One slice a clock, across windows too. A single fold and group is wires alone: 0 clocks.

    Raises
    ------
    TypeError, ValueError : a parameter is not an integer in its range.
    """

    def __init__(self, taps: int, channels: int, bits: int, cin_par: int, groups: int) -> None:
        check_integer("taps", taps, 1)
        check_integer("channels", channels, 1)
        check_integer("bits", bits, 1)
        check_integer("cin_par", cin_par, 1, channels)
        check_integer("groups", groups, 1)
        self._taps, self._channels, self._bits, self._cin_par, self._groups = taps, channels, bits, cin_par, groups
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(taps * channels * bits))),
                "o": Out(stream.Signature(unsigned(taps * cin_par * bits))),
            }
        )

    @property
    def groups(self) -> int:
        """Output groups."""
        return self._groups

    @property
    def folds(self) -> int:
        """Slices that make up a window."""
        return -(-self._channels // self._cin_par)

    @property
    def latency(self) -> int:
        """Clocks from a window in to its first slice out."""
        return int(self.folds * self._groups > 1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self.latency == 0:
            m.d.comb += [
                self.o.payload.eq(self.i.payload),
                self.o.valid.eq(self.i.valid),
                self.i.ready.eq(self.o.ready),
            ]
            return m
        slice_bits = len(self.o.payload)
        window = Signal(self.folds * slice_bits, reset_less=True)
        m.submodules.slice = index = Counter(self.folds * self._groups)
        m.d.comb += [
            self.o.payload.eq(window[:slice_bits]),
            index.step.eq(self.o.valid & self.o.ready),
            self.i.ready.eq(~self.o.valid | (self.o.ready & index.last)),
        ]
        with m.If(self.i.ready):
            m.d.sync += [self.o.valid.eq(self.i.valid), window.eq(self._slices(self.i.payload))]
        if self.folds > 1:
            with m.Elif(self.o.ready):
                m.d.sync += window.eq(window.rotate_right(slice_bits))
        return m

    def _slices(self, payload: Value) -> Value:
        """A window's slices side by side, the first in the low bits."""
        tap_bits, part_bits = self._channels * self._bits, self._cin_par * self._bits
        filler = Const(0, self.folds * part_bits - tap_bits)
        taps = [Cat(payload[tap * tap_bits :][:tap_bits], filler) for tap in range(self._taps)]
        return Cat(tap[fold * part_bits :][:part_bits] for fold in range(self.folds) for tap in taps)
