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
    Bench,
    Outcome,
    answer,
    expected,
)


@cocotb.test(timeout_time=5, timeout_unit="ms")
@cocotb.parametrize(name=["plain", "one", "wide"])
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
async def identity(dut: Any) -> None:
    bench = Bench(dut, "plain", "identity")
    await bench.start()
    await bench.send(Packet(IDENTITY, 77).pack())
    outcome = await bench.finish()
    assert outcome == Outcome(identities=[77])
    (packet,) = bench.packets
    assert packet is not None
    # status, version, hash, height, width, channels, timesteps, classes, bits of a pixel, unanswered frames
    assert packet.payload.hex() == "00010123456789abcdef030004000200030005000600"


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
            (Packet(0x13, 5), (KIND, 5)),
            (Packet(0x22, 6, bytes(24)), (KIND, 6)),
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


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def too_short_for_a_header(dut: Any) -> None:
    """Whatever the checksum says: fewer than 8 bytes are no packet."""
    bench = Bench(dut, "plain", "short")
    await bench.start()
    line = b""
    for body in (b"", b"\x12", b"\x12\x07", b"\x12\x07\x00"):
        line += bytes([END]) + body + zlib.crc32(body).to_bytes(4, "little") + bytes([END])
    after = bench.frame()
    await bench.send(line + after.pack())
    outcome = await bench.finish()
    assert {status for status, _ in outcome.faults} == {CORRUPT}
    assert len(outcome.faults) == 4
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
@cocotb.parametrize(name=["plain", "one", "wide"])
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
                bytes(bench.random.choices([END, ESC, 0xDC, 0xDD, 0x12, 0, 1], k=bench.random.randrange(1, 12))),
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
    await bench.send(bytes([FRAME, 3, 24, 0]) + bytes(140_000), gap=1)
    await bench.send(after.pack())
    outcome = await bench.finish()
    assert outcome == Outcome([(CORRUPT, 3)], [(after.sequence, answer(after.payload))])


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def length_that_wraps(dut: Any) -> None:
    """65536 bytes too many look like none too many to 16 bits."""
    bench = Bench(dut, "plain", "wraps")
    await bench.start()
    after = bench.frame()
    content = bytes([FRAME, 3, 24, 0]) + bytes(24 + 65536)
    content += zlib.crc32(content).to_bytes(4, "little")
    await bench.send(content.replace(bytes([ESC]), b"\xdb\xdd").replace(bytes([END]), b"\xdb\xdc"), gap=1)
    await bench.send(after.pack())
    outcome = await bench.finish()
    assert outcome == Outcome([(LENGTH, 3)], [(after.sequence, answer(after.payload))])


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
    line = b"".join(Packet(0x13, sequence).pack() for sequence in range(12))
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
