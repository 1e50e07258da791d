"""A small network, and a stand-in for its pipeline that is quick to build and notices every misplaced pixel."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.rtl.network import pixel_layout, result_layout
from hwsnn.rtl.stream.counter import ModuloCounter
from hwsnn.spec import Encoder, Integrator, Network, NoLeak
from tests.support.layers import dense_layer

HASH_BITS = 20


def network(
    shape: tuple[int, int, int] = (2, 3, 4), pixel_bits: int = 6, classes: int = 5, steps: int | None = None
) -> Network:
    """A network with signed scores of 12 bits. ``steps``: of values that change with time."""
    weight = np.ones((classes, *shape), np.int8)
    layer = dense_layer("last", weight, np.zeros(classes, np.int32), 4, Integrator(NoLeak(), 12))
    encoder = Encoder("direct" if steps is None else "steps")
    return Network("stand-in", shape, pixel_bits, encoder, steps or 3, (layer,), "membrane")


def expected(image: bytes, classes: int = 5) -> tuple[int, list[int]]:
    """Answer and scores of the stand-in for an image as it goes over the link."""
    value = 1
    for pixel in image:
        value = (value * 3 + pixel) % (1 << HASH_BITS)
    scores = [(value >> channel) & 0xFFF for channel in range(classes)]
    return value % 4, [score - 0x1000 if score & 0x800 else score for score in scores]


class StandIn(wiring.Component):  # type: ignore[misc]
    """Hashes the pixels of a frame in order; bits of the hash are the scores. Waits ``clocks`` after each frame."""

    def __init__(self, spec: Network, clocks: int) -> None:
        self._spec, self._clocks = spec, clocks
        super().__init__(
            {
                "pixels": In(stream.Signature(pixel_layout(spec))),
                "result": Out(stream.Signature(result_layout(spec))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        channels, beats = self._spec.input_shape[0], self._spec.frame_beats
        value = Signal(HASH_BITS, init=1)
        pixel = Signal(range(beats + 1))
        wait = Signal(range(self._clocks + 1))
        hashed = value
        for channel in range(channels):
            hashed = (hashed * 3 + self.pixels.payload[channel])[:HASH_BITS]
        full = pixel == beats
        m.d.comb += [
            self.pixels.ready.eq(~full & (wait == 0)),
            self.result.valid.eq(full),
            self.result.payload.answer.eq(value[:2]),
            *(score.eq(value[index : index + 12]) for index, score in enumerate(self.result.payload.scores)),
        ]
        with m.If(self.pixels.valid & self.pixels.ready):
            m.d.sync += [value.eq(hashed), pixel.eq(pixel + 1)]
        with m.If(self.result.valid & self.result.ready):
            m.d.sync += [value.eq(1), pixel.eq(0), wait.eq(self._clocks)]
        with m.If(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        return m


class GaplessStandIn(StandIn):
    """The same, one pixel a clock across frames; it waits where a result comes while the one before was not taken."""

    def __init__(self, spec: Network) -> None:
        super().__init__(spec, 0)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        channels = self._spec.input_shape[0]
        m.submodules.pixel = pixel = ModuloCounter(self._spec.frame_beats)
        value, result = Signal(HASH_BITS, init=1), Signal(HASH_BITS)
        hashed = value
        for channel in range(channels):
            hashed = (hashed * 3 + self.pixels.payload[channel])[:HASH_BITS]
        m.d.comb += [
            self.pixels.ready.eq(~pixel.last | ~self.result.valid | self.result.ready),
            pixel.step.eq(self.pixels.valid & self.pixels.ready),
            self.result.payload.answer.eq(result[:2]),
            *(score.eq(result[index : index + 12]) for index, score in enumerate(self.result.payload.scores)),
        ]
        with m.If(self.result.ready):
            m.d.sync += self.result.valid.eq(0)
        with m.If(pixel.step):
            m.d.sync += value.eq(hashed)
            with m.If(pixel.last):
                m.d.sync += [value.eq(1), result.eq(hashed), self.result.valid.eq(1)]
        return m
