"""Frames of values that change with time over a serial line: 100 steps of 700 values are one packet of 70,000 bytes."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from hwsnn.host.serial import port
from hwsnn.host.serial.accelerator import SerialAccelerator
from hwsnn.host.serial.packets import Packet
from hwsnn.interface.serial_protocol import Identity
from hwsnn.model_file.integer_file import model_hash
from hwsnn.spec import Encoder, Integrator, Network, NoLeak, Shape
from tests.host.serial.serial_board import BAUD, CORRUPT, FRAME_ANSWER, a_board, fault
from tests.support.layers import dense_layer

CLASSES = 3


def network(shape: Shape, steps: int) -> Network:
    weight = np.ones((CLASSES, *shape), np.int64)
    layer = dense_layer("last", weight, np.zeros(CLASSES, np.int64), 4, Integrator(NoLeak(), 32))
    return Network("timed", shape, 8, Encoder("steps"), steps, (layer,), "membrane")


def outcome(payload: bytes) -> tuple[int, tuple[int, ...]]:
    """Some answer and scores, of both signs and 32 bits, that depend on every byte and its place."""
    value = zlib.crc32(payload)
    return value % CLASSES, (value - (1 << 31), 2**31 - 1 - value // 2, -(2**31) + value // 2)


def answer(packet: Packet) -> bytes:
    best, scores = outcome(packet.payload)
    return Packet(FRAME_ANSWER, packet.sequence, struct.pack("<BH3i", 0, best, *scores)).pack()


def in_order(frame: np.ndarray) -> bytes:  # type: ignore[type-arg]
    """A frame's bytes by loops: row by row, pixel by pixel, step by step, the channels together."""
    steps, channels, height, width = frame.shape
    order = ((t, c, y, x) for y in range(height) for x in range(width) for t in range(steps) for c in range(channels))
    return bytes(int(frame[place]) for place in order)


@pytest.mark.parametrize(
    ("model", "count"),
    [(network((700, 1, 1), 100), 3), (network((2, 3, 4), 5), 40), (network((1, 1, 1), 1), 4)],
    ids=["700 values, 100 steps", "images", "one value"],
)
def test_order_and_results(model: Network, count: int) -> None:
    frames = np.random.default_rng(7).integers(0, 256, (count, *model.frame_shape), np.uint8)
    identity = Identity.of(model, model_hash(model)).pack()
    with (
        a_board(lambda packet, n: [answer(packet)], identity) as board,
        SerialAccelerator(board.name, BAUD, model) as accelerator,
    ):
        found = accelerator.infer(frames)
    payloads = [in_order(frame) for frame in frames]
    assert [packet.payload for packet in board.frames] == payloads
    expected = [outcome(payload) for payload in payloads]
    assert found.predictions.tolist() == [best for best, _ in expected]
    assert found.scores.tolist() == [list(scores) for _, scores in expected]


def test_sent_again_whole() -> None:
    model = network((700, 1, 1), 100)
    frames = np.random.default_rng(8).integers(0, 256, (2, *model.frame_shape), np.uint8)
    identity = Identity.of(model, model_hash(model)).pack()
    with (
        a_board(lambda packet, n: [answer(packet) if n else fault(packet, CORRUPT)], identity) as board,
        SerialAccelerator(board.name, BAUD, model) as accelerator,
    ):
        found, stats = accelerator.infer(frames), accelerator.stats()
    assert found.scores.tolist() == [list(outcome(in_order(frame))[1]) for frame in frames]
    assert (stats.frames, stats.retries, stats.malformed) == (2, 1, 1)


def test_long_packets_go_out_in_pieces() -> None:
    """Each within the time-out of a write, however slow the line; together they are the packet."""
    written: list[bytes] = []

    class Port:
        def write(self, data: bytes) -> None:
            written.append(data)

    packet = Packet(0x22, 1, bytes(range(256)) * 80)
    port.SerialPort("port", Port()).send(packet)
    assert b"".join(written) == packet.pack()
    assert {len(piece) for piece in written[:-1]} == {port.WRITE_BYTES}
    assert len(written) == -(-len(packet.pack()) // port.WRITE_BYTES)


def test_frames_of_another_shape_are_refused() -> None:
    model = network((2, 3, 4), 5)
    identity = Identity.of(model, model_hash(model)).pack()
    with a_board(identity=identity) as board, SerialAccelerator(board.name, BAUD, model) as accelerator:
        for shape in ((1, 2, 3, 4), (1, 4, 2, 3, 4), (1, 2, 5, 3, 4), (5, 2, 3, 4)):
            with pytest.raises(ValueError, match=r"^images must be of shape \(N, 5, 2, 3, 4\), not \("):
                accelerator.infer(np.zeros(shape, np.uint8))
        assert accelerator.infer(np.zeros((0, 5, 2, 3, 4), np.uint8)).scores.shape == (0, CLASSES)
    assert board.frames == []
