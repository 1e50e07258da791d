"""The host's side against a board played by a thread behind a pseudo-terminal, with trouble of every kind."""

from __future__ import annotations

import os
import pty
import random
import select
import struct
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from hwsnn.errors import InputError
from hwsnn.host import serial_accelerator
from hwsnn.host.accelerator import Inference
from hwsnn.host.packets import Packet, PacketStream
from hwsnn.host.serial_accelerator import ANSWER_S, SerialAccelerator
from hwsnn.host.serial_port import open_port
from hwsnn.model_file.integer_file import model_hash
from hwsnn.rtl.protocol import Identity
from hwsnn.spec import Dense, Encoder, Integrator, Network, NoLeak

BAUD = 2_000_000
IDENTITY, FRAME, IDENTITY_ANSWER, FRAME_ANSWER, FAULT = 0x11, 0x12, 0x91, 0x92, 0x9F
CORRUPT, PIXEL, BUSY = 1, 4, 5
CLASSES = 3

Reply = Callable[[Packet, int], list[bytes]]
"""What a board sends for a frame, the n-th that it was sent."""


def a_network() -> Network:
    weight = np.ones((CLASSES, 2, 3, 4), np.int64)
    layer = Dense("last", weight, np.zeros(CLASSES, np.int64), 4, Integrator(NoLeak(), 16))
    return Network("small", (2, 3, 4), 8, Encoder("direct"), 2, (layer,), "membrane")


NETWORK = a_network()
IMAGES = np.random.default_rng(5).integers(0, 256, (40, 2, 3, 4), np.uint8)


def outcome(payload: bytes) -> tuple[int, list[int]]:
    """Some answer and scores that depend on every pixel and its place."""
    weighted = sum((index + 1) * pixel for index, pixel in enumerate(payload))
    return weighted % CLASSES, [weighted - 100_000, -weighted, payload[5] - payload[7]]


def expected(images: np.ndarray) -> list[tuple[int, list[int]]]:  # type: ignore[type-arg]
    """The outcomes of images, their pixels in raster order, the channel fastest, by loops."""
    channels, height, width = NETWORK.input_shape
    return [
        outcome(bytes(int(image[c, y, x]) for y in range(height) for x in range(width) for c in range(channels)))
        for image in images
    ]


def answer(packet: Packet) -> bytes:
    best, scores = outcome(packet.payload)
    return Packet(FRAME_ANSWER, packet.sequence, struct.pack("<BH3i", 0, best, *scores)).pack()


def fault(packet: Packet, status: int, sequence: int | None = None) -> bytes:
    return Packet(FAULT, packet.sequence if sequence is None else sequence, bytes([status])).pack()


class Board:
    """Answers on the master's side of a pseudo-terminal until told to stop."""

    def __init__(self, reply: Reply, identity: bytes | None, unanswered: list[int]) -> None:
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.name = os.ttyname(self._slave)
        self.frames: list[Packet] = []
        self._reply, self._identity, self._unanswered = reply, identity, unanswered
        self._stop, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        stream = PacketStream()
        while True:
            ready, _, _ = select.select([self.master, self._stop], [], [])
            if self._stop in ready:
                return
            for packet in stream.feed(os.read(self.master, 4096)):
                assert packet is not None
                for line in self._lines(packet):
                    os.write(self.master, line)

    def _lines(self, packet: Packet) -> list[bytes]:
        if packet.kind == FRAME:
            self.frames.append(packet)
            return self._reply(packet, len(self.frames) - 1)
        assert packet == Packet(IDENTITY, packet.sequence)
        if self._identity is None:
            return []
        left = self._unanswered.pop(0) if self._unanswered else 0
        return [Packet(IDENTITY_ANSWER, packet.sequence, b"\x00" + self._identity + bytes([left])).pack()]

    def close(self) -> None:
        os.write(self._waker, b"x")
        self._thread.join()
        for handle in (self.master, self._slave, self._stop, self._waker):
            os.close(handle)


IDENTITY_OF_NETWORK = Identity.of(NETWORK, model_hash(NETWORK))


@contextmanager
def a_board(
    reply: Reply = lambda packet, number: [answer(packet)],
    identity: bytes | None = IDENTITY_OF_NETWORK.pack(),
    unanswered: list[int] | None = None,
) -> Iterator[Board]:
    board = Board(reply, identity, unanswered or [])
    try:
        yield board
    finally:
        board.close()


@dataclass
class BoardResult:
    """What a board said, and what the host counted."""

    answers: npt.NDArray[np.int64]
    scores: npt.NDArray[np.int64]
    frames: int
    retries: int
    refused: int


def run(board: Board, answer_s: float = ANSWER_S) -> BoardResult:
    with SerialAccelerator(board.name, BAUD, NETWORK, answer_s) as accelerator:
        found, stats = accelerator.infer(IMAGES), accelerator.stats()
    assert (stats.clocks, stats.input_stalls, stats.output_stalls) == (None, None, None)
    return BoardResult(found.answers, found.scores, stats.frames, stats.retries, stats.malformed)


def open_at(port: str) -> None:
    SerialAccelerator(port, BAUD, NETWORK)


def assert_right(result: BoardResult | Inference) -> None:
    assert [(int(a), s.tolist()) for a, s in zip(result.answers, result.scores, strict=True)] == expected(IMAGES)


def test_results_in_order() -> None:
    done: list[int] = []
    with a_board() as board, SerialAccelerator(board.name, BAUD, NETWORK) as accelerator:
        assert_right(accelerator.infer(IMAGES, done.append))
        stats = accelerator.stats()
    assert (stats.frames, stats.retries, stats.malformed) == (len(IMAGES), 0, 0)
    assert sum(done) == len(IMAGES)
    assert len(board.frames) == len(IMAGES)


def test_more_frames_than_sequence_numbers() -> None:
    images = np.tile(IMAGES, (15, 1, 1, 1))
    with a_board() as board, SerialAccelerator(board.name, BAUD, NETWORK) as accelerator:
        result = accelerator.infer(images)
    assert [int(a) for a in result.answers] == [best for best, _ in expected(images)]


@pytest.mark.parametrize("status", [CORRUPT, PIXEL])
def test_reported_frames_are_sent_again(status: int) -> None:
    with a_board(lambda packet, n: [fault(packet, status) if n % 3 == 1 else answer(packet)]) as board:
        result = run(board)
    assert_right(result)
    assert result.refused == result.retries == len(board.frames) - len(IMAGES) > 10


def test_lost_frames_are_noticed_by_later_answers() -> None:
    """Only frames at the end, or all that are on the way at once, need the time-out."""
    with a_board(lambda packet, n: [] if n in (3, 6, 11, 30) else [answer(packet)]) as board:
        result = run(board, answer_s=60)
    assert_right(result)
    assert result.retries == 4


def test_the_last_frame_lost() -> None:
    with a_board(lambda packet, n: [] if n == len(IMAGES) - 1 else [answer(packet)]) as board:
        result = run(board, answer_s=0.2)
    assert_right(result)
    assert result.retries == 1


def test_faults_of_unknown_frames_are_ignored() -> None:
    with a_board(lambda packet, n: [fault(packet, CORRUPT, packet.sequence ^ 0x80), answer(packet)]) as board:
        assert_right(run(board))


def test_noise_and_corrupt_answers() -> None:
    def reply(packet: Packet, number: int) -> list[bytes]:
        good = answer(packet)
        bad = bytes([good[0], good[1], good[2] ^ 4, *good[3:]])
        return [b"\x00noise\xdb", bad if number % 5 == 2 else good]

    with a_board(reply) as board:
        result = run(board, answer_s=1)
    assert_right(result)
    assert result.retries >= 8


def test_answers_twice() -> None:
    with a_board(lambda packet, n: [answer(packet), answer(packet)]) as board:
        result = run(board)
    assert_right(result)
    assert result.retries == 0


def test_busy() -> None:
    """A board that is busy now and then; busy is no failure, however often."""
    with a_board(lambda packet, n: [answer(packet) if n % 4 == 3 else fault(packet, BUSY)]) as board:
        result = run(board, answer_s=0.3)
    assert_right(result)
    assert result.retries == 0


def test_busy_until_the_next_answer() -> None:
    """A frame that found no room goes out again when there is some, not before."""
    held: list[Packet] = []

    def reply(packet: Packet, number: int) -> list[bytes]:
        held.append(packet)
        if number == 1:
            return [fault(held.pop(), BUSY), answer(held.pop())]
        return [answer(held.pop())] if number > 1 else []

    with a_board(reply) as board:
        result = run(board, answer_s=60)
    assert_right(result)
    assert len(board.frames) == len(IMAGES) + 1


def test_a_busy_board_is_not_flooded() -> None:
    """So seldom that the sequence numbers of what is unanswered stay apart: the first frame is, all others are busy."""
    with a_board(lambda packet, n: [fault(packet, BUSY)] if n else []) as board, pytest.raises(InputError):
        run(board, answer_s=0.1)
    assert 10 < len(board.frames) < 256


def test_two_on_the_way() -> None:
    """Each answer waits until another frame is there: it comes only if there are two, and never are there three."""
    held: list[Packet] = []
    most = 0

    def reply(packet: Packet, number: int) -> list[bytes]:
        nonlocal most
        held.append(packet)
        most = max(most, len(held))
        answered = held[:] if number == len(IMAGES) - 1 else held[:-1]
        del held[: len(answered)]
        return [answer(frame) for frame in answered]

    with a_board(reply) as board:
        result = run(board, answer_s=60)
    assert_right(result)
    assert (len(board.frames), most) == (len(IMAGES), 2)


def test_answers_out_of_order() -> None:
    """The earlier frame counts as lost once the later one is answered; its own answer, late, is no other's."""
    late: list[bytes] = []

    def reply(packet: Packet, number: int) -> list[bytes]:
        if number % 6 == 0:
            late.append(answer(packet))
            return []
        lines = [answer(packet), *late]
        late.clear()
        return lines

    with a_board(reply) as board:
        result = run(board, answer_s=1)
    assert_right(result)
    assert result.retries >= 5


@pytest.mark.parametrize(
    "payload", [b"", b"\x00", b"\x00\x01\x00", struct.pack("<BH3i", 1, 1, 7, 7, 7), struct.pack("<BH3i", 0, 3, 7, 7, 7)]
)
def test_answers_that_are_none(payload: bytes) -> None:
    """Sound packets with another length, a status that is not ok, or a class that is not there."""

    def reply(packet: Packet, number: int) -> list[bytes]:
        return [Packet(FRAME_ANSWER, packet.sequence, payload).pack(), answer(packet)]

    with a_board(reply) as board:
        assert_right(run(board))


@pytest.mark.parametrize("seed", range(4))
def test_a_line_that_flips_bits(seed: int) -> None:
    """Any bit of an answer, framing included; frames lost; faults that name another frame; busy; duplicates."""
    chance = random.Random(seed)

    def flipped(line: bytes) -> bytes:
        bits = int.from_bytes(line, "big") ^ 1 << chance.randrange(8 * len(line))
        return bits.to_bytes(len(line), "big")

    def reply(packet: Packet, number: int) -> list[bytes]:
        good = answer(packet)
        return chance.choice(
            [
                *[[good]] * 12,
                [flipped(good)],
                [good, flipped(good), good],
                [fault(packet, CORRUPT)],
                [fault(packet, CORRUPT, chance.randrange(256)), good],
                [fault(packet, BUSY)],
                [],
            ]
        )

    with a_board(reply) as board:
        assert_right(run(board, answer_s=0.3))


def test_waits_for_what_an_earlier_program_left() -> None:
    stale = struct.pack("<BH3i", 0, 1, 7, 7, 7)

    class Leftovers(Board):
        def _lines(self, packet: Packet) -> list[bytes]:
            lines = super()._lines(packet)
            if packet.kind == IDENTITY and len(waiting) > 0:
                lines.append(Packet(FRAME_ANSWER, waiting.pop(0), stale).pack())
            return lines

    waiting = [0, 1, 2, 3]
    board = Leftovers(lambda packet, n: [answer(packet)], IDENTITY_OF_NETWORK.pack(), [4, 3, 2, 1])
    try:
        assert_right(run(board))
    finally:
        board.close()


def test_earlier_frames_never_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_accelerator, "LEFTOVERS_S", 0.1)
    with (
        a_board(unanswered=[2] * 100_000) as board,
        pytest.raises(InputError, match=r"^/dev/\S+: the board does not finish earlier frames; "),
    ):
        run(board)


@pytest.mark.parametrize(
    ("identity", "message"),
    [
        (
            replace(IDENTITY_OF_NETWORK, model_hash=b"\x01" * 8).pack(),
            r"the board holds another model \(0101010101010101, 2x3x4 pixels of 8 bits, T=2, 3 classes\) than small \(",
        ),
        (replace(IDENTITY_OF_NETWORK, timesteps=3).pack(), "the board holds another model "),
        (replace(IDENTITY_OF_NETWORK, version=2).pack(), "the board speaks version 2 of the link, not 1; "),
        (b"\x01\x02", "the board speaks another version of the link; "),
    ],
)
def test_another_board(identity: bytes, message: str) -> None:
    with a_board(identity=identity) as board, pytest.raises(InputError, match=rf"^/dev/\S+: {message}") as caught:
        run(board)
    assert board.frames == []
    assert "\n" not in str(caught.value)


def test_no_answer_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_accelerator, "IDENTITY_S", 0.05)
    with (
        a_board(identity=None) as board,
        pytest.raises(InputError, match=r"^/dev/\S+: no answer; is it the board's port"),
    ):
        run(board)


def test_a_frame_that_always_fails() -> None:
    seventh = np.ascontiguousarray(IMAGES[7].transpose(1, 2, 0)).tobytes()

    def reply(packet: Packet, number: int) -> list[bytes]:
        return [fault(packet, CORRUPT) if packet.payload == seventh else answer(packet)]

    message = r"^/dev/\S+: image 7 failed 50 times, lastly because the board reported corrupt; check the cable$"
    with a_board(reply) as board, pytest.raises(InputError, match=message):
        run(board)


def test_always_busy() -> None:
    with (
        a_board(lambda packet, n: [fault(packet, BUSY)]) as board,
        pytest.raises(InputError, match=r"^/dev/\S+: no frame was answered in 0\.25 s; "),
    ):
        run(board, answer_s=0.05)


def test_silence_after_the_identity() -> None:
    message = r"^/dev/\S+: image \d+ failed 50 times, lastly because no answer came in 0\.02 s; |no frame was answered"
    with a_board(lambda packet, n: []) as board, pytest.raises(InputError, match=message):
        run(board, answer_s=0.02)


def test_the_board_goes_away() -> None:
    class Leaving(Board):
        def _run(self) -> None:
            try:
                super()._run()
            except RuntimeError:
                os.close(self.master)
                self.master = os.open(os.devnull, os.O_RDONLY)

    def reply(packet: Packet, number: int) -> list[bytes]:
        if number == 5:
            raise RuntimeError
        return [answer(packet)]

    board = Leaving(reply, IDENTITY_OF_NETWORK.pack(), [])
    try:
        with pytest.raises(InputError, match=r"^/dev/\S+: the connection broke \(.*\); connect the board again$"):
            run(board)
    finally:
        board.close()


def test_no_such_port(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^/dev/ttyNOPE: no such port \(ports here: .*\); connect the board, or "):
        open_at("/dev/ttyNOPE")


def test_not_a_serial_port(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("text")
    for name in (str(file), str(tmp_path), os.devnull):
        with pytest.raises(
            InputError, match=r": not a usable serial port \(.*\); name the board's port, such as "
        ) as caught:
            open_at(name)
        assert "\n" not in str(caught.value)
        assert str(caught.value).startswith(f"{name}: ")


def test_port_in_use() -> None:
    message = r"^/dev/\S+: in use by another program; end that first$"
    with a_board() as board, open_port(board.name, BAUD), pytest.raises(InputError, match=message):
        run(board)


def test_image_too_large() -> None:
    weight = np.ones((1, 1, 300, 300), np.int64)
    layer = Dense("last", weight, np.zeros(1, np.int64), 4, Integrator(NoLeak(), 32))
    network = Network("large", (1, 300, 300), 8, Encoder("direct"), 1, (layer,), "membrane")
    with pytest.raises(
        InputError, match=r"^large: cannot run over a serial port: an image must be at most 65535 bytes"
    ):
        SerialAccelerator("/dev/null", BAUD, network)


def test_one_after_the_other() -> None:
    """Also where the last answer to a run came twice: the second one, late, is none of the next run's."""
    late: list[bytes] = []

    class Board2(Board):
        def _lines(self, packet: Packet) -> list[bytes]:
            lines = super()._lines(packet)
            if packet.kind == IDENTITY and late:
                return [late.pop(), *lines]
            return lines

    def reply(packet: Packet, number: int) -> list[bytes]:
        late[:] = [answer(Packet(FRAME, packet.sequence, bytes(24)))]
        return [answer(packet)]

    board = Board2(reply, IDENTITY_OF_NETWORK.pack(), [])
    try:
        with SerialAccelerator(board.name, BAUD, NETWORK) as accelerator:
            for count in (1, 2, 40, 3, 0):
                found = accelerator.infer(IMAGES[:count])
                assert [int(best) for best in found.answers] == [best for best, _ in expected(IMAGES[:count])]
            assert accelerator.stats().frames == 46
    finally:
        board.close()


def test_an_interrupted_run_is_forgotten() -> None:
    """The answer that was still to come is not taken for one to the images of the next run."""

    class StopError(Exception):
        pass

    def stop(done: int) -> None:
        raise StopError

    with a_board() as board, SerialAccelerator(board.name, BAUD, NETWORK) as accelerator:
        for _ in range(3):
            with pytest.raises(StopError):
                accelerator.infer(IMAGES[::-1], stop)
            assert_right(accelerator.infer(IMAGES))
        assert len(board.frames) > 3 * len(IMAGES) + 3


def test_a_short_frame_is_not_reported() -> None:
    with a_board(lambda packet, n: []) as board, SerialAccelerator(board.name, BAUD, NETWORK, 0.1) as accelerator:
        (check,) = accelerator.checks()
        with pytest.raises(InputError, match=r"^/dev/\S+: a frame that was too short was not reported in 0\.1 s$"):
            check.run()


def test_a_short_frame_is_reported() -> None:
    with (
        a_board(lambda packet, n: [fault(packet, 3)] if len(packet.payload) == 23 else []) as board,
        SerialAccelerator(board.name, BAUD, NETWORK) as accelerator,
    ):
        (check,) = accelerator.checks()
        assert check.run() == "refused and reported"
        assert accelerator.stats().malformed == 1


def test_a_second_one_can_be_opened_after_trouble() -> None:
    """The port is free again after every error, those of opening too."""
    with a_board(lambda packet, n: []) as board:
        for _ in range(2):
            with pytest.raises(InputError, match=r"no answer came|no frame was answered"):
                run(board, answer_s=0.02)
        with pytest.raises(InputError, match="another model"):
            SerialAccelerator(board.name, BAUD, replace(NETWORK, timesteps=3))
        SerialAccelerator(board.name, BAUD, NETWORK).close()
