"""The serial protocol that board and host share; ``docs/link.md`` defines it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from .registers import Geometry, frame_bytes

INTERFACE_VERSION = 1

SLIP_END, SLIP_ESC, SLIP_ESC_END, SLIP_ESC_ESC = 0xC0, 0xDB, 0xDC, 0xDD

HEADER_BYTES = 4
"""Kind, sequence number and length, in front of the payload."""
CRC_BYTES = 4
MAX_PAYLOAD = 0xFFFF
SEQUENCES = 256
"""Sequence numbers, which count modulo this."""


class PacketKind(IntEnum):
    """The first byte of a packet."""

    IDENTITY_REQUEST = 0x11
    FRAME_REQUEST = 0x12
    IDENTITY_ANSWER = 0x91
    FRAME_ANSWER = 0x92
    FAULT = 0x9F


class ResponseStatus(IntEnum):
    """The outcome of a request: the first byte of every response's payload."""

    OK = 0
    CORRUPT = 1
    KIND = 2
    LENGTH = 3
    PIXEL = 4
    BUSY = 5


_IDENTITY = struct.Struct("<B8sHHHHHB")
_HASH_BYTES = 8


@dataclass(frozen=True)
class Identity:
    """The model that a board holds, for a host to refuse a wrong one. ``model_hash``: the first 8 bytes."""

    version: int
    model_hash: bytes
    height: int
    width: int
    channels: int
    timesteps: int
    classes: int
    pixel_bits: int

    @classmethod
    def of(cls, network: Geometry, model_hash: str) -> Identity:
        """The identity of a board that holds ``network``; ``model_hash`` is hexadecimal, as ``model_hash`` gives it."""
        channels, height, width = network.input_shape
        return cls(
            version=INTERFACE_VERSION,
            model_hash=bytes.fromhex(model_hash)[:_HASH_BYTES],
            height=height,
            width=width,
            channels=channels,
            timesteps=network.timesteps,
            classes=network.classes,
            pixel_bits=network.pixel_bits,
        )

    def pack(self) -> bytes:
        """The bytes that go over the link, in front of the number of answers to come."""
        return _IDENTITY.pack(
            self.version,
            self.model_hash,
            self.height,
            self.width,
            self.channels,
            self.timesteps,
            self.classes,
            self.pixel_bits,
        )

    @classmethod
    def unpack(cls, packed: bytes) -> Identity:
        """The reverse of ``pack``. Raises ``ValueError`` where the number of bytes is wrong."""
        if len(packed) != _IDENTITY.size:
            raise ValueError(f"packed must be {_IDENTITY.size} bytes, not {len(packed)}")
        return cls(*_IDENTITY.unpack(packed))


def frame_payload_bytes(network: Geometry) -> int:
    """Bytes of a frame request's payload. Raises ``ValueError`` where an image is too large for one packet."""
    size = frame_bytes(network)
    if size > MAX_PAYLOAD:
        raise ValueError(f"an image must be at most {MAX_PAYLOAD} bytes to fit a packet of the serial link, not {size}")
    return size
