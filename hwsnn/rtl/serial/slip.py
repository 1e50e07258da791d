"""Packets in a stream of bytes, framed as in RFC 1055 (SLIP); see ``docs/link.md``."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.interface.serial_protocol import SLIP_END, SLIP_ESC, SLIP_ESC_END, SLIP_ESC_ESC

PACKET_BYTES = data.StructLayout({"data": unsigned(8), "end": unsigned(1)})
"""Payload of a stream of packets: a byte, or (``end`` = 1, ``data`` unused) the end of a packet."""


class SlipDecoder(wiring.Component):
    """Removes the framing.

    Ports
    -----
    i : stream in of ``unsigned(8)``
        Bytes as they are on the line.
    o : stream out of ``PACKET_BYTES``
        Each END becomes an end, also where the packet is empty.

    Timing
    ------
    No latency. An ESC makes no beat.
    """

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(PACKET_BYTES))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        byte = self.i.payload
        escaped = Signal()
        swallow = Signal()
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
    """Adds the framing.

    Ports
    -----
    i : stream in of ``PACKET_BYTES``
        Packets. Empty ones are dropped.
    o : stream out of ``unsigned(8)``
        Bytes as they go on the line, an END before and after each packet.

    Timing
    ------
    Latency: 1 cycle, for the END in front.
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
