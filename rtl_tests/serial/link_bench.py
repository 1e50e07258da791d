"""Drives a link with bytes, listens to its packets, and says what ``docs/link.md`` makes of a line."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, Timer

from hwsnn.host.serial.packets import Packet, PacketStream
from hwsnn.interface.registers import frame_bytes
from hwsnn.sim.agents import Stalls, StreamPort, reset
from hwsnn.spec import Network
from rtl_tests.support import stand_in

END, ESC = 0xC0, 0xDB
IDENTITY, FRAME, IDENTITY_ANSWER, FRAME_ANSWER, FAULT = 0x21, 0x22, 0xA1, 0xA2, 0xAF
CORRUPT, KIND, LENGTH, PIXEL, BUSY = 1, 2, 3, 4, 5
CLOCK_NS = 10
QUIET_CLOCKS = 1500
"""Longer than the slowest stand-in takes: when nothing came for so long, nothing will."""
LINKS: dict[str, Network] = {
    "plain": stand_in.network((2, 3, 4), 6),
    "one": stand_in.network((1, 1, 1), 1),
    "wide": stand_in.network((3, 2, 4), 8),
    "slow": stand_in.network((2, 3, 4), 6),
    "timed": stand_in.network((3, 2, 2), 5, steps=7),
    "long": stand_in.network((7, 10, 10), 4, steps=100),
}
"""The network of each link of the design; ``slow`` waits between its frames, and those of ``long`` are 70,000 bytes."""
SLOW_CLOCKS = 1000


@dataclass
class Outcome:
    """What came out: faults as (status, sequence), frame answers as packets, identities by sequence."""

    faults: list[tuple[int, int]] = field(default_factory=list)
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    identities: list[int] = field(default_factory=list)


def contents(line: bytes) -> Iterator[bytes]:
    """The packets on a line, framing removed."""
    content, escaped = bytearray(), False
    for byte in line:
        if byte == END:
            if content:
                yield bytes(content)
            content, escaped = bytearray(), False
        elif byte == ESC and not escaped:
            escaped = True
        else:
            content.append({0xDC: END, 0xDD: ESC}.get(byte, byte) if escaped else byte)
            escaped = False


def answer(image: bytes) -> bytes:
    """The payload that answers a frame."""
    best, scores = stand_in.expected(image)
    return b"\x00" + best.to_bytes(2, "little") + b"".join(score.to_bytes(4, "little", signed=True) for score in scores)


def expected(name: str, line: bytes) -> Outcome:
    """What a link that is never busy makes of a line."""
    size, bits, outcome = frame_bytes(LINKS[name]), LINKS[name].pixel_bits, Outcome()
    for content in contents(line):
        sequence = content[1] if len(content) > 1 else 0
        payload = content[6:-4]
        if len(content) < 10 or zlib.crc32(content[:-4]).to_bytes(4, "little") != content[-4:]:
            outcome.faults.append((CORRUPT, sequence))
        elif content[0] not in (IDENTITY, FRAME):
            outcome.faults.append((KIND, sequence))
        elif int.from_bytes(content[2:6], "little") != len(payload) or len(payload) != size * (content[0] == FRAME):
            outcome.faults.append((LENGTH, sequence))
        elif content[0] == IDENTITY:
            outcome.identities.append(sequence)
        elif any(pixel >= 1 << bits for pixel in payload):
            outcome.faults.append((PIXEL, sequence))
        else:
            outcome.answers.append((sequence, answer(payload)))
    return outcome


def outcome_of(packets: list[Packet | None]) -> Outcome:
    """Sort what came out by its kind."""
    outcome = Outcome()
    for packet in packets:
        assert packet is not None, "the link sent a corrupt packet"
        if packet.kind == FAULT:
            assert len(packet.payload) == 1
            outcome.faults.append((packet.payload[0], packet.sequence))
        elif packet.kind == FRAME_ANSWER:
            outcome.answers.append((packet.sequence, packet.payload))
        else:
            assert packet.kind == IDENTITY_ANSWER
            outcome.identities.append(packet.sequence)
    return outcome


class Bench:
    """Drives and listens to one link."""

    def __init__(self, dut: Any, name: str, seed: str) -> None:
        self.dut, self.name = dut, name
        self.random = random.Random(f"{name}/{seed}")
        self.i, self.o = StreamPort(dut, f"{name}_i"), StreamPort(dut, f"{name}_o")
        self.packets: list[Packet | None] = []
        self.stalls = Stalls(self.random, 0.2)
        self.hold = False
        self.quiet = 0

    async def start(self) -> None:
        """Reset, and listen from then on."""
        Clock(self.dut.clk, CLOCK_NS, unit="ns").start()
        for name in LINKS:
            getattr(self.dut, f"{name}_i__valid").value = 0
            getattr(self.dut, f"{name}_o__ready").value = 0
        await reset(self.dut)
        cocotb.start_soon(self._listen())

    async def _listen(self) -> None:
        stream, ready = PacketStream(), False
        held: int | None = None
        while True:
            await RisingEdge(self.dut.clk)
            self.quiet += 1
            valid = bool(self.o.valid.value)
            assert valid or held is None, "valid fell before the byte had moved"
            if valid:
                byte = self.o.beat()
                assert held in (None, byte), "the byte changed while stalled"
                held = None if ready else byte
                if ready:
                    self.packets += stream.feed(bytes([byte]))
                    self.quiet = 0
            before, ready = ready, not self.hold and not self.stalls.pause()
            if ready != before:  # a write takes longer than the rest of a clock
                self.o.ready.value = int(ready)

    async def send(self, line: bytes, gap: int = 20) -> None:
        """Put bytes on the line, one every ``gap`` clocks: a UART leaves at least 40."""
        for byte in line:
            self.i.payload.value = byte
            self.i.valid.value = 1
            await RisingEdge(self.dut.clk)
            self.i.valid.value = 0
            if gap > 1:
                # One wait, to half a clock before the edge: a wait a clock would be most of the simulation's time.
                await Timer((gap - 1) * CLOCK_NS - CLOCK_NS // 2, unit="ns")
                await RisingEdge(self.dut.clk)

    async def finish(self, quiet_clocks: int = QUIET_CLOCKS) -> Outcome:
        """Wait until nothing more comes."""
        self.quiet = 0
        while self.quiet < quiet_clocks:
            await RisingEdge(self.dut.clk)
        return outcome_of(self.packets)

    def image(self) -> bytes:
        """A random image that fits this link."""
        network = LINKS[self.name]
        return bytes(self.random.getrandbits(network.pixel_bits) for _ in range(frame_bytes(network)))

    def frame(self) -> Packet:
        """A good frame with a random sequence number."""
        return Packet(FRAME, self.random.randrange(256), self.image())
