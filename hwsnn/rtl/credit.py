"""Flow control for pipelines that never stop."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Shape, Signal, Value, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .checks import check_integer
from .counter import Counter


class CreditQueue(wiring.Component):
    """The end of a pipeline whose registers have no enable: a queue with a place for every result under way.

    The pipeline moves at every clock. A beat enters it only while there is ``room`` for its result, so results are
    never lost, however long the stream behind stalls; and no ``ready`` reaches the pipeline's registers, nor the
    queue's write side, which always has room for what arrives.

    Parameters
    ----------
    shape : the shape of a result.
    depth : results that may be under way and in the queue together, at least 1. A result that takes n clocks from
        ``enter`` to ``arrive``, with a beat entering every c clocks, needs ceil((n + 1) / c) + 1 for full speed.

    Members
    -------
    ``room`` : out; whether a beat may enter.
    ``enter`` : in; a beat enters at the coming clock edge; only while there is room.
    ``arrive`` : in; the result of the oldest beat under way is on ``result``.
    ``result`` : in, ``shape``.
    ``o`` : stream of ``shape``, the results in order.

    Latency: 1 clock from ``arrive`` to ``o``.

    Raises
    ------
    TypeError, ValueError : ``depth`` is not an integer of at least 1.
    """

    def __init__(self, shape: Any, depth: int) -> None:
        check_integer("depth", depth, 1)
        self._depth = depth
        super().__init__(
            {
                "room": Out(1),
                "enter": In(1),
                "arrive": In(1),
                "result": In(shape),
                "o": Out(stream.Signature(shape)),
            }
        )

    @property
    def depth(self) -> int:
        """Results that may be under way and in the queue together."""
        return self._depth

    def elaborate(self, platform: object) -> Module:
        m = Module()
        result = Value.cast(self.result)
        m.submodules.results = results = memory.Memory(
            shape=unsigned(Shape.cast(result.shape()).width), depth=self._depth, init=[]
        )
        write, read = results.write_port(), results.read_port(domain="comb")
        m.submodules.newest = newest = Counter(self._depth)
        m.submodules.oldest = oldest = Counter(self._depth)
        waiting = Signal(range(self._depth + 1))
        credit = Signal(range(self._depth + 1), init=self._depth)
        leave = Signal()
        m.d.comb += [
            newest.step.eq(self.arrive),
            write.addr.eq(newest.count),
            write.data.eq(result),
            write.en.eq(self.arrive),
            leave.eq(self.o.valid & self.o.ready),
            oldest.step.eq(leave),
            read.addr.eq(oldest.count),
            Value.cast(self.o.payload).eq(read.data),
            self.o.valid.eq(waiting != 0),
            self.room.eq(credit != 0),
        ]
        with m.If(self.arrive & ~leave):
            m.d.sync += waiting.eq(waiting + 1)
        with m.Elif(leave & ~self.arrive):
            m.d.sync += waiting.eq(waiting - 1)
        with m.If(self.enter & ~leave):
            m.d.sync += credit.eq(credit - 1)
        with m.Elif(leave & ~self.enter):
            m.d.sync += credit.eq(credit + 1)
        return m
