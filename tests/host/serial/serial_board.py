"""A serial board played by a thread behind a pseudo-terminal, and the host's runs on it."""

from __future__ import annotations

import os
import pty
import select
import struct
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwsnn.host.accelerator import Inference
from hwsnn.host.serial.accelerator import ANSWER_S, SerialAccelerator
from hwsnn.host.serial.packets import Packet, PacketStream
from hwsnn.interface.serial_protocol import Identity
from hwsnn.model_file.integer_file import model_hash
from hwsnn.spec import Encoder, Integrator, Network, NoLeak
from tests.support.layers import dense_layer

BAUD = 2_000_000
IDENTITY, FRAME, IDENTITY_ANSWER, FRAME_ANSWER, FAULT = 0x21, 0x22, 0xA1, 0xA2, 0xAF
CORRUPT, PIXEL, BUSY = 1, 4, 5
CLASSES = 3

Reply = Callable[[Packet, int], list[bytes]]
"""What a board sends for a frame, the n-th that it was sent."""


def a_network() -> Network:
    weight = np.ones((CLASSES, 2, 3, 4), np.int64)
    layer = dense_layer("last", weight, np.zeros(CLASSES, np.int64), 4, Integrator(NoLeak(), 16))
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

    predictions: npt.NDArray[np.int64]
    scores: npt.NDArray[np.int64]
    frames: int
    retries: int
    refused: int


def run(board: Board, answer_s: float = ANSWER_S) -> BoardResult:
    with SerialAccelerator(board.name, BAUD, NETWORK, answer_s) as accelerator:
        found, stats = accelerator.infer(IMAGES), accelerator.stats()
    assert (stats.clocks, stats.input_stalls, stats.output_stalls) == (None, None, None)
    return BoardResult(found.predictions, found.scores, stats.frames, stats.retries, stats.malformed)


def assert_right(result: BoardResult | Inference) -> None:
    assert [(int(a), s.tolist()) for a, s in zip(result.predictions, result.scores, strict=True)] == expected(IMAGES)
