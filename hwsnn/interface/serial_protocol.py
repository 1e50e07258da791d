"""The serial protocol that board and host share; ``docs/link.md`` defines it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from .registers import Geometry, frame_bytes, frame_steps

INTERFACE_VERSION = 2

SLIP_END, SLIP_ESC, SLIP_ESC_END, SLIP_ESC_ESC = 0xC0, 0xDB, 0xDC, 0xDD

LENGTH_BYTES = 4
HEADER_BYTES = 2 + LENGTH_BYTES
"""Kind, sequence number and length, in front of the payload."""
CRC_BYTES = 4
MAX_PAYLOAD = (1 << 20) - 1
"""The longest payload in bytes: five seconds at 2 Mbaud."""
SEQUENCES = 256
"""The number of sequence numbers: they wrap around."""


class PacketKind(IntEnum):
    """The first byte of a packet."""

    IDENTITY_REQUEST = 0x21
    FRAME_REQUEST = 0x22
    IDENTITY_ANSWER = 0xA1
    FRAME_ANSWER = 0xA2
    FAULT = 0xAF


def version_of(kind: int) -> int:
    """The version of the protocol that a packet of this kind belongs to."""
    return kind >> 4 & 0b111


class ResponseStatus(IntEnum):
    """The outcome of a request: the first byte of every response's payload."""

    OK = 0
    CORRUPT = 1
    KIND = 2
    LENGTH = 3
    PIXEL = 4
    BUSY = 5


_IDENTITY = struct.Struct("<8sHHHHHHB")
_HASH_BYTES = 8


@dataclass(frozen=True)
class Identity:
    """The model that a board holds, for a host to refuse a wrong one.

    ``model_hash``: the first 8 bytes. ``frame_steps``: as in ``hwsnn.interface.registers``.
    """

    model_hash: bytes
    height: int
    width: int
    channels: int
    timesteps: int
    frame_steps: int
    classes: int
    pixel_bits: int

    @classmethod
    def of(cls, network: Geometry, model_hash: str) -> Identity:
        """The identity of a board that holds ``network``; ``model_hash`` is hexadecimal, as ``model_hash`` gives it."""
        channels, height, width = network.input_shape
        return cls(
            model_hash=bytes.fromhex(model_hash)[:_HASH_BYTES],
            height=height,
            width=width,
            channels=channels,
            timesteps=network.timesteps,
            frame_steps=frame_steps(network),
            classes=network.classes,
            pixel_bits=network.pixel_bits,
        )

    def pack(self) -> bytes:
        """The bytes for the link; the number of pending answers follows them."""
        return _IDENTITY.pack(
            self.model_hash,
            self.height,
            self.width,
            self.channels,
            self.timesteps,
            self.frame_steps,
            self.classes,
            self.pixel_bits,
        )

    @classmethod
    def unpack(cls, packed: bytes) -> Identity:
        """The reverse of ``pack``. Raises ``ValueError`` if the number of bytes is wrong."""
        if len(packed) != _IDENTITY.size:
            raise ValueError(f"packed must be {_IDENTITY.size} bytes, not {len(packed)}")
        return cls(*_IDENTITY.unpack(packed))


def frame_payload_bytes(network: Geometry) -> int:
    """Bytes of a frame request's payload. Raises ``ValueError`` if a frame is too large for one packet."""
    size = frame_bytes(network)
    if size > MAX_PAYLOAD:
        raise ValueError(
            f"a frame must be at most {MAX_PAYLOAD:,} bytes to fit a packet of the serial link, not {size:,}"
        )
    return size
