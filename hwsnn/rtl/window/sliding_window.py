"""The sliding window of a convolution or a pool, in raster order."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..checks import check_integer, check_pair
from ..stream.counter import ModuloCounter
from ..stream.fifo import SkidBuffer, StreamFifo
from ..stream.line_buffer import LineBuffer


class SlidingWindow(wiring.Component):
    """Outputs the (kh, kw) window of every output pixel of a frame.

    Line buffers make a column of kh pixels, a shift register makes a window of kw columns. Both run across the ends of
    rows and frames; counters pass on only the columns and windows that are inside one frame, at the stride's distance.
    A queue may hold columns between the two: while the windows of a frame's last rows are still being computed, the
    next frame's first rows, which complete no window, already enter the line buffers.

    Parameters
    ----------
    payload_bits : int
        Bits of a beat, of any meaning.
    extent : (int, int)
        (height, width) of a frame.
    kernel : (int, int)
        (height, width) of the window, at most the extent.
    stride : (int, int)
        (vertical, horizontal) pixels from one window to the next.
    beats : int
        Consecutive beats per pixel.
    column_depth : int
        Columns in the queue; 0 for none.
    unused : int
        Pixels at the end of each row that no window takes.

    Ports
    -----
    i : stream in of ``unsigned(payload_bits)``
        Order (y, x, beat).
    o : stream out of ``unsigned(kh * kw * payload_bits)``
        Order (y, x, beat) of the output pixels. Tap ``i * kw + j``, of ``payload_bits`` bits, is row i, column j of the
        window.

    Timing
    ------
    Latency: ``latency`` cycles from a window's last beat in to the window: 1 each for kh > 1 and kw > 1, and 3 for the
    queue. One input beat per cycle, also between frames, without a queue or with one of at least 3 columns.
    """

    def __init__(
        self,
        payload_bits: int,
        extent: tuple[int, int],
        kernel: tuple[int, int],
        stride: tuple[int, int],
        beats: int,
        column_depth: int = 0,
        unused: int = 0,
    ) -> None:
        check_integer("payload bits", payload_bits, 1)
        check_pair("extent", extent, 1)
        check_pair("kernel", kernel, 1)
        check_pair("stride", stride, 1)
        check_integer("beats", beats, 1)
        check_integer("column depth", column_depth, 0)
        check_integer("unused", unused, 0)
        if kernel[0] > extent[0] or kernel[1] > extent[1] - unused:
            raise ValueError(f"kernel must be at most the extent {(extent[0], extent[1] - unused)!r}, not {kernel!r}")
        self._payload_bits, self.extent, self.kernel = payload_bits, extent, kernel
        self.here = {"kh": kernel[0], "kw": kernel[1], "column_depth": column_depth}
        self.here |= {"height": extent[0], "width": extent[1], "sy": stride[0], "sx": stride[1]}
        self.stride, self.beats, self.unused = stride, beats, unused
        self._queue = StreamFifo(unsigned(kernel[0] * payload_bits), column_depth) if column_depth else None
        self.latency = int(kernel[0] > 1) + (self._queue.latency + 1 if self._queue else 0) + int(kernel[1] > 1)
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(payload_bits))),
                "o": Out(stream.Signature(unsigned(kernel[0] * kernel[1] * payload_bits))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits, (kh, kw) = self._payload_bits, self.kernel
        rows = LineBuffer(bits, self.extent[1] * self.beats, kh - 1)
        columns = LineBuffer(kh * bits, self.beats, kw - 1)
        m.submodules.rows = rows
        wiring.connect(m, wiring.flipped(self.i), rows.i)
        m.submodules.row = row = ModuloCounter(self.extent[0])
        in_row, in_columns = self._position(m, "row", rows.i), self._position(m, "column", columns.i)
        m.d.comb += [
            row.step.eq(in_row.step & in_row.last),
            rows.wanted.eq(_complete(m, "row", row, kh, self.stride[0])),
            columns.wanted.eq(_complete(m, "column", in_columns, kw, self.stride[1], self.unused)),
        ]
        column = rows.o
        if self._queue:
            # The skid buffer cuts the long path of the window's ready.
            skid = SkidBuffer(kh * bits)
            m.submodules.queue = self._queue
            m.submodules.skid = skid
            wiring.connect(m, column, self._queue.i)
            wiring.connect(m, self._queue.o, skid.i)
            column = skid.o
        m.submodules.columns = columns
        wiring.connect(m, column, columns.i)
        taps = columns.o.payload
        m.d.comb += [
            self.o.valid.eq(columns.o.valid),
            columns.o.ready.eq(self.o.ready),
            self.o.payload.eq(Cat(taps.word_select(j * kh + i, bits) for i in range(kh) for j in range(kw))),
        ]
        return m

    def _position(self, m: Module, name: str, beats: Any) -> ModuloCounter:
        """A counter of the pixels of a row on a stream of beats."""
        m.submodules[f"{name}_beat"] = beat = ModuloCounter(self.beats)
        m.submodules[f"{name}_pixel"] = pixel = ModuloCounter(self.extent[1])
        m.d.comb += [beat.step.eq(beats.valid & beats.ready), pixel.step.eq(beat.step & beat.last)]
        return pixel


def _complete(m: Module, axis: str, position: ModuloCounter, kernel: int, stride: int, unused: int = 0) -> Value:
    """A register: whether a window of ``kernel`` pixels ends at the counter's position on its axis.

    None ends at the ``unused`` last positions.
    """
    complete = Signal(init=int(kernel == 1), name=f"{axis}_complete")
    missing = Signal(range(max(kernel, stride)), init=kernel - 1, name=f"{axis}_missing")
    with m.If(position.step):
        with m.If(position.last):
            m.d.sync += [missing.eq(kernel - 1), complete.eq(kernel == 1)]
        with m.Elif(complete):
            m.d.sync += [missing.eq(stride - 1), complete.eq(stride == 1)]
        with m.Else():
            m.d.sync += [missing.eq(missing - 1), complete.eq(missing == 1)]
    if not unused:
        return complete
    used = Signal(init=1, name=f"{axis}_used")
    with m.If(position.step):
        with m.If(position.last):
            m.d.sync += used.eq(1)
        with m.Elif(position.count == position.period - unused - 1):
            m.d.sync += used.eq(0)
    return complete & used
