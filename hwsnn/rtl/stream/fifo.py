"""Queues for streams of any payload."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Shape, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..checks import check_integer
from .credit import CreditFifo


class StreamFifo(wiring.Component):
    """A queue of up to ``depth`` beats, in order.

    Its ``ready`` and its ``valid`` are registers.

    Parameters
    ----------
    shape : ShapeLike
        The payload's shape, which both ends keep (signs and fields included).
    depth : int
        Beats it holds, the one on the output included, at least 1.

    Ports
    -----
    i : stream in of ``shape``
        Beats.
    o : stream out of ``shape``
        The same beats.

    Timing
    ------
    Latency: 2 cycles. One beat per cycle from depth 3 on.
    """

    def __init__(self, shape: Any, depth: int) -> None:
        self._queue = CreditFifo(unsigned(Shape.cast(shape).width), depth)
        self._shape, self.depth, self.latency = shape, depth, self._queue.latency
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.beats = queue = self._queue
        accept = Signal()
        m.d.comb += [
            accept.eq(self.i.valid & queue.room),
            self.i.ready.eq(queue.room),
            queue.enter.eq(accept),
            queue.arrive.eq(accept),
            queue.result.eq(Value.cast(self.i.payload)),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
            Value.cast(self.o.payload).eq(queue.o.payload),
        ]
        return m


class SkidBuffer(wiring.Component):
    """Two registers in a stream, which cut a long combinational path: its ``ready`` and ``valid`` are registers.

    A beat that arrives as the output stalls is kept in the second one.

    Parameters
    ----------
    width : int
        Bits of a beat.

    Ports
    -----
    i, o : streams of ``unsigned(width)``
        Beats in, and the same beats out.

    Timing
    ------
    Latency: 1 cycle. One beat per cycle.
    """

    def __init__(self, width: int) -> None:
        check_integer("width", width, 1)
        self.width, self.latency = width, 1
        shape = unsigned(width)
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        second = Signal.like(self.i.payload, reset_less=True)
        beat = Signal.like(self.i.payload, reset_less=True)
        empty = Signal(init=1)  # no beat in the second register
        m.d.comb += [self.i.ready.eq(empty), self.o.payload.eq(beat)]
        with m.If(empty):
            m.d.sync += second.eq(self.i.payload)
        with m.If(~self.o.valid | self.o.ready):
            m.d.sync += [
                beat.eq(Mux(empty, self.i.payload, second)),
                self.o.valid.eq(self.i.valid | ~empty),
                empty.eq(1),
            ]
        with m.Elif(self.i.valid):
            m.d.sync += empty.eq(0)
        return m
