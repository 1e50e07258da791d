"""A queue for streams of any payload."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Shape, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO, SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from .checks import check_integer

_SHALLOW = 2
"""Up to this depth the queue is a few registers; deeper ones are memories with a registered output."""


class StreamFifo(wiring.Component):
    """A queue of up to ``depth`` beats, in order. One beat a clock in and out.

    From depth 2 on it also cuts a long chain of stages: its ``ready`` and ``valid`` depend on its own registers alone.
    Depth 1 is a plain pipeline register, whose ``ready`` follows the output's within the clock.

    Parameters
    ----------
    shape : the payload's shape, which both ends keep (signs and fields included).
    depth : beats it holds, the one on the output included, at least 1.

    Members
    -------
    ``i``, ``o`` : streams of ``shape``.

    Latency: 1 clock up to depth 2, 2 clocks beyond, where the beats lie in a memory that is read synchronously.

    Raises
    ------
    TypeError, ValueError : ``depth`` is not an integer of at least 1.
    """

    def __init__(self, shape: Any, depth: int) -> None:
        check_integer("depth", depth, 1)
        self._shape = shape
        self._depth = depth
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    @property
    def depth(self) -> int:
        """Beats it holds."""
        return self._depth

    @property
    def latency(self) -> int:
        """Clocks from a beat in to the same beat out of an empty queue."""
        return 1 if self._depth <= _SHALLOW else 2

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self._depth == 1:
            held = Signal(self._shape, reset_less=True)
            m.d.comb += [self.i.ready.eq(~self.o.valid | self.o.ready), self.o.payload.eq(held)]
            with m.If(self.i.ready):
                m.d.sync += [self.o.valid.eq(self.i.valid), held.eq(self.i.payload)]
            return m
        kind = SyncFIFO if self._depth <= _SHALLOW else SyncFIFOBuffered
        m.submodules.queue = queue = kind(width=Shape.cast(self._shape).width, depth=self._depth)
        m.d.comb += [
            queue.w_en.eq(self.i.valid),
            queue.w_data.eq(Value.cast(self.i.payload)),
            self.i.ready.eq(queue.w_rdy),
            self.o.valid.eq(queue.r_rdy),
            Value.cast(self.o.payload).eq(queue.r_data),
            queue.r_en.eq(self.o.ready),
        ]
        return m
