"""Ping-pong frame buffer: one frame is received from the link while the other is read into the network."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Shape, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..checks import check_integer
from .packet_reader import payload_byte


def memory_size(frame_bytes: int, pixel_bits: int) -> tuple[int, int]:
    """The words of a buffer's memory, and their bits: one for each byte of two frames."""
    return 2 * frame_bytes, pixel_bits


class FrameBuffer(wiring.Component):
    """Keeps a frame until it is known to be valid, then passes it on.

    Parameters
    ----------
    layout : ArrayLayout
        Of a pixel: ``ArrayLayout(unsigned(n), C)``, n at most 8.
    pixels : int
        Pixels per frame, each as often as it has values of its own.

    Ports
    -----
    write : valid-only stream in of ``payload_byte(pixels * C)``
        The bytes of a frame's payload and their offsets. Offset 0 begins a frame, which is kept if a buffer is free at
        that moment; the other bytes may arrive in any order, and repeatedly.
    keeping : Signal(1), out
        Whether the current frame is being kept.
    oversized : Signal(1), out
        Whether a pixel of the current frame did not fit n bits.
    commit : Signal(1), in
        High for one cycle: the current frame is complete, pass it on. Only where ``keeping``.
    number : Signal(8), in
        Sequence number of the frame that ``commit`` passes on.
    pixels : stream out of ``layout``
        Pixels, one frame after another.
    sequences : stream out of ``unsigned(8)``
        Sequence numbers, one before each frame's first pixel; a frame waits until it is taken.

    Timing
    ------
    Latency: 4 + C cycles from ``commit`` to a frame's first pixel, then 2 + C cycles per pixel.
    """

    def __init__(self, layout: data.ArrayLayout, pixels: int) -> None:
        if not isinstance(layout, data.ArrayLayout) or Shape.cast(layout.elem_shape).width > 8:
            raise TypeError(f"layout must be an ArrayLayout of at most 8 bits an element, not {layout!r}")
        check_integer("pixels", pixels, 1)
        self._layout, self._count, self._size = layout, pixels, pixels * layout.length
        super().__init__(
            {
                "write": In(stream.Signature(payload_byte(self._size), always_ready=True)),
                "keeping": Out(1),
                "oversized": Out(1),
                "commit": In(1),
                "number": In(8),
                "pixels": Out(stream.Signature(layout)),
                "sequences": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits, channels = Shape.cast(self._layout.elem_shape).width, self._layout.length
        words, _ = memory_size(self._size, bits)
        m.submodules.memory = store = memory.Memory(shape=bits, depth=words, init=[])
        full = Array([Signal(name=f"full_{slot}") for slot in range(2)])
        sequence = Array([Signal(8, name=f"sequence_{slot}") for slot in range(2)])
        write = store.write_port()
        read = store.read_port()
        self._elaborate_writing(m, write, full, sequence)
        self._elaborate_reading(m, read, channels, full, sequence)
        return m

    def _elaborate_writing(self, m: Module, port: Any, full: Any, sequence: Any) -> None:
        slot = Signal(name="slot_written")
        begins = Signal()
        keep = Signal()
        byte = self.write.payload
        m.d.comb += [
            begins.eq(byte.offset == 0),
            keep.eq(Mux(begins, ~full[slot], self.keeping)),
            port.addr.eq(Cat(slot, byte.offset)),  # the two frames' bytes in turn: no address is left unused
            port.data.eq(byte.data),
            port.en.eq(self.write.valid & keep),
        ]
        with m.If(self.write.valid):
            too_large = byte.data >> len(port.data) != 0
            m.d.sync += [
                self.keeping.eq(keep),
                self.oversized.eq(too_large | (self.oversized & ~begins)),
            ]
        with m.If(self.commit):
            m.d.sync += [full[slot].eq(1), sequence[slot].eq(self.number), self.keeping.eq(0), slot.eq(~slot)]

    def _elaborate_reading(self, m: Module, port: Any, channels: int, full: Any, sequence: Any) -> None:
        slot = Signal(name="slot_read")
        pixel = Signal(range(self._count))
        offset = Signal(ceil_log2(self._size))  # of the byte being read
        asked = Signal(range(channels + 1))
        pixels = self.pixels.payload.as_value()

        m.d.comb += [port.addr.eq(Cat(slot, offset)), self.sequences.payload.eq(sequence[slot])]
        with m.FSM():
            with m.State("EMPTY"):
                m.d.sync += [offset.eq(0), pixel.eq(0), asked.eq(0)]
                with m.If(full[slot]):
                    m.next = "ANNOUNCE"
            with m.State("ANNOUNCE"):
                m.d.comb += self.sequences.valid.eq(1)
                with m.If(self.sequences.ready):
                    m.next = "ASK"
            with m.State("ASK"):  # the memory registers the first channel's address
                m.d.sync += [offset.eq(offset + 1), asked.eq(1)]
                m.next = "GATHER"
            with m.State("GATHER"):  # one channel per cycle, the last one into the top bits
                m.d.sync += pixels.eq(Cat(pixels, port.data)[len(port.data) :])
                with m.If(asked == channels):
                    m.next = "GIVE"
                with m.Else():
                    m.d.sync += [offset.eq(offset + 1), asked.eq(asked + 1)]
            with m.State("GIVE"):
                m.d.comb += self.pixels.valid.eq(1)
                with m.If(self.pixels.ready):
                    m.d.sync += pixel.eq(pixel + 1)
                    m.next = "ASK"
                    with m.If(pixel == self._count - 1):
                        m.d.sync += [full[slot].eq(0), slot.eq(~slot)]
                        m.next = "EMPTY"
