"""One stream for several consumers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Module, Shape, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .fifo import StreamFifo


class Fork(wiring.Component):
    """Gives every beat to several consumers, each behind a queue of its own.

    A beat moves when all queues have a place for it. A queue's ``ready`` is a register, so nothing goes around in
    circles. What one consumer takes later than the others waits in its queue.

    Parameters
    ----------
    shape : ShapeLike
        The shape of a beat.
    depths : sequence of int
        Beats that the queue of each consumer holds, at least 1.

    Ports
    -----
    i : stream in of ``shape``
        Beats.
    o_0, o_1, ... : stream out of ``unsigned``
        The bits of the same beats, for each consumer.

    Timing
    ------
    Latency: 2 cycles. One beat per cycle with depths of at least 3, while all consumers take theirs.
    """

    def __init__(self, shape: Any, depths: Sequence[int]) -> None:
        beat = unsigned(Shape.cast(shape).width)
        self._queues = [StreamFifo(beat, depth) for depth in depths]
        outputs = {f"o_{number}": Out(stream.Signature(beat)) for number in range(len(depths))}
        super().__init__({"i": In(stream.Signature(shape))} | outputs)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        ready = [queue.i.ready for queue in self._queues]
        for number, queue in enumerate(self._queues):
            m.submodules[f"queue_{number}"] = queue
            valid: Value = self.i.valid
            for other in ready[:number] + ready[number + 1 :]:
                valid &= other
            m.d.comb += [queue.i.valid.eq(valid), queue.i.payload.eq(Value.cast(self.i.payload))]
            wiring.connect(m, queue.o, wiring.flipped(getattr(self, f"o_{number}")))
        moves = ready[0]
        for other in ready[1:]:
            moves &= other
        m.d.comb += self.i.ready.eq(moves)
        return m
