"""Packets in a stream of bytes, framed as RFC 1055 (SLIP) says; see ``docs/link.md``."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.interface.serial_protocol import SLIP_END, SLIP_ESC, SLIP_ESC_END, SLIP_ESC_ESC

PACKET_BYTES = data.StructLayout({"data": unsigned(8), "end": unsigned(1)})
"""Payload of a stream of packets: a byte, or (``end`` = 1, ``data`` without meaning) the end of a packet."""


class SlipDecoder(wiring.Component):
    """Takes the framing off.

    Members
    -------
    ``i`` : stream of bytes as they are on the line.
    ``o`` : stream of ``PACKET_BYTES``; an END gives an end, also where the packet is empty.

    Latency: 0 clocks. An ESC gives no beat.
    """

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(PACKET_BYTES))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        byte, escaped, swallow = self.i.payload, Signal(), Signal()
        m.d.comb += [
            swallow.eq((byte == SLIP_ESC) & ~escaped),
            self.o.valid.eq(self.i.valid & ~swallow),
            self.i.ready.eq(self.o.ready | swallow),
            self.o.payload.end.eq(byte == SLIP_END),
            self.o.payload.data.eq(byte),
        ]
        with m.If(escaped & (byte == SLIP_ESC_END)):
            m.d.comb += self.o.payload.data.eq(SLIP_END)
        with m.If(escaped & (byte == SLIP_ESC_ESC)):
            m.d.comb += self.o.payload.data.eq(SLIP_ESC)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += escaped.eq(swallow)
        return m


class SlipEncoder(wiring.Component):
    """Puts the framing on.

    Members
    -------
    ``i`` : stream of ``PACKET_BYTES``.
    ``o`` : stream of bytes as they go on the line, an END before and after each packet.

    Latency: 1 clock, for the END in front. Empty packets give nothing.
    """

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(PACKET_BYTES)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        byte, end = self.i.payload.data, self.i.payload.end
        with m.FSM():
            with m.State("BETWEEN"):
                m.d.comb += [
                    self.o.payload.eq(SLIP_END),
                    self.o.valid.eq(self.i.valid & ~end),
                    self.i.ready.eq(end),
                ]
                with m.If(self.o.valid & self.o.ready):
                    m.next = "INSIDE"
            with m.State("INSIDE"):
                m.d.comb += self.o.valid.eq(self.i.valid)
                with m.If(end):
                    m.d.comb += [self.o.payload.eq(SLIP_END), self.i.ready.eq(self.o.ready)]
                    with m.If(self.i.valid & self.o.ready):
                        m.next = "BETWEEN"
                with m.Elif((byte == SLIP_END) | (byte == SLIP_ESC)):
                    m.d.comb += self.o.payload.eq(SLIP_ESC)
                    with m.If(self.i.valid & self.o.ready):
                        m.next = "ESCAPED"
                with m.Else():
                    m.d.comb += [self.o.payload.eq(byte), self.i.ready.eq(self.o.ready)]
            with m.State("ESCAPED"):
                m.d.comb += [
                    self.o.payload.eq(Mux(byte == SLIP_END, SLIP_ESC_END, SLIP_ESC_ESC)),
                    self.o.valid.eq(self.i.valid),
                    self.i.ready.eq(self.o.ready),
                ]
                with m.If(self.i.valid & self.o.ready):
                    m.next = "INSIDE"
        return m
