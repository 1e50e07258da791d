from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsnn.host.serial.packets import Packet, PacketStream, parse

KINDS = st.builds(lambda kind: kind & 0x8F | 0x20, st.integers(0, 255))
PACKETS = st.builds(Packet, KINDS, st.integers(0, 255), st.binary(max_size=300))


def content(kind: int, sequence: int, length: int, payload: bytes) -> bytes:
    """A packet's bytes without framing, written out from the norm."""
    body = bytes([kind, sequence, length & 0xFF, length >> 8 & 0xFF, length >> 16 & 0xFF, length >> 24]) + payload
    return body + zlib.crc32(body).to_bytes(4, "little")


def test_bytes_on_the_line() -> None:
    # zlib.crc32(bytes.fromhex("210700000000")) is 0xcf12ab20.
    assert Packet(0x21, 7).pack() == bytes.fromhex("c0 210700000000 20ab12cf c0")
    assert Packet(0x22, 7, bytes(70_000)).pack().startswith(bytes.fromhex("c0 2207 70110100 0000"))


def test_known_checksum() -> None:
    # The check value that every catalogue of CRCs gives for this one.
    assert zlib.crc32(b"123456789") == 0xCBF43926


def test_escapes() -> None:
    packed = Packet(0x22, 0xC0, b"\xdb\xc0\xdc\xdd").pack()
    assert packed.startswith(bytes.fromhex("c0 22 dbdc 04000000 dbdd dbdc dc dd"))
    assert packed.count(0xC0) == 2
    assert list(PacketStream().feed(packed)) == [Packet(0x22, 0xC0, b"\xdb\xc0\xdc\xdd")]


@given(st.lists(PACKETS, max_size=5), st.data())
def test_any_packets_in_any_pieces(packets: list[Packet], data: st.DataObject) -> None:
    line = b"".join(packet.pack() for packet in packets)
    stream = PacketStream()
    found: list[Packet | None] = []
    while line:
        size = data.draw(st.integers(1, len(line)))
        found += stream.feed(line[:size])
        line = line[size:]
    assert found == packets


@given(PACKETS, st.binary(max_size=50), st.booleans())
def test_noise_before_a_packet(packet: Packet, noise: bytes, escape: bool) -> None:
    found = list(PacketStream().feed(noise + b"\xdb" * escape + packet.pack()))
    assert found[-1] == packet
    assert found[:-1] == [None] * (len(found) - 1) or len(noise) >= 8


def test_empty_packets_are_ignored() -> None:
    assert list(PacketStream().feed(b"\xc0\xc0\xc0" + Packet(0x21, 2).pack() + b"\xc0\xc0")) == [Packet(0x21, 2)]


@pytest.mark.parametrize(
    "wrong",
    [
        b"\x21",
        b"\x21\x00\x00",
        content(0x21, 0, 0, b"")[:9],
        b"\x21\x00\x00\x00\x00" + zlib.crc32(b"\x21\x00\x00\x00\x00").to_bytes(4, "little"),
        content(0x21, 0, 0, b"")[:-1] + b"\x00",
        content(0x21, 0, 3, b"ab"),
        content(0x21, 0, 1, b"ab"),
        content(0x21, 0, 2 + (1 << 24), b"ab"),
        content(0x21, 0, 0, b"") + b"\x00",
    ],
)
def test_corrupt(wrong: bytes) -> None:
    assert parse(wrong) is None
    good = Packet(0x23, 4, b"five")
    assert list(PacketStream().feed(b"\xc0" + wrong.replace(b"\xdb", b"\xdb\xdd") + good.pack())) == [None, good]


def test_every_flipped_bit_is_found() -> None:
    whole = content(0xA2, 9, 4, b"\x00\x01\x02\x03")
    assert parse(whole) == Packet(0xA2, 9, b"\x00\x01\x02\x03")
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << (bit % 8)
        assert parse(bytes(flipped)) is None


def test_endless_noise_takes_bounded_memory() -> None:
    stream = PacketStream()
    for _ in range(12):
        assert list(stream.feed(b"\x55" * 100_000)) == []
    assert len(stream._content) < 1_050_000
    assert list(stream.feed(Packet(0x21, 2).pack())) == [None, Packet(0x21, 2)]


def test_payload_too_long() -> None:
    longest = (1 << 20) - 1
    assert len(Packet(0x22, 2, bytes(longest)).pack()) >= longest + 12
    assert parse(content(0x22, 2, longest, bytes(longest))) == Packet(0x22, 2, bytes(longest))
    with pytest.raises(ValueError, match=r"^payload must be at most 1,048,575 bytes, not 1,048,576$"):
        Packet(0x22, 2, bytes(longest + 1)).pack()


@pytest.mark.parametrize("kind", [0x11, 0x9F, 0xB2, 0x02])
def test_other_versions_show_their_kind_alone(kind: int) -> None:
    body = bytes([kind, 9, 1, 0, 2])
    assert parse(body + zlib.crc32(body).to_bytes(4, "little")) == Packet(kind, 0)
    assert parse(body + bytes(4)) is None
