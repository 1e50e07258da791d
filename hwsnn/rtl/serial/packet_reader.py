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
    """Takes packets apart. The payload comes before anyone knows whether the packet is sound: the verdict follows.

    Members
    -------
    ``i`` : stream of ``PACKET_BYTES``, taken at once.
    ``payload`` : stream of the payload's bytes and their offsets, always taken; as many as the header says at most.
    ``packet`` : stream of headers, one when a packet has ended, always taken; ``status`` is ok, corrupt or length.

    Latency: 1 clock, for payload and verdict. A packet shorter than its header shows 0 for what is missing.
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
        count = Signal(range(longest + 2))  # bytes so far; longest + 1 is any larger number
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
