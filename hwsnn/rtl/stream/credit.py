"""Credit-based flow control for pipelines that never stall."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Shape, Signal, Value, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ..checks import check_integer
from .counter import ModuloCounter


class CreditFifo(wiring.Component):
    """The end of a pipeline whose registers have no enable: a queue with a place for every result in the pipeline.

    The pipeline moves in every cycle. A beat enters it only while there is ``room`` for its result, so results are
    never lost, however long the stream behind stalls; and no ``ready`` reaches the pipeline's registers, nor the
    queue's write side, which always has room for what arrives.

    Parameters
    ----------
    shape : ShapeLike
        The shape of a result.
    depth : int
        Results in the pipeline and in the queue together, at least 1. Where a beat enters every c cycles and its result
        arrives n cycles later, full speed needs ceil((n + 3) / c) and no less.

    Ports
    -----
    room : Signal(1), out
        Whether a beat may enter.
    enter : Signal(1), in
        A beat enters at the next clock edge; only while there is room.
    arrive : Signal(1), in
        The result of the oldest beat in the pipeline is on ``result``.
    result : Signal(shape), in
        The result.
    o : stream out of ``shape``
        The results in order.

    Timing
    ------
    Latency: 2 cycles from ``arrive`` to ``o``.
    """

    def __init__(self, shape: Any, depth: int) -> None:
        check_integer("depth", depth, 1)
        self._shape, self.depth, self.latency = shape, depth, 2
        super().__init__(
            {
                "room": Out(1, init=1),
                "enter": In(1),
                "arrive": In(1),
                "result": In(shape),
                "o": Out(stream.Signature(shape)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        result = Value.cast(self.result)
        m.submodules.results = results = memory.Memory(
            shape=unsigned(Shape.cast(result.shape()).width),
            depth=self.depth,
            init=[],
            attrs={"no_rw_check": 1},  # a result is never read in the cycle that writes it
        )
        write = results.write_port()
        read = results.read_port()
        m.submodules.newest = newest = ModuloCounter(self.depth)
        m.submodules.oldest = oldest = ModuloCounter(self.depth)
        fetch = Signal()
        leave = Signal()
        m.d.comb += [
            newest.step.eq(self.arrive),
            write.addr.eq(newest.count),
            write.data.eq(result),
            write.en.eq(self.arrive),
            oldest.step.eq(fetch),
            read.addr.eq(oldest.count),
            read.en.eq(fetch),
            Value.cast(self.o.payload).eq(read.data),
            leave.eq(self.o.valid & self.o.ready),
        ]
        # Both counts have a registered flag for 0, so that no comparison follows them.
        waiting = Signal(range(self.depth + 1))
        some = Signal()
        m.d.comb += fetch.eq(some & (~self.o.valid | self.o.ready))
        with m.If(self.arrive & ~fetch):
            m.d.sync += [waiting.eq(waiting + 1), some.eq(1)]
        with m.Elif(fetch & ~self.arrive):
            m.d.sync += [waiting.eq(waiting - 1), some.eq(waiting != 1)]
        with m.If(fetch):
            m.d.sync += self.o.valid.eq(1)
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        credit = Signal(range(self.depth + 1), init=self.depth)
        with m.If(self.enter & ~leave):
            m.d.sync += [credit.eq(credit - 1), self.room.eq(credit != 1)]
        with m.Elif(leave & ~self.enter):
            m.d.sync += [credit.eq(credit + 1), self.room.eq(1)]
        return m


class CreditWrapper(wiring.Component):
    """Makes a pipeline that never stalls one that can be stalled: a queue takes its results.

    Parameters
    ----------
    pipeline : Component
        Has valid-only streams ``i`` and ``o``, and makes one output beat from each input beat.
    depth : int
        Results in the pipeline and in the queue together, at least 1.

    Ports
    -----
    i : stream in of the pipeline's input shape
        Into the pipeline.
    o : stream out of the pipeline's output shape
        The results in order.

    Timing
    ------
    Latency: that of the pipeline and 2 cycles. One beat per cycle with a depth of at least the latency + 1.
    """

    def __init__(self, pipeline: Any, depth: int) -> None:
        self._pipeline = pipeline
        shape = pipeline.o.payload.shape()
        self._queue = CreditFifo(shape, depth)
        self.latency: int = pipeline.latency + self._queue.latency
        super().__init__({"i": In(stream.Signature(pipeline.i.payload.shape())), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.pipeline = pipeline = self._pipeline
        m.submodules.queue = queue = self._queue
        m.d.comb += [
            self.i.ready.eq(queue.room),
            pipeline.i.valid.eq(self.i.valid & queue.room),
            Value.cast(pipeline.i.payload).eq(Value.cast(self.i.payload)),
            queue.enter.eq(pipeline.i.valid),
            queue.arrive.eq(pipeline.o.valid),
            Value.cast(queue.result).eq(Value.cast(pipeline.o.payload)),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        return m
