from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsnn.host.serial.packets import Packet, PacketStream, parse

PACKETS = st.builds(Packet, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=300))


def content(kind: int, sequence: int, length: int, payload: bytes) -> bytes:
    """A packet's bytes without framing, written out from the norm."""
    body = bytes([kind, sequence, length & 0xFF, length >> 8]) + payload
    return body + zlib.crc32(body).to_bytes(4, "little")


def test_bytes_on_the_line() -> None:
    # zlib.crc32(bytes.fromhex("11070000")) is 0xccaef963.
    assert Packet(0x11, 7).pack() == bytes.fromhex("c0 11070000 63f9aecc c0")


def test_known_checksum() -> None:
    # The check value that every catalogue of CRCs gives for this one.
    assert zlib.crc32(b"123456789") == 0xCBF43926


def test_escapes() -> None:
    packed = Packet(0x12, 0xC0, b"\xdb\xc0\xdc\xdd").pack()
    assert packed.startswith(bytes.fromhex("c0 12 dbdc 0400 dbdd dbdc dc dd"))
    assert packed.count(0xC0) == 2
    assert list(PacketStream().feed(packed)) == [Packet(0x12, 0xC0, b"\xdb\xc0\xdc\xdd")]


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
    assert list(PacketStream().feed(b"\xc0\xc0\xc0" + Packet(1, 2).pack() + b"\xc0\xc0")) == [Packet(1, 2)]


@pytest.mark.parametrize(
    "wrong",
    [
        b"\x11",
        content(0x11, 0, 0, b"")[:7],
        content(0x11, 0, 0, b"")[:-1] + b"\x00",
        content(0x11, 0, 3, b"ab"),
        content(0x11, 0, 1, b"ab"),
        content(0x11, 0, 0, b"") + b"\x00",
    ],
)
def test_corrupt(wrong: bytes) -> None:
    assert parse(wrong) is None
    good = Packet(3, 4, b"five")
    assert list(PacketStream().feed(b"\xc0" + wrong.replace(b"\xdb", b"\xdb\xdd") + good.pack())) == [None, good]


def test_every_flipped_bit_is_found() -> None:
    whole = content(0x92, 9, 4, b"\x00\x01\x02\x03")
    assert parse(whole) == Packet(0x92, 9, b"\x00\x01\x02\x03")
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << (bit % 8)
        assert parse(bytes(flipped)) is None


def test_endless_noise_takes_bounded_memory() -> None:
    stream = PacketStream()
    for _ in range(20):
        assert list(stream.feed(b"\x55" * 10_000)) == []
    assert len(stream._content) < 70_000
    assert list(stream.feed(Packet(1, 2).pack())) == [None, Packet(1, 2)]


def test_payload_too_long() -> None:
    assert len(Packet(1, 2, bytes(65535)).pack()) == 65535 + 10
    with pytest.raises(ValueError, match=r"^payload must be at most 65535 bytes, not 65536$"):
        Packet(1, 2, bytes(65536)).pack()
