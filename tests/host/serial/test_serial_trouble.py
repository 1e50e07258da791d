"""The host's side against a serial board with trouble: frames lost, answers damaged, boards busy or silent."""

from __future__ import annotations

import os
import random
import struct

import numpy as np
import pytest

from hwsnn.errors import InputError
from hwsnn.host.serial.packets import Packet
from tests.host.serial.serial_board import (
    BUSY,
    CORRUPT,
    FRAME_ANSWER,
    IDENTITY_OF_NETWORK,
    IMAGES,
    PIXEL,
    Board,
    a_board,
    answer,
    assert_right,
    fault,
    run,
)


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
def test_malformed_answers(payload: bytes) -> None:
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
