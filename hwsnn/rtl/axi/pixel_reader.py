"""Splits the words of frames into pixels."""

from __future__ import annotations

from math import gcd

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.rtl.checks import check_integer

from ..stream.counter import ModuloCounter
from ..stream.packer import Packer
from .restart_counter import RestartCounter
from .signatures import check_word_bytes


class PixelReader(wiring.Component):
    """Words in, pixels out, for any number of channels.

    A frame begins with a new word; bytes after its last pixel are dropped.

    Parameters
    ----------
    layout : ArrayLayout
        Of a pixel: ``ArrayLayout(unsigned(n), C)``, n at most 8.
    pixels : int
        Pixels per frame, each as often as it has values of its own.
    word_bytes : int
        Channels per word: 4, 8 or 16.

    Ports
    -----
    i : stream in of ``unsigned(word_bytes * n)``
        Words.
    pixels : stream out of ``layout``
        Pixels.

    Timing
    ------
    Latency: 1 cycle from the word that completes a pixel to the pixel, 2 where a pixel is wider than a word. One pixel
    per cycle; where a pixel is wider than a word, one input word per cycle.
    """

    def __init__(self, layout: data.ArrayLayout, pixels: int, word_bytes: int) -> None:
        if not isinstance(layout, data.ArrayLayout) or Shape.cast(layout.elem_shape).width > 8:
            raise TypeError(f"layout must be an ArrayLayout of at most 8 bits an element, not {layout!r}")
        check_integer("pixels", pixels, 1)
        check_word_bytes(word_bytes)
        self._layout, self._pixels, self._word_bytes = layout, pixels, word_bytes
        bits = Shape.cast(layout.elem_shape).width
        super().__init__(
            {"i": In(stream.Signature(unsigned(word_bytes * bits))), "pixels": Out(stream.Signature(layout))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        channels = self._layout.length
        # The unit of all counts is the largest number of bytes that divides both a word and a pixel.
        unit_bytes = gcd(channels, self._word_bytes)
        unit = unit_bytes * Shape.cast(self._layout.elem_shape).width
        word, pixel = self._word_bytes // unit_bytes, channels // unit_bytes
        # A pixel is read in chunks of a word; its last chunk may be shorter.
        chunks = -(-pixel // word)
        chunk, last_chunk = min(word, pixel), pixel - (chunks - 1) * word
        m.submodules.collect = collect = Packer(chunk * unit, chunks, pixel * unit)
        m.submodules.chunk = chunk_count = ModuloCounter(chunks)
        m.submodules.pixel = pixel_count = RestartCounter(self._pixels)

        # The previous word, and where in it the next chunk begins. Position 0 is behind the previous word's last unit,
        # so that a chunk needs at most one new word.
        word_before = Signal.like(self.i.payload, reset_less=True)
        position = Signal(range(word))
        window = Cat(word_before, self.i.payload)
        choice = Signal(chunk * unit)
        with m.Switch(position):
            for first in range(word):
                with m.Case(first):
                    m.d.comb += choice.eq(window[(first or word) * unit :][: chunk * unit])
        needs_word = Signal()
        next_position = Signal.like(position)
        enough = Cat(position == first for first in range(1, word - last_chunk + 1)).any()  # in the previous word
        m.d.comb += [
            needs_word.eq(~(chunk_count.last & enough)),
            next_position.eq(position + Mux(chunk_count.last, last_chunk, word)),
        ]

        room = Signal()
        moves = Signal()
        chunk_valid = Signal()
        m.d.comb += [
            room.eq(~chunk_valid | collect.i.ready),
            moves.eq(room & (self.i.valid | ~needs_word)),
            self.i.ready.eq(room & needs_word),
            chunk_count.step.eq(moves),
            pixel_count.step.eq(moves & chunk_count.last),
            pixel_count.restart.eq(pixel_count.last),
        ]
        beat = Signal(chunk * unit, reset_less=True)
        with m.If(room):
            m.d.sync += [chunk_valid.eq(moves), beat.eq(choice)]
        with m.If(moves):
            m.d.sync += position.eq(Mux(pixel_count.last & chunk_count.last, 0, next_position))
        with m.If(moves & needs_word):
            m.d.sync += word_before.eq(self.i.payload)
        m.d.comb += [
            collect.i.valid.eq(chunk_valid),
            collect.i.payload.eq(beat),
            self.pixels.valid.eq(collect.o.valid),
            Value.cast(self.pixels.payload).eq(collect.o.payload),
            collect.o.ready.eq(self.pixels.ready),
        ]
        return m
