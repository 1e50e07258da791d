"""Reads packets of the serial link: header, payload, checksum; see ``docs/link.md``."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import crc, data, stream, wiring
from amaranth.lib.crc import catalog
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hwsnn.interface.serial_protocol import CRC_BYTES, HEADER_BYTES, LENGTH_BYTES, PacketKind, ResponseStatus

from ..checks import check_integer
from .slip import PACKET_BYTES

CRC32: crc.Algorithm = catalog.CRC32_ISO_HDLC
"""The checksum of zlib, Ethernet and PNG."""

REQUEST = data.StructLayout({"sequence": unsigned(8), "is_frame": unsigned(1), "status": ResponseStatus})


def payload_byte(frame_bytes: int) -> data.StructLayout:
    """A byte of a frame of ``frame_bytes`` bytes, and its offset in the frame."""
    return data.StructLayout({"offset": unsigned(ceil_log2(frame_bytes)), "data": unsigned(8)})


class PacketReader(wiring.Component):
    """Parses requests. The payload is output before the packet's checksum is known: the verdict follows.

    No length is kept: a packet's is compared with those of the two kinds of requests while it arrives.

    Parameters
    ----------
    frame_bytes : int
        Bytes of a frame request's payload, at least 1.

    Ports
    -----
    i : valid-only stream in of ``PACKET_BYTES``
        Packets.
    payload : valid-only stream out of ``payload_byte(frame_bytes)``
        What follows the header, in the order of the offsets; no more than a frame.
    request : valid-only stream out of ``REQUEST``
        One beat at the end of each packet: its sequence number, 0 if it is shorter than that; whether it is a frame;
        and ``status``, which is OK, CORRUPT, KIND or LENGTH.

    Timing
    ------
    Latency: 1 cycle, for payload and verdict.
    """

    def __init__(self, frame_bytes: int) -> None:
        check_integer("frame bytes", frame_bytes, 1)
        self._frame_bytes = frame_bytes
        super().__init__(
            {
                "i": In(stream.Signature(PACKET_BYTES, always_ready=True)),
                "payload": Out(stream.Signature(payload_byte(frame_bytes), always_ready=True)),
                "request": Out(stream.Signature(REQUEST, always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.checksum = checksum = CRC32(data_width=8).create()
        longest = self._frame_bytes + CRC_BYTES
        place = Signal(range(HEADER_BYTES + 1))  # in the header
        count = Signal(range(longest + 2))  # of bytes behind it; longest + 1 stands for any larger number
        kind = Signal(8)
        number = Signal(8)
        lengths = {"frame": self._frame_bytes, "identity": 0}
        says = {name: Signal(init=1, name=f"says_{name}") for name in lengths}  # as far as its length has arrived

        received = self.i.payload.data
        byte = self.i.valid & ~self.i.payload.end
        end = self.i.valid & self.i.payload.end
        m.d.comb += [checksum.data.eq(received), checksum.valid.eq(byte), checksum.start.eq(end)]
        m.d.sync += [
            self.payload.valid.eq(byte & (place == HEADER_BYTES) & (count < self._frame_bytes)),
            self.payload.payload.offset.eq(count),
            self.payload.payload.data.eq(received),
        ]
        with m.If(byte):
            with m.Switch(place):
                with m.Case(0):
                    m.d.sync += kind.eq(received)
                with m.Case(1):
                    m.d.sync += number.eq(received)
                for index in range(LENGTH_BYTES):
                    with m.Case(HEADER_BYTES - LENGTH_BYTES + index):
                        for name, length in lengths.items():
                            m.d.sync += says[name].eq(says[name] & (received == length >> 8 * index & 0xFF))
            with m.If(place != HEADER_BYTES):
                m.d.sync += place.eq(place + 1)
            with m.Elif(count <= longest):
                m.d.sync += count.eq(count + 1)
        with m.If(end):
            m.d.sync += [place.eq(0), count.eq(0), number.eq(0), *(each.eq(1) for each in says.values())]

        is_frame, is_identity = kind == PacketKind.FRAME_REQUEST, kind == PacketKind.IDENTITY_REQUEST
        fits = Mux(is_frame, says["frame"] & (count == longest), says["identity"] & (count == CRC_BYTES))
        status = Signal(ResponseStatus)
        with m.If((count < CRC_BYTES) | ~checksum.match_detected):
            m.d.comb += status.eq(ResponseStatus.CORRUPT)
        with m.Elif(~is_frame & ~is_identity):
            m.d.comb += status.eq(ResponseStatus.KIND)
        with m.Elif(~fits):
            m.d.comb += status.eq(ResponseStatus.LENGTH)
        m.d.sync += [
            self.request.valid.eq(end & (place != 0)),
            self.request.payload.sequence.eq(number),
            self.request.payload.is_frame.eq(is_frame),
            self.request.payload.status.eq(status),
        ]
        return m
