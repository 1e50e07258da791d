"""Runs frames on a board over its serial port; ``docs/link.md`` says how the two talk."""

from __future__ import annotations

import random
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwsnn.errors import InputError
from hwsnn.model import model_hash
from hwsnn.rtl.protocol import Identity, Kind, Status, frame_bytes
from hwsnn.spec import Network

from .packets import Packet
from .serial_port import SerialPort, open_port

WINDOW = 2
"""Frames on the way: as many as a board has buffers, so that it is hardly ever busy."""
ATTEMPTS = 5
"""How often a frame is sent before we give up."""
BUSY_PAUSES = 20
"""How often a frame that found the board busy is sent in the time that an answer may take.

Without an answer we give up after ``ATTEMPTS`` such times, so fewer than 256 frames go out meanwhile, and an answer
ends the wait for all earlier ones: no two frames whose answers may still come carry the same sequence number.
"""
SEQUENCES = 256
IDENTITY_ATTEMPTS = 5
IDENTITY_S = 1.0
"""How long one identity request may take."""
LEFTOVERS_S = 30.0
"""How long answers to an earlier program may take to come out."""

Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class BoardResult:
    """What a board said: ``scores`` (N, classes), ``answers`` (N,), in the order of the images.

    ``retries``: how many frames were sent again because of trouble on the line. ``seconds``: from the first frame to
    the last answer.
    """

    scores: Array
    answers: Array
    retries: int
    seconds: float


def run_frames(
    port: str,
    baud: int,
    network: Network,
    images: npt.NDArray[np.uint8],
    progress: Callable[[int], None] = lambda done: None,
    *,
    answer_s: float = 5.0,
) -> BoardResult:
    """Run ``images`` (N, C, H, W) on the board at ``port``, which must hold ``network``.

    ``progress`` is called with the number of new answers. A frame without an answer in ``answer_s`` seconds counts as
    lost. Raises ``InputError`` where port or board are unusable, or a frame gets no answer in several attempts.
    """
    if images.shape[1:] != network.input_shape:
        raise ValueError(f"images must be of shape (N, {network.input_shape}), not {images.shape}")
    try:
        frame_bytes(network)
    except ValueError as error:
        raise InputError(f"{network.name}: cannot run over a serial port: {error}") from None
    with open_port(port, baud) as line:
        _meet(line, network)
        return _Run(line, network, images, progress, answer_s).finish()


def _meet(line: SerialPort, network: Network) -> None:
    """Check that the board holds ``network``, and wait for whatever an earlier program left in it."""
    expected = Identity.of(network, model_hash(network))
    deadline = time.monotonic() + LEFTOVERS_S
    while True:
        payload = _ask_identity(line)
        try:
            found = Identity.unpack(payload[1:-1])
        except ValueError:
            raise InputError(
                f"{line.name}: the board speaks another version of the link; load the bitstream that this hwsnn builds"
            ) from None
        if found.version != expected.version:
            raise InputError(
                f"{line.name}: the board speaks version {found.version} of the link, not {expected.version}; "
                "load the bitstream that this hwsnn builds"
            )
        if found != expected:
            raise InputError(
                f"{line.name}: the board holds another model ({_described(found)}) than {network.name} "
                f"({_described(expected)}); load the bitstream that hwsnn build makes of it"
            )
        if payload[-1] == 0:
            return
        if time.monotonic() > deadline:
            raise InputError(f"{line.name}: the board does not finish earlier frames; load its bitstream again")


def _described(identity: Identity) -> str:
    return (
        f"{identity.model_hash.hex()}, {identity.channels}x{identity.height}x{identity.width} pixels of "
        f"{identity.pixel_bits} bits, T={identity.timesteps}, {identity.classes} classes"
    )


def _ask_identity(line: SerialPort) -> bytes:
    start = random.randrange(SEQUENCES)  # what an earlier program asked is not answered to us
    for sequence in (number % SEQUENCES for number in range(start, start + IDENTITY_ATTEMPTS)):
        line.send(Packet(Kind.IDENTITY_REQUEST, sequence))
        deadline = time.monotonic() + IDENTITY_S
        while time.monotonic() < deadline:
            for packet in line.receive():
                if packet and (packet.kind, packet.sequence) == (Kind.IDENTITY_ANSWER, sequence):
                    return packet.payload
    raise InputError(
        f"{line.name}: no answer; is it the board's port, and has the board been loaded with its bitstream?"
    )


@dataclass
class _Sent:
    """A frame on the way."""

    index: int
    time: float


class _Run:
    """The state of one run: which frames wait, which are on the way, which are answered."""

    def __init__(
        self,
        line: SerialPort,
        network: Network,
        images: npt.NDArray[np.uint8],
        progress: Callable[[int], None],
        answer_s: float,
    ) -> None:
        self._line, self._progress, self._answer_s = line, progress, answer_s
        self._frames = images.transpose(0, 2, 3, 1)
        self._answer = struct.Struct(f"<BH{network.classes}i")
        self._waiting = deque(range(len(images)))
        self._sent: dict[int, _Sent] = {}  # by sequence number, in the order of sending
        self._attempts = [0] * len(images)
        self._busy: list[int] = []  # the indices of frames that found the board busy
        self._sequence = 0
        self._start = self._last_answer = self._last_refusal = time.monotonic()
        self._retries = 0
        self._scores = np.zeros((len(images), network.classes), np.int64)
        self._answers = np.zeros(len(images), np.int64)

    def finish(self) -> BoardResult:
        while self._waiting or self._sent or self._busy:
            while self._waiting and len(self._sent) + len(self._busy) < WINDOW:
                self._send(self._waiting.popleft())
            for packet in self._line.receive():
                if packet is not None:
                    self._take(packet)
            self._look_at_the_clock()
        return BoardResult(self._scores, self._answers, self._retries, self._last_answer - self._start)

    def _send(self, index: int) -> None:
        self._line.send(Packet(Kind.FRAME_REQUEST, self._sequence, self._frames[index].tobytes()))
        self._sent[self._sequence] = _Sent(index, time.monotonic())
        self._sequence = (self._sequence + 1) % SEQUENCES

    def _take(self, packet: Packet) -> None:
        if packet.sequence not in self._sent:
            return
        if packet.kind == Kind.FRAME_ANSWER and self._is_sound(packet.payload):
            # Frames are answered in their order: those sent before this one got lost, or their answers did.
            while (sequence := next(iter(self._sent))) != packet.sequence:
                self._repeat(sequence, "no answer came")
            index = self._sent.pop(packet.sequence).index
            _, self._answers[index], *self._scores[index] = self._answer.unpack(packet.payload)
            self._last_answer = time.monotonic()
            self._again_where_busy()
            self._progress(1)
        elif packet.kind == Kind.FAULT and packet.payload == bytes([Status.BUSY]):
            self._busy.append(self._sent.pop(packet.sequence).index)
            self._last_refusal = time.monotonic()
        elif packet.kind == Kind.FAULT:
            self._repeat(packet.sequence, f"the board reported {_status_name(packet.payload)}")

    def _is_sound(self, payload: bytes) -> bool:
        if len(payload) != self._answer.size:
            return False
        status, answer, *_ = self._answer.unpack(payload)
        return bool(status == Status.OK and answer < self._scores.shape[1])

    def _again_where_busy(self) -> None:
        self._waiting.extendleft(reversed(self._busy))
        self._busy.clear()

    def _repeat(self, sequence: int, why: str) -> None:
        index = self._sent.pop(sequence).index
        self._attempts[index] += 1
        if self._attempts[index] >= ATTEMPTS:
            raise InputError(
                f"{self._line.name}: image {index} failed {ATTEMPTS} times, lastly because {why}; check the cable"
            )
        self._retries += 1
        self._waiting.append(index)

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        for sequence, sent in list(self._sent.items()):
            if now - sent.time > self._answer_s:
                self._repeat(sequence, f"no answer came in {self._answer_s:g} s")
        if self._busy and now - self._last_refusal > self._answer_s / BUSY_PAUSES:
            self._again_where_busy()
        if now - self._last_answer > ATTEMPTS * self._answer_s:
            raise InputError(
                f"{self._line.name}: no frame was answered in {ATTEMPTS * self._answer_s:g} s; load the board again"
            )


def _status_name(payload: bytes) -> str:
    try:
        return Status(payload[0]).name.lower()
    except (ValueError, IndexError):
        return f"an unknown fault ({payload.hex()})"
