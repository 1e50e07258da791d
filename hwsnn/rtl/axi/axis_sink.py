"""AXI4-Stream sink for frames."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .signatures import FRAMES_IN, stream_ports, word_layout


class AxisSink(wiring.Component):
    """AXI4-Stream sink for frames. If a soft reset interrupts a packet, the rest of that packet is dropped.

    It is itself reset by ``aresetn`` alone.

    Parameters
    ----------
    word_bytes : int
        Bytes per word: 4, 8 or 16.

    Ports
    -----
    s_axis_* : AXI4-Stream, in
        ``tready`` is high while a soft reset drops the rest of a packet, then low until the reset ends.
    start, resetting : Signal(1), in
        A soft reset begins; a soft reset is in progress.
    o : stream out of ``word_layout(word_bytes)``
        The consumer must be ready while it is in reset.
    receiving : Signal(1), out
        Whether the first word of a packet has been taken and its last has not; a register.
    stalled : Signal(1), out
        Whether a word is offered and not taken.

    Timing
    ------
    No latency. One word per cycle.
    """

    def __init__(self, word_bytes: int) -> None:
        super().__init__(
            stream_ports(FRAMES_IN, word_bytes, In)
            | {
                "start": In(1),
                "resetting": In(1),
                "o": Out(stream.Signature(word_layout(word_bytes))),
                "receiving": Out(1),
                "stalled": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        closed = Signal(init=1)
        dropping = Signal()  # the rest of a packet
        taken = Signal()
        under_way = Signal()  # whether a packet is incomplete after this cycle
        still_dropping = Signal()
        m.d.comb += [
            self.s_axis_tready.eq(self.o.ready & ~closed),
            taken.eq(self.s_axis_tvalid & self.s_axis_tready),
            under_way.eq(Mux(taken, ~self.s_axis_tlast, self.receiving)),
            still_dropping.eq(under_way & (self.start | dropping)),
            self.stalled.eq(self.s_axis_tvalid & ~self.s_axis_tready),
            self.o.valid.eq(self.s_axis_tvalid & ~closed & ~dropping),
            self.o.payload.data.eq(self.s_axis_tdata),
            self.o.payload.keep.eq(self.s_axis_tkeep),
            self.o.payload.last.eq(self.s_axis_tlast),
        ]
        m.d.sync += [
            self.receiving.eq(under_way),
            dropping.eq(still_dropping),
            closed.eq((self.start | self.resetting) & ~still_dropping),
        ]
        return m
