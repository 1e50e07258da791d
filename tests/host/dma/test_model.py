"""The model of the AXI DMA against the product guide PG021; every number here is the guide's own."""

from __future__ import annotations

import struct

import pytest

from hwsnn.sim.dma_model import DmaModel

BASE, BASE_32 = 0x8_0000_1000, 0x1000_0000
TX, RX = 0x00, 0x30
CONTROL, STATUS, CURRENT, CURRENT_HIGH, TAIL, TAIL_HIGH = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14
HALTED, IDLE, INCLUDES_SG = 1, 2, 8
DMA_INTERNAL, DMA_DECODE, SG_INTERNAL, SG_DECODE = 1 << 4, 1 << 6, 1 << 8, 1 << 10
SOF, EOF, DONE = 1 << 27, 1 << 26, 1 << 31


class Memory:
    def __init__(self, base: int) -> None:
        self.base, self.bytes = base, bytearray(0x4000)

    def _place(self, address: int, size: int) -> slice:
        start = address - self.base
        if start < 0 or start + size > len(self.bytes):
            raise LookupError(address)
        return slice(start, start + size)

    def read(self, address: int, size: int) -> bytes:
        return bytes(self.bytes[self._place(address, size)])

    def write(self, address: int, data: bytes) -> None:
        self.bytes[self._place(address, len(data))] = data


class Bench:
    """A DMA, and descriptors at the start of its memory, 64 bytes each."""

    def __init__(self, base: int = BASE, address_bits: int = 64) -> None:
        self.base, self.memory = base, Memory(base)
        self.resets = 0
        self.dma = DmaModel(self.memory, address_bits, self._count)

    def _count(self) -> None:
        self.resets += 1

    def describe(self, index: int, buffer: int, control: int, following: int | None = None, status: int = 0) -> None:
        address = self.at(index + 1 if following is None else following)
        words = struct.pack("<QQQII", address, self.base + buffer, 0, control, status)
        self.memory.write(self.at(index), words)

    def at(self, index: int) -> int:
        return self.base + 64 * index

    def status_of(self, index: int) -> int:
        return int.from_bytes(self.memory.read(self.at(index) + 0x1C, 4), "little")

    def start(self, channel: int, index: int = 0) -> None:
        self.dma.write(channel + CURRENT, self.at(index) & 0xFFFF_FFFF)
        self.dma.write(channel + CURRENT_HIGH, self.at(index) >> 32)
        self.dma.write(channel + CONTROL, 1)

    def run_to(self, channel: int, index: int) -> None:
        self.dma.write(channel + TAIL, self.at(index) & 0xFFFF_FFFF)
        self.dma.write(channel + TAIL_HIGH, self.at(index) >> 32)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("channel", [TX, RX])
def test_after_reset(bench: Bench, channel: int) -> None:
    assert bench.dma.read(channel + CONTROL) == 0b10
    assert bench.dma.read(channel + STATUS) == HALTED | INCLUDES_SG
    assert bench.dma.read(channel + 0x28) == 0


def test_packets_out_up_to_the_tail(bench: Bench) -> None:
    bench.memory.write(BASE + 0x1000, bytes(range(100)))
    for index, (buffer, length) in enumerate([(0x1000, 5), (0x1010, 7), (0x1020, 3)]):
        bench.describe(index, buffer, SOF | EOF | length)
    bench.start(TX)
    assert bench.dma.to_stream.take() is None
    assert bench.dma.read(TX + STATUS) == IDLE | INCLUDES_SG
    bench.run_to(TX, 1)
    first = bench.dma.to_stream.take()
    second = bench.dma.to_stream.take()
    assert first is not None
    assert second is not None
    assert (first.data, second.data) == (bytes(range(5)), bytes(range(16, 23)))
    assert bench.dma.to_stream.take() is None
    assert bench.dma.read(TX + STATUS) == INCLUDES_SG
    assert bench.status_of(0) == 0
    bench.dma.to_stream.sent(first)
    assert (bench.status_of(0), bench.status_of(1)) == (DONE | 5, 0)
    bench.dma.to_stream.sent(second)
    assert bench.status_of(1) == DONE | 7
    assert bench.dma.read(TX + STATUS) == IDLE | INCLUDES_SG
    bench.run_to(TX, 2)
    third = bench.dma.to_stream.take()
    assert third is not None
    assert third.data == bytes(range(32, 35))
    assert bench.dma.read(TX + CURRENT) == low(bench.at(2))
    assert bench.dma.read(TX + CURRENT_HIGH) == 8


def low(address: int) -> int:
    return address & 0xFFFF_FFFF


def test_a_tail_counts_once_its_high_word_is_there(bench: Bench) -> None:
    bench.describe(0, 0x1000, SOF | EOF | 4)
    bench.start(TX)
    bench.dma.write(TX + TAIL, bench.at(0) & 0xFFFF_FFFF)
    assert bench.dma.to_stream.take() is None
    bench.dma.write(TX + TAIL_HIGH, bench.at(0) >> 32)
    assert bench.dma.to_stream.take() is not None


@pytest.mark.parametrize("channel", [TX, RX])
def test_addresses_of_32_bits(channel: int) -> None:
    """PG021: the registers of high words are reserved, and so are the high words in descriptors."""
    bench = Bench(BASE_32, address_bits=32)
    high = 0xFFFF_FFFF << 32
    words = (high | bench.at(1), high | (BASE_32 + 0x1000), 0, SOF | EOF | 4, 0)
    bench.memory.write(bench.at(0), struct.pack("<QQQII", *words))
    bench.describe(1, 0x1010, SOF | EOF | 4)
    bench.memory.write(BASE_32 + 0x1000, b"abcd")
    bench.dma.write(channel + CURRENT, bench.at(0))
    bench.dma.write(channel + CURRENT_HIGH, 0xFFFF_FFFF)
    bench.dma.write(channel + CONTROL, 1)
    assert bench.dma.read(channel + STATUS) == IDLE | INCLUDES_SG
    bench.dma.write(channel + TAIL, bench.at(1))
    assert bench.dma.read(channel + STATUS) & IDLE == 0
    bench.dma.write(channel + TAIL_HIGH, 0xFFFF_FFFF)
    assert (bench.dma.read(channel + CURRENT_HIGH), bench.dma.read(channel + TAIL_HIGH)) == (0, 0)
    if channel == TX:
        packets = [bench.dma.to_stream.take(), bench.dma.to_stream.take()]
        assert [packet.data for packet in packets if packet is not None] == [b"abcd", bytes(4)]
    else:
        bench.dma.from_stream.give(b"efgh", last=True)
        bench.dma.from_stream.give(b"ijkl", last=True)
        assert bench.memory.read(BASE_32 + 0x1000, 20) == b"efgh" + bytes(12) + b"ijkl"


def test_a_packet_of_several_buffers(bench: Bench) -> None:
    bench.memory.write(BASE + 0x1000, b"abcdefgh")
    bench.describe(0, 0x1004, SOF | 4)
    bench.describe(1, 0x1000, EOF | 3)
    bench.start(TX)
    bench.run_to(TX, 0)
    assert bench.dma.to_stream.take() is None
    bench.run_to(TX, 1)
    packet = bench.dma.to_stream.take()
    assert packet is not None
    assert packet.data == b"efghabc"
    bench.dma.to_stream.sent(packet)
    assert (bench.status_of(0), bench.status_of(1)) == (DONE | 4, DONE | 3)


def give(bench: Bench, packet: bytes) -> None:
    """Give the DMA a packet in words of 8 bytes, as it takes them."""
    for start in range(0, len(packet), 8):
        assert bench.dma.from_stream.ready
        bench.dma.from_stream.give(packet[start : start + 8], start + 8 >= len(packet))


def test_packets_in(bench: Bench) -> None:
    """The second is longer than its buffer, and waits for more room."""
    for index in range(4):
        bench.describe(index, 0x1000 + 16 * index, 16)
    bench.start(RX)
    bench.run_to(RX, 1)
    give(bench, b"0123456789")
    give(bench, b"x" * 16 + b"rest")
    assert bench.dma.from_stream.ready
    assert (bench.status_of(0), bench.status_of(1)) == (DONE | SOF | EOF | 10, DONE | SOF | 16)
    bench.run_to(RX, 2)
    assert bench.status_of(2) == DONE | EOF | 4
    assert bench.memory.read(BASE + 0x1000, 10) == b"0123456789"
    assert bench.memory.read(BASE + 0x1020, 4) == b"rest"


def test_a_word_of_two_buffers(bench: Bench) -> None:
    bench.describe(0, 0x1000, 12)
    bench.describe(1, 0x1100, 12)
    bench.start(RX)
    bench.run_to(RX, 1)
    give(bench, b"abcdefghijklmnopqrst")
    assert (bench.status_of(0), bench.status_of(1)) == (DONE | SOF | 12, DONE | EOF | 8)
    assert bench.memory.read(BASE + 0x1000, 12) == b"abcdefghijkl"
    assert bench.memory.read(BASE + 0x1100, 8) == b"mnopqrst"


def test_a_descriptor_is_done_with_its_packet(bench: Bench) -> None:
    """Neither before the last word has come, nor later."""
    bench.describe(0, 0x1000, 64)
    bench.start(RX)
    bench.run_to(RX, 0)
    bench.dma.from_stream.give(b"12345678", False)
    assert bench.status_of(0) == 0
    assert bench.dma.read(RX + STATUS) == INCLUDES_SG
    bench.dma.from_stream.give(b"9", True)
    assert bench.status_of(0) == DONE | SOF | EOF | 9


@pytest.mark.parametrize("started", [False, True])
def test_four_words_come_in_without_a_descriptor(bench: Bench, started: bool) -> None:
    """PG021, "Typical System Interconnect": four beats; more where there is a place for them."""
    bench.describe(0, 0x1000, 64)
    bench.describe(1, 0x1100, 64)
    if started:
        bench.start(RX)
    give(bench, b"a" * 8)
    give(bench, b"b" * 17)
    assert not bench.dma.from_stream.ready
    if not started:
        bench.start(RX)
    assert not bench.dma.from_stream.ready
    bench.run_to(RX, 0)
    assert (bench.status_of(0), bench.status_of(1)) == (DONE | SOF | EOF | 8, 0)
    bench.dma.from_stream.give(b"c", True)
    assert not bench.dma.from_stream.ready
    bench.run_to(RX, 1)
    assert bench.status_of(1) == DONE | SOF | EOF | 17
    assert bench.memory.read(BASE + 0x1100, 17) == b"b" * 17
    assert bench.dma.from_stream.ready


@pytest.mark.parametrize("channel", [TX, RX])
def test_a_reset_drops_the_words_that_came_in(bench: Bench, channel: int) -> None:
    """Also the first words of a packet: what follows them starts another."""
    bench.describe(0, 0x1000, 64)
    bench.dma.from_stream.give(b"old", True)
    for _ in range(3):
        bench.dma.from_stream.give(b"too old.", False)
    assert not bench.dma.from_stream.ready
    bench.dma.write(channel + CONTROL, 1 << 2)
    assert bench.dma.from_stream.ready
    bench.start(RX)
    bench.run_to(RX, 0)
    give(bench, b"new")
    assert bench.status_of(0) == DONE | SOF | EOF | 3


def test_a_reset_in_the_middle_of_a_packet(bench: Bench) -> None:
    """The rest of it begins a packet of its own, in the next buffer."""
    bench.describe(0, 0x1000, 64)
    bench.start(RX)
    bench.run_to(RX, 0)
    bench.dma.from_stream.give(b"12345678", False)
    bench.dma.write(RX + CONTROL, 1 << 2)
    assert bench.status_of(0) == 0
    bench.describe(1, 0x1100, 64)
    bench.start(RX, 1)
    bench.run_to(RX, 1)
    give(bench, b"9")
    assert (bench.status_of(0), bench.status_of(1)) == (0, DONE | SOF | EOF | 1)
    assert bench.memory.read(BASE + 0x1100, 1) == b"9"


@pytest.mark.parametrize(
    ("buffer", "control", "status", "error"),
    [
        (0x1000, SOF | EOF | 4, DONE, SG_INTERNAL),
        (0x1000, SOF | EOF, 0, DMA_INTERNAL),
        (0x8000, SOF | EOF | 4, 0, DMA_DECODE),
    ],
)
@pytest.mark.parametrize("channel", [TX, RX])
def test_errors_halt_until_a_reset(
    bench: Bench, channel: int, buffer: int, control: int, status: int, error: int
) -> None:
    bench.describe(0, buffer, control, status=status)
    bench.describe(1, 0x1000, SOF | EOF | 4)
    bench.start(channel)
    bench.run_to(channel, 1)
    if channel == TX:
        assert bench.dma.to_stream.take() is None
    else:
        bench.dma.from_stream.give(b"1234", True)
    assert bench.dma.read(channel + STATUS) == HALTED | INCLUDES_SG | error
    bench.start(channel, 1)
    bench.run_to(channel, 1)
    assert bench.dma.read(channel + STATUS) == HALTED | INCLUDES_SG | error
    bench.dma.write(RX + TX + CONTROL, 1 << 2)
    assert bench.resets == 1
    assert bench.dma.read(channel + STATUS) == HALTED | INCLUDES_SG
    bench.start(channel, 1)
    assert bench.dma.read(channel + STATUS) == IDLE | INCLUDES_SG


def test_a_descriptor_where_no_memory_is(bench: Bench) -> None:
    bench.start(TX, 0x4000)
    bench.run_to(TX, 0x4000)
    assert bench.dma.to_stream.take() is None
    assert bench.dma.read(TX + STATUS) == HALTED | INCLUDES_SG | SG_DECODE


def test_what_was_on_its_way_at_a_reset_completes_nothing(bench: Bench) -> None:
    bench.describe(0, 0x1000, SOF | EOF | 4)
    bench.start(TX)
    bench.run_to(TX, 0)
    old = bench.dma.to_stream.take()
    assert old is not None
    bench.dma.write(TX + CONTROL, 1 << 2)
    bench.start(TX)
    bench.run_to(TX, 0)
    new = bench.dma.to_stream.take()
    assert new is not None
    bench.dma.to_stream.sent(old)
    assert bench.status_of(0) == 0
    bench.dma.to_stream.sent(new)
    assert bench.status_of(0) == DONE | 4


def test_a_stopped_channel_ignores_its_tail(bench: Bench) -> None:
    bench.describe(0, 0x1000, SOF | EOF | 4)
    bench.start(TX)
    bench.dma.write(TX + CONTROL, 0)
    bench.run_to(TX, 0)
    assert bench.dma.to_stream.take() is None
    assert bench.dma.read(TX + STATUS) == HALTED | INCLUDES_SG
