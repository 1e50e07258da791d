"""Padding around an image."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..checks import check_integer, check_pair
from ..stream.counter import ModuloCounter


class Padding(wiring.Component):
    """Adds a border of constant pixels to every frame, on both sides of both axes, on the right maybe a wider one.

    Parameters
    ----------
    payload_bits : int
        Bits of a beat, of any meaning.
    extent : (int, int)
        (height, width) of the input frames.
    padding : (int, int)
        (vertical, horizontal) pixels to add on each side.
    right : int
        Pixels to add on the right besides. With no pixel to add the component is wires alone.
    beats : int
        Consecutive beats per pixel.
    filler : int
        A beat of the border.

    Ports
    -----
    i : stream in of ``unsigned(payload_bits)``
        Raster order.
    o : stream out of ``unsigned(payload_bits)``
        The same of the padded extent. A frame begins when its first input beat is offered, and always ends.

    Timing
    ------
    Latency: 1 cycle (none without padding); a frame's first beat leaves 1 cycle after its first beat is offered.
    One output beat per cycle: ``(h + 2 * py) * (w + 2 * px + right) * beats`` cycles per frame.
    """

    def __init__(
        self,
        payload_bits: int,
        extent: tuple[int, int],
        padding: tuple[int, int],
        beats: int,
        filler: int = 0,
        right: int = 0,
    ) -> None:
        check_integer("payload bits", payload_bits, 1)
        check_pair("extent", extent, 1)
        check_pair("padding", padding, 0)
        check_integer("beats", beats, 1)
        check_integer("filler", filler, 0, (1 << payload_bits) - 1)
        check_integer("right", right, 0)
        self.extent, self.padding, self.beats, self.right = extent, padding, beats, right
        self._adds = any(padding) or right > 0
        self._filler = filler
        self.here = {"h": extent[0], "w": extent[1], "py": padding[0], "px": padding[1], "right": right}
        self.latency = int(self._adds)
        shape = unsigned(payload_bits)
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if not self._adds:
            m.d.comb += [
                self.o.payload.eq(self.i.payload),
                self.o.valid.eq(self.i.valid),
                self.i.ready.eq(self.o.ready),
            ]
            return m
        advance = Signal()
        step = Signal()
        in_image = Signal()
        begun = Signal()
        m.submodules.beat = beat = ModuloCounter(self.beats)
        m.submodules.column = column = ModuloCounter(self.extent[1] + 2 * self.padding[1] + self.right)
        m.submodules.row = row = ModuloCounter(self.extent[0] + 2 * self.padding[0])
        above, left = self.padding
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            in_image.eq(_inside(m, "row", row, above, above) & _inside(m, "column", column, left, left + self.right)),
            step.eq(advance & (self.i.valid | (begun & ~in_image))),
            self.i.ready.eq(advance & in_image),
            beat.step.eq(step),
            column.step.eq(step & beat.last),
            row.step.eq(step & beat.last & column.last),
        ]
        with m.If(advance):
            m.d.sync += self.o.valid.eq(step)
        with m.If(step):
            m.d.sync += begun.eq(~(beat.last & column.last & row.last))
        data = Signal.like(self.i.payload, name="data", reset_less=True)
        m.d.comb += self.o.payload.eq(data)
        with m.If(advance):
            m.d.sync += data.eq(Mux(in_image, self.i.payload, self._filler))
        return m


def _inside(m: Module, name: str, position: ModuloCounter, before: int, after: int) -> Signal:
    """A register: whether the counter is at least ``before`` away from its first number, ``after`` from its last."""
    in_image = Signal(init=int(before == 0), name=f"{name}_in_image")
    if before or after:
        with m.If(position.step):
            with m.If(position.count == (before - 1) % position.period):
                m.d.sync += in_image.eq(1)
            with m.Elif(position.count == position.period - after - 1):
                m.d.sync += in_image.eq(0)
    return in_image
