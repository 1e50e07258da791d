"""Reads packets of the serial link: header, payload, checksum; see ``docs/link.md``."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import crc, data, stream, wiring
from amaranth.lib.crc import catalog
from amaranth.lib.wiring import In, Out

from hwsnn.interface.serial_protocol import CRC_BYTES, HEADER_BYTES, MAX_PAYLOAD, ResponseStatus

from .slip import PACKET_BYTES

CRC32: crc.Algorithm = catalog.CRC32_ISO_HDLC
"""The checksum of zlib, Ethernet and PNG."""

HEADER = data.StructLayout({"kind": unsigned(8), "sequence": unsigned(8), "length": unsigned(16)})
PAYLOAD_BYTE = data.StructLayout({"offset": unsigned(16), "data": unsigned(8)})
PACKET = data.StructLayout(
    {"kind": unsigned(8), "sequence": unsigned(8), "length": unsigned(16), "status": ResponseStatus}
)


class PacketReader(wiring.Component):
    """Parses packets. The payload is output before the packet's checksum is known: the verdict follows.

    A packet shorter than its header shows 0 for what is missing.

    Ports
    -----
    i : valid-only stream in of ``PACKET_BYTES``
        Packets.
    payload : valid-only stream out of ``PAYLOAD_BYTE``
        The payload's bytes and their offsets; at most as many as the header says.
    packet : valid-only stream out of ``PACKET``
        One beat at the end of each packet: its header, and ``status``, which is OK, CORRUPT or LENGTH.

    Timing
    ------
    Latency: 1 cycle, for payload and verdict.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(PACKET_BYTES, always_ready=True)),
                "payload": Out(stream.Signature(PAYLOAD_BYTE, always_ready=True)),
                "packet": Out(stream.Signature(PACKET, always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.checksum = checksum = CRC32(data_width=8).create()
        longest = HEADER_BYTES + MAX_PAYLOAD + CRC_BYTES
        count = Signal(range(longest + 2))  # bytes so far; longest + 1 stands for any larger number
        header = Signal(HEADER)
        offset = Signal(16)

        byte = self.i.valid & ~self.i.payload.end
        end = self.i.valid & self.i.payload.end
        m.d.comb += [
            checksum.data.eq(self.i.payload.data),
            checksum.valid.eq(byte),
            checksum.start.eq(end),
            offset.eq(count - HEADER_BYTES),
        ]
        m.d.sync += [
            self.payload.valid.eq(0),
            self.payload.payload.offset.eq(offset),
            self.payload.payload.data.eq(self.i.payload.data),
            self.packet.valid.eq(0),
        ]
        with m.If(byte):
            with m.If(count <= longest):
                m.d.sync += count.eq(count + 1)
            with m.If(count < HEADER_BYTES):
                m.d.sync += header.as_value().word_select(count[:2], 8).eq(self.i.payload.data)
            with m.Else():
                m.d.sync += self.payload.valid.eq((offset < header.length) & (count <= longest))
        with m.If(end):
            m.d.sync += [
                count.eq(0),
                header.eq(0),
                self.packet.valid.eq(count != 0),
                self.packet.payload.kind.eq(header.kind),
                self.packet.payload.sequence.eq(header.sequence),
                self.packet.payload.length.eq(header.length),
                self.packet.payload.status.eq(ResponseStatus.OK),
            ]
            with m.If((count < HEADER_BYTES + CRC_BYTES) | ~checksum.match_detected):
                m.d.sync += self.packet.payload.status.eq(ResponseStatus.CORRUPT)
            with m.Elif(count != header.length + (HEADER_BYTES + CRC_BYTES)):
                m.d.sync += self.packet.payload.status.eq(ResponseStatus.LENGTH)
        return m
