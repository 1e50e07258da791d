"""The cocotb side of ``test_link``: bytes into a link, packets out of it, compared with what ``docs/link.md`` says."""

from __future__ import annotations

import zlib
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from hwsnn.host.serial.packets import Packet
from rtl_tests.serial.link_bench import (
    BUSY,
    CORRUPT,
    END,
    ESC,
    FRAME,
    FRAME_ANSWER,
    IDENTITY,
    IDENTITY_ANSWER,
    KIND,
    LENGTH,
    PIXEL,
    QUIET_CLOCKS,
    Bench,
    Outcome,
    answer,
    expected,
)


@cocotb.test(timeout_time=5, timeout_unit="ms")
@cocotb.parametrize(name=["plain", "one", "wide", "timed"])
async def good_frames(dut: Any, name: str) -> None:
    bench = Bench(dut, name, "good")
    await bench.start()
    frames = [bench.frame() for _ in range(30)]
    await bench.send(b"".join(frame.pack() for frame in frames))
    outcome = await bench.finish()
    assert outcome == Outcome(answers=[(frame.sequence, answer(frame.payload)) for frame in frames])


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def every_sequence_number(dut: Any) -> None:
    bench = Bench(dut, "one", "sequence")
    await bench.start()
    await bench.send(b"".join(Packet(FRAME, sequence, b"\x01").pack() for sequence in range(256)))
    outcome = await bench.finish()
    assert outcome == Outcome(answers=[(sequence, answer(b"\x01")) for sequence in range(256)])


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def special_bytes(dut: Any) -> None:
    """Escapes everywhere: sequence number, pixels and checksum, there and back."""
    bench = Bench(dut, "wide", "special")
    await bench.start()
    special = [END, ESC, 0xDC, 0xDD]
    frames = [
        Packet(FRAME, bench.random.choice(special), bytes(bench.random.choices(special, k=24))) for _ in range(30)
    ]
    await bench.send(b"".join(frame.pack() for frame in frames))
    outcome = await bench.finish()
    assert outcome == Outcome(answers=[(frame.sequence, answer(frame.payload)) for frame in frames])


@cocotb.test(timeout_time=5, timeout_unit="ms")
@cocotb.parametrize(
    (
        ("name", "numbers"),
        [
            ("plain", "03000400020003000100050006"),
            ("timed", "02000200030007000700050005"),
            ("long", "0a000a00070064006400050004"),
        ],
    )
)
async def identity(dut: Any, name: str, numbers: str) -> None:
    bench = Bench(dut, name, "identity")
    await bench.start()
    await bench.send(Packet(IDENTITY, 77).pack())
    outcome = await bench.finish()
    assert outcome == Outcome(identities=[77])
    (packet,) = bench.packets
    assert packet is not None
    # status, hash; height, width, channels, time steps, steps in a frame, classes, bits of a pixel; unanswered frames
    assert packet.payload.hex() == "000123456789abcdef" + numbers + "00"


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def unanswered_frames(dut: Any) -> None:
    """An identity says how many frame answers come after it."""
    bench = Bench(dut, "slow", "unanswered")
    await bench.start()
    for _ in range(3):
        await bench.send(bench.frame().pack(), gap=4)
    for _ in range(40):
        await bench.send(Packet(IDENTITY, 1).pack())
        for _ in range(100):
            await RisingEdge(dut.clk)
    await bench.finish()
    seen = []
    for index, packet in enumerate(bench.packets):
        assert packet is not None
        if packet.kind == IDENTITY_ANSWER:
            later = sum(other is not None and other.kind == FRAME_ANSWER for other in bench.packets[index:])
            assert packet.payload[-1] == later
            seen.append(later)
    assert set(seen) == {0, 1, 2}
    assert len(seen) == 40


@cocotb.test(timeout_time=5, timeout_unit="ms")
@cocotb.parametrize(
    (
        ("wrong", "fault"),
        [
            (Packet(0x23, 5), (KIND, 5)),
            (Packet(0x12, 6, bytes(24)), (KIND, 6)),
            (Packet(0x32, 6, bytes(24)), (KIND, 6)),
            (Packet(FRAME_ANSWER, 7, bytes(24)), (KIND, 7)),
            (Packet(IDENTITY, 8, b"\x00"), (LENGTH, 8)),
            (Packet(FRAME, 9), (LENGTH, 9)),
            (Packet(FRAME, 10, bytes(23)), (LENGTH, 10)),
            (Packet(FRAME, 11, bytes(25)), (LENGTH, 11)),
            (Packet(FRAME, 12, bytes(1500)), (LENGTH, 12)),
            (Packet(FRAME, 13, b"\x40" + bytes(23)), (PIXEL, 13)),
            (Packet(FRAME, 14, bytes(23) + b"\xff"), (PIXEL, 14)),
        ],
    )
)
async def wrong_packets(dut: Any, wrong: Packet, fault: tuple[int, int]) -> None:
    """A packet that is sound but not right is reported; the frames around it are answered."""
    bench = Bench(dut, "plain", str(wrong))
    await bench.start()
    before, after = bench.frame(), bench.frame()
    await bench.send(before.pack() + wrong.pack() + after.pack())
    outcome = await bench.finish()
    answers = [(frame.sequence, answer(frame.payload)) for frame in (before, after)]
    assert outcome == Outcome([fault], answers)


def framed(content: bytes) -> bytes:
    """Anything with a right checksum, on the line."""
    content += zlib.crc32(content).to_bytes(4, "little")
    return bytes([END]) + content.replace(bytes([ESC]), b"\xdb\xdd").replace(bytes([END]), b"\xdb\xdc") + bytes([END])


def with_length(kind: int, length: int, payload: bytes) -> bytes:
    """A packet that says this of its length."""
    return framed(bytes([kind, 3]) + length.to_bytes(4, "little") + payload)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def too_short_for_a_header(dut: Any) -> None:
    """Whatever the checksum says: fewer than 10 bytes are no packet."""
    bench = Bench(dut, "plain", "short")
    await bench.start()
    line = b"".join(framed(b"\x22\x07\x00\x00\x00"[:size]) for size in range(6))
    after = bench.frame()
    await bench.send(line + after.pack())
    outcome = await bench.finish()
    assert {status for status, _ in outcome.faults} == {CORRUPT}
    assert len(outcome.faults) == 6
    assert outcome.answers == [(after.sequence, answer(after.payload))]


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def any_byte_changed_or_missing(dut: Any) -> None:
    """Each byte of a frame in turn: a bit flipped, lost, or a byte too many. Never an answer, then the next one."""
    bench = Bench(dut, "plain", "changed")
    await bench.start()
    line = b""
    frame = Packet(FRAME, 0x21, bytes(range(24))).pack()
    for index in range(1, len(frame) - 1):
        flipped = bytes([frame[index] ^ 1 << bench.random.randrange(8)])
        for instead in (flipped, b"", frame[index : index + 1] + b"\x55"):
            line += frame[:index] + instead + frame[index + 1 :] + bench.frame().pack()
    await bench.send(line, gap=14)
    outcome, model = await bench.finish(), expected("plain", line)
    assert outcome == model
    assert len(model.answers) == 3 * (len(frame) - 2)
    assert {status for status, _ in model.faults} == {CORRUPT}


@cocotb.test(timeout_time=5, timeout_unit="ms")
@cocotb.parametrize(name=["plain", "one", "wide", "timed"])
async def anything(dut: Any, name: str) -> None:
    """Good frames, wrong ones, pieces of them and noise in any order."""
    bench = Bench(dut, name, "anything")
    await bench.start()
    line = b""
    for _ in range(150):
        frame = bench.frame().pack()
        line += bench.random.choice(
            [
                frame,
                frame,
                frame[: bench.random.randrange(len(frame))],
                frame[bench.random.randrange(len(frame)) :],
                bytes(bench.random.choices([END, ESC, 0xDC, 0xDD, 0x22, 0, 1], k=bench.random.randrange(1, 12))),
                Packet(IDENTITY, bench.random.randrange(256)).pack(),
                Packet(FRAME, 1, bench.image() + b"\x00").pack(),
                Packet(FRAME, 2, bytes([0xFF]) * len(bench.image())).pack(),
                bytes([END]),
            ]
        )
    await bench.send(line + bytes([END]))
    outcome, model = await bench.finish(), expected(name, line + bytes([END]))
    assert outcome == model
    assert len(model.answers) > 20
    assert len(model.faults) > 20


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def longer_than_any_packet(dut: Any) -> None:
    bench = Bench(dut, "plain", "long")
    await bench.start()
    after = bench.frame()
    await bench.send(bytes([FRAME, 3, 24, 0, 0, 0]) + bytes(140_000), gap=1)
    await bench.send(after.pack())
    outcome = await bench.finish()
    assert outcome == Outcome([(CORRUPT, 3)], [(after.sequence, answer(after.payload))])


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def lengths_that_wrap(dut: Any) -> None:
    """Powers of two too many look like none too many to a count of fewer bits, and so do lengths to a comparison."""
    bench = Bench(dut, "plain", "wraps")
    await bench.start()
    after = bench.frame()
    too_many = [with_length(FRAME, 24, bytes(24 + (1 << bits))) for bits in (*range(9), 12, 16)]
    wrong = [with_length(FRAME, 24 ^ 1 << bits, bytes(24)) for bits in range(32)]
    wrong += [with_length(IDENTITY, 1 << bits, b"") for bits in range(32)]
    await bench.send(b"".join(too_many), gap=1)
    await bench.send(b"".join(wrong) + after.pack(), gap=4)
    outcome = await bench.finish()
    assert outcome.answers == [(after.sequence, answer(after.payload))]
    assert outcome.faults == [(LENGTH, 3)] * (len(too_many) + len(wrong))
    assert outcome.identities == []


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def busy(dut: Any) -> None:
    """One frame in the network and two in the buffers; the rest is refused, until there is room again."""
    bench = Bench(dut, "slow", "busy")
    await bench.start()
    frames = [Packet(FRAME, sequence, bench.image()) for sequence in range(6)]
    for frame in frames:
        await bench.send(frame.pack(), gap=4)
    outcome = await bench.finish()
    answers = [(frame.sequence, answer(frame.payload)) for frame in frames]
    assert outcome == Outcome([(BUSY, 3), (BUSY, 4), (BUSY, 5)], answers[:3])
    await bench.send(frames[3].pack() + frames[4].pack())
    outcome = await bench.finish()
    assert outcome.answers == answers[:5]


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def two_unanswered_frames_are_never_busy(dut: Any) -> None:
    bench = Bench(dut, "slow", "two")
    await bench.start()
    frames = [bench.frame() for _ in range(8)]
    for index, frame in enumerate(frames):
        while index - len(bench.packets) >= 2:
            await RisingEdge(dut.clk)
        await bench.send(frame.pack(), gap=4)
    outcome = await bench.finish()
    assert outcome == Outcome(answers=[(frame.sequence, answer(frame.payload)) for frame in frames])


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def more_faults_than_can_wait(dut: Any) -> None:
    """The line back is blocked: what does not fit into the queue is dropped, and nothing else comes to harm."""
    bench = Bench(dut, "plain", "faults")
    await bench.start()
    bench.hold = True
    good = bench.frame()
    line = b"".join(Packet(0x23, sequence).pack() for sequence in range(12))
    await bench.send(line + good.pack())
    bench.hold = False
    outcome = await bench.finish()
    # One is on its way already, four wait.
    assert outcome.faults == [(KIND, sequence) for sequence in range(5)]
    assert outcome.answers == [(good.sequence, answer(good.payload))]


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def answers_wait_for_the_line(dut: Any) -> None:
    bench = Bench(dut, "plain", "blocked")
    await bench.start()
    bench.hold = True
    frames = [bench.frame() for _ in range(3)]
    for frame in frames:
        await bench.send(frame.pack())
    bench.hold = False
    outcome = await bench.finish()
    assert outcome == Outcome(answers=[(frame.sequence, answer(frame.payload)) for frame in frames])


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def frames_beyond_16_bits(dut: Any) -> None:
    """Of 70,000 bytes; between them one that 16 bits would take for one, and one that is interrupted beyond them."""
    bench = Bench(dut, "long", "beyond")
    await bench.start()
    frames = [bench.frame() for _ in range(2)]
    line = frames[0].pack() + Packet(FRAME, 7, frames[0].payload[: 70_000 - 65_536]).pack()
    await bench.send(line + frames[1].pack()[:67_000] + frames[1].pack(), gap=1)
    outcome = await bench.finish((2 + 7) * 10_000 + QUIET_CLOCKS)
    assert outcome.faults == [(LENGTH, 7), (CORRUPT, frames[1].sequence)]
    assert outcome.answers == [(frame.sequence, answer(frame.payload)) for frame in frames]
