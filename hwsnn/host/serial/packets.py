"""Packets of the serial link as bytes; ``docs/link.md`` defines them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from hwsnn.interface.serial_protocol import (
    CRC_BYTES,
    HEADER_BYTES,
    INTERFACE_VERSION,
    MAX_PAYLOAD,
    SLIP_END,
    SLIP_ESC,
    SLIP_ESC_END,
    SLIP_ESC_ESC,
    version_of,
)

_END, _ESC = bytes([SLIP_END]), bytes([SLIP_ESC])
_ESCAPED_END, _ESCAPED_ESC = bytes([SLIP_ESC, SLIP_ESC_END]), bytes([SLIP_ESC, SLIP_ESC_ESC])
_HEADER = struct.Struct("<BBI")
_LONGEST = HEADER_BYTES + MAX_PAYLOAD + CRC_BYTES


@dataclass(frozen=True)
class Packet:
    """``kind`` and ``sequence`` are bytes, ``payload`` at most ``MAX_PAYLOAD`` of them."""

    kind: int
    sequence: int
    payload: bytes = b""

    def pack(self) -> bytes:
        """The bytes for the line, with framing and checksum."""
        if len(self.payload) > MAX_PAYLOAD:
            raise ValueError(f"payload must be at most {MAX_PAYLOAD:,} bytes, not {len(self.payload):,}")
        content = _HEADER.pack(self.kind, self.sequence, len(self.payload)) + self.payload
        content += zlib.crc32(content).to_bytes(CRC_BYTES, "little")
        return _END + content.replace(_ESC, _ESCAPED_ESC).replace(_END, _ESCAPED_END) + _END


def parse(content: bytes) -> Packet | None:
    """The packet whose bytes, framing removed, are ``content``; None if checksum or length are wrong.

    Of a packet of another version only the kind is known: its payload is left out.
    """
    if len(content) <= CRC_BYTES:
        return None
    body, checksum = content[:-CRC_BYTES], content[-CRC_BYTES:]
    if zlib.crc32(body) != int.from_bytes(checksum, "little"):
        return None
    if version_of(body[0]) != INTERFACE_VERSION:
        return Packet(body[0], 0)
    if len(body) < HEADER_BYTES:
        return None
    kind, sequence, length = _HEADER.unpack_from(body)
    return Packet(kind, sequence, body[HEADER_BYTES:]) if length == len(body) - HEADER_BYTES else None


class PacketStream:
    """Finds the packets in bytes that arrive piece by piece."""

    def __init__(self) -> None:
        self._content = bytearray()
        self._escaped = False

    def feed(self, received: bytes) -> Iterator[Packet | None]:
        """The packets that ``received`` completes, in order; None for each one that is corrupt."""
        for byte in received:
            if byte == SLIP_END:
                if self._content:
                    yield parse(bytes(self._content)) if len(self._content) <= _LONGEST else None
                self._content.clear()
                self._escaped = False
            elif byte == SLIP_ESC and not self._escaped:
                self._escaped = True
            elif len(self._content) <= _LONGEST:  # noise without an END must not fill the memory
                unescaped = {SLIP_ESC_END: SLIP_END, SLIP_ESC_ESC: SLIP_ESC}.get(byte, byte)
                self._content.append(unescaped if self._escaped else byte)
                self._escaped = False
