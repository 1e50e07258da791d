"""The host's side against a serial board: opening it, results in order, runs after one another, checks."""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwsnn.errors import InputError
from hwsnn.host.serial import handshake
from hwsnn.host.serial.accelerator import SerialAccelerator
from hwsnn.host.serial.packets import Packet
from hwsnn.host.serial.port import open_port
from hwsnn.spec import Encoder, Integrator, Network, NoLeak
from tests.host.serial.serial_board import (
    BAUD,
    FRAME,
    FRAME_ANSWER,
    IDENTITY,
    IDENTITY_OF_NETWORK,
    IMAGES,
    NETWORK,
    Board,
    a_board,
    answer,
    assert_right,
    expected,
    fault,
    run,
)
from tests.support.layers import dense_layer


def open_at(port: str) -> None:
    SerialAccelerator(port, BAUD, NETWORK)


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
    assert [int(a) for a in result.predictions] == [best for best, _ in expected(images)]


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
    monkeypatch.setattr(handshake, "LEFTOVERS_S", 0.1)
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
        (
            replace(IDENTITY_OF_NETWORK, frame_steps=2).pack(),
            r"the board holds another model \([0-9a-f]{16}, 2x2x3x4 pixels of 8 bits, T=2, 3 classes\) than small \(",
        ),
        (b"\x01\x02", "the board's identity is of another form; "),
    ],
)
def test_another_board(identity: bytes, message: str) -> None:
    with a_board(identity=identity) as board, pytest.raises(InputError, match=rf"^/dev/\S+: {message}") as caught:
        run(board)
    assert board.frames == []
    assert "\n" not in str(caught.value)


def test_a_board_of_an_earlier_version() -> None:
    """It takes a request of ours for one of an unknown kind, and says so in packets of its own form."""
    body = bytes([0x9F, 7, 1, 0, 2])  # kind, sequence number, a length of two bytes, the fault "kind"

    class Earlier(Board):
        def _lines(self, packet: Packet) -> list[bytes]:
            return [b"\xc0" + body + zlib.crc32(body).to_bytes(4, "little") + b"\xc0"]

    board = Earlier(lambda packet, n: [], None, [])
    message = r"^/dev/\S+: the board speaks version 1 of the link, not 2; load the bitstream that this hwsnn builds$"
    try:
        with pytest.raises(InputError, match=message):
            run(board)
    finally:
        board.close()


def test_no_answer_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "IDENTITY_S", 0.05)
    with (
        a_board(identity=None) as board,
        pytest.raises(InputError, match=r"^/dev/\S+: no answer; is it the board's port"),
    ):
        run(board)


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
    weight = np.ones((1, 1, 1024, 1024), np.int64)
    layer = dense_layer("last", weight, np.zeros(1, np.int64), 4, Integrator(NoLeak(), 32))
    network = Network("large", (1, 1024, 1024), 8, Encoder("direct"), 1, (layer,), "membrane")
    with pytest.raises(
        InputError, match=r"^large: cannot run over a serial port: a frame must be at most 1,048,575 bytes"
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
                assert [int(best) for best in found.predictions] == [best for best, _ in expected(IMAGES[:count])]
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
