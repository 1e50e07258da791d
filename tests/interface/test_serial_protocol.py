"""The serial protocol's numbers, as ``docs/link.md`` has them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hwsnn.interface.serial_protocol import (
    CRC_BYTES,
    HEADER_BYTES,
    INTERFACE_VERSION,
    MAX_PAYLOAD,
    Identity,
    PacketKind,
    frame_payload_bytes,
    version_of,
)

DIGEST = bytes(range(32)).hex()


@dataclass(frozen=True)
class Shape:
    input_shape: tuple[int, int, int] = (700, 1, 1)
    pixel_bits: int = 4
    timesteps: int = 100
    classes: int = 20
    frame_beats: int = 100


def test_numbers() -> None:
    assert (HEADER_BYTES, CRC_BYTES, MAX_PAYLOAD) == (6, 4, 1_048_575)
    assert {kind.name: kind.value for kind in PacketKind} == {
        "IDENTITY_REQUEST": 0x21,
        "FRAME_REQUEST": 0x22,
        "IDENTITY_ANSWER": 0xA1,
        "FRAME_ANSWER": 0xA2,
        "FAULT": 0xAF,
    }


def test_every_kind_is_of_this_version() -> None:
    assert INTERFACE_VERSION == 2
    assert {version_of(kind) for kind in PacketKind} == {2}
    assert [version_of(kind) for kind in (0x11, 0x9F, 0xF1, 0x0F)] == [1, 1, 7, 0]


def test_identity() -> None:
    identity = Identity.of(Shape(), DIGEST)
    packed = identity.pack()
    # the hash's start; height, width, channels, time steps, steps in a frame, classes; bits of a pixel
    assert packed.hex() == "0001020304050607" + "01000100bc02640064001400" + "04"
    assert Identity.unpack(packed) == identity
    assert Identity.of(Shape(frame_beats=1), DIGEST) != identity
    for wrong in (packed[:-1], packed + b"\0"):
        with pytest.raises(ValueError, match=rf"^packed must be 21 bytes, not {len(wrong)}$"):
            Identity.unpack(wrong)


def test_payload_of_a_frame() -> None:
    assert frame_payload_bytes(Shape()) == 70_000
    assert frame_payload_bytes(Shape((1, 1, 1), frame_beats=MAX_PAYLOAD)) == MAX_PAYLOAD
    message = r"^a frame must be at most 1,048,575 bytes to fit a packet of the serial link, not 1,048,576$"
    with pytest.raises(ValueError, match=message):
        frame_payload_bytes(Shape((1, 1, 1), frame_beats=MAX_PAYLOAD + 1))
