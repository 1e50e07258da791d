"""Flow control for pipelines that never stop."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Shape, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from .checks import check_integer


class CreditQueue(wiring.Component):
    """The end of a pipeline whose registers have no enable: a queue with a place for every result under way.

    The pipeline moves at every clock. A beat enters it only while there is ``room`` for its result, so results are
    never lost, however long the stream behind stalls; and no ``ready`` reaches the pipeline's registers.

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
        m.submodules.queue = queue = SyncFIFO(width=Shape.cast(result.shape()).width, depth=self._depth)
        m.d.comb += [
            queue.w_en.eq(self.arrive),
            queue.w_data.eq(result),
            queue.r_en.eq(self.o.ready),
            self.o.valid.eq(queue.r_rdy),
            Value.cast(self.o.payload).eq(queue.r_data),
        ]
        credit = Signal(range(self._depth + 1), init=self._depth)
        leave = self.o.valid & self.o.ready
        m.d.comb += self.room.eq(credit != 0)
        with m.If(self.enter & ~leave):
            m.d.sync += credit.eq(credit - 1)
        with m.Elif(leave & ~self.enter):
            m.d.sync += credit.eq(credit + 1)
        return m
