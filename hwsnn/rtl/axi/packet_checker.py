"""Checks each word of a packet."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..checks import check_integer
from .signatures import word_layout


def checked_layout(word_bytes: int, pixel_bits: int) -> data.StructLayout:
    """A word whose bytes are cut to a pixel's bits, and whether it is wrong within a frame and at the end of one."""
    return data.StructLayout(
        {
            "lanes": unsigned(word_bytes * pixel_bits),
            "last": unsigned(1),
            "wrong_within": unsigned(1),
            "wrong_at_end": unsigned(1),
        }
    )


class PacketChecker(wiring.Component):
    """Finds bytes that are missing, surplus, or too large.

    Parameters
    ----------
    word_bytes : int
        Bytes per word: 4, 8 or 16.
    end_bytes : int
        Bytes of a frame in its last word, 1 to ``word_bytes``.
    pixel_bits : int
        Bits that a byte may use, 1 to 8.

    Ports
    -----
    i : stream in of ``word_layout(word_bytes)``
        Words as they were received.
    o : stream out of ``checked_layout(word_bytes, pixel_bits)``
        ``wrong_within``: the word is not valid before a frame's last word. ``wrong_at_end``: it is not valid as the
        last word.

    Timing
    ------
    Latency: 2 cycles. One word per cycle.
    """

    def __init__(self, word_bytes: int, end_bytes: int, pixel_bits: int) -> None:
        layout = word_layout(word_bytes)
        check_integer("end bytes", end_bytes, 1, word_bytes)
        check_integer("pixel bits", pixel_bits, 1, 8)
        self._word_bytes, self._end_bytes, self._pixel_bits = word_bytes, end_bytes, pixel_bits
        self.latency = 2
        super().__init__(
            {"i": In(stream.Signature(layout)), "o": Out(stream.Signature(checked_layout(word_bytes, pixel_bits)))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word, bits, end = self.i.payload, self._pixel_bits, self._end_bytes
        byte_lanes = [word.data.word_select(lane, 8) for lane in range(self._word_bytes)]
        valid = Signal()
        lanes = Signal(self._word_bytes * bits, reset_less=True)
        last = Signal(reset_less=True)
        too_large = Signal(self._word_bytes, reset_less=True)
        keeps_all = Signal(reset_less=True)
        keeps_end = Signal(reset_less=True)
        second = Signal()  # the second register stage advances
        m.d.comb += [second.eq(~self.o.valid | self.o.ready), self.i.ready.eq(~valid | second)]
        with m.If(self.i.ready):
            m.d.sync += [
                valid.eq(self.i.valid),
                last.eq(word.last),
                lanes.eq(Cat(lane[:bits] for lane in byte_lanes)),
                too_large.eq(Cat(lane[bits:].any() for lane in byte_lanes)),
                keeps_all.eq(word.keep.all()),
                keeps_end.eq(word.keep == (1 << end) - 1),
            ]
        with m.If(second):
            m.d.sync += [
                self.o.valid.eq(valid),
                self.o.payload.lanes.eq(lanes),
                self.o.payload.last.eq(last),
                self.o.payload.wrong_within.eq(~keeps_all | too_large.any()),
                self.o.payload.wrong_at_end.eq(~keeps_end | too_large[:end].any()),
            ]
        return m
