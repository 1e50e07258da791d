"""Runs frames on a board over its serial port; ``docs/link.md`` defines the protocol."""

from __future__ import annotations

import struct
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from hwsnn.errors import InputError
from hwsnn.host.accelerator import Accelerator, Check, Inference, Stats
from hwsnn.interface.frames import in_wire_order
from hwsnn.interface.serial_protocol import SEQUENCES, PacketKind, ResponseStatus, frame_payload_bytes
from hwsnn.progress import Advance
from hwsnn.spec import Network
from hwsnn.spec.integers import Images

from .handshake import handshake, identity_text
from .packets import Packet
from .port import SerialPort, open_port

BAUD = 2_000_000
"""Bits per second of the boards' ports."""
ANSWER_S = 5.0
"""Default time-out of the answer to a frame, in seconds."""
WINDOW = 2
"""Frames in flight: as many as a board has buffers, so that it is rarely busy."""
ATTEMPTS = 50
"""Attempts per frame. Small frames get through even if one byte in a hundred is damaged."""
SILENCES = 5
"""The run fails if no frame is answered for this many time-outs."""
BUSY_PAUSES = 20
"""How often per time-out a frame is sent again to a busy board.

Without an answer the run fails after ``SILENCES`` time-outs, or when one of ``WINDOW`` frames was refused ``ATTEMPTS``
times, so fewer than 256 frames are sent meanwhile; and an answer ends the wait for all earlier ones. So no two frames
whose answers may still arrive have the same sequence number.
"""


class SerialAccelerator(Accelerator):
    """A board at the serial port ``port``, of ``baud`` bits per second.

    ``answer_s``: a frame that is not answered within this time, in seconds, counts as lost. Raises ``InputError`` where
    port or board are unusable, or the board holds another model than ``network``.
    """

    def __init__(self, port: str, baud: int, network: Network, answer_s: float = ANSWER_S) -> None:
        super().__init__(port, network)
        try:
            frame_payload_bytes(network)
        except ValueError as error:
            raise InputError(f"{network.name}: cannot run over a serial port: {error}") from None
        self._answer_s = answer_s
        self._totals = Totals()
        self._line = open_port(port, baud)
        try:
            self.describe()
        except BaseException:
            self._line.close()
            raise

    def _describe(self) -> str:
        """Also waits until the board has answered what an earlier program, or an earlier run of ours, sent."""
        return f"{self.network.name}, {identity_text(handshake(self._line, self.network))}"

    def checks(self) -> Sequence[Check]:
        return (Check("malformed frame", self._try_malformed),)

    def _infer(self, images: Images, found: Inference, progress: Advance) -> None:
        self.describe()  # after an error, answers to earlier frames may still arrive
        _Run(self._line, self.network, images, found, progress, self._answer_s, self._totals).finish()

    def _stats(self) -> Stats:
        totals = self._totals
        return Stats(totals.frames, None, None, None, totals.refused, totals.retries)

    def _close(self) -> None:
        self._line.close()

    def _try_malformed(self) -> str:
        short = Packet(PacketKind.FRAME_REQUEST, 0, bytes(frame_payload_bytes(self.network) - 1))
        self._line.send(short)
        deadline = time.monotonic() + self._answer_s
        while time.monotonic() < deadline:
            for packet in self._line.receive():
                if packet and (packet.kind, packet.payload) == (PacketKind.FAULT, bytes([ResponseStatus.LENGTH])):
                    self._totals.refused += 1
                    return "refused and reported"
        raise InputError(f"{self.name}: a frame that was too short was not reported in {self._answer_s:g} s")


@dataclass
class Totals:
    """The host's counters since it opened the port."""

    frames: int = 0
    refused: int = 0
    retries: int = 0


@dataclass
class _Sent:
    """A frame in flight."""

    index: int
    time: float


class _Run:
    """The state of one run: which frames wait, which are in flight, which are answered."""

    def __init__(
        self,
        line: SerialPort,
        network: Network,
        images: Images,
        found: Inference,
        progress: Advance,
        answer_s: float,
        totals: Totals,
    ) -> None:
        self._line, self._progress, self._answer_s, self._totals = line, progress, answer_s, totals
        self._frames = in_wire_order(images)
        self._answer = struct.Struct(f"<BH{network.classes}i")
        self._waiting = deque(range(len(images)))
        self._sent: dict[int, _Sent] = {}  # by sequence number, in the order of sending
        self._attempts = [0] * len(images)
        self._busy: list[int] = []  # the indices of frames that found the board busy
        self._sequence = 0
        self._last_answer = self._last_refusal = time.monotonic()
        self._found = found

    def finish(self) -> None:
        while self._waiting or self._sent or self._busy:
            while self._waiting and len(self._sent) + len(self._busy) < WINDOW:
                self._send(self._waiting.popleft())
            for packet in self._line.receive():
                if packet is not None:
                    self._take(packet)
            self._look_at_the_clock()

    def _send(self, index: int) -> None:
        self._line.send(Packet(PacketKind.FRAME_REQUEST, self._sequence, self._frames[index].tobytes()))
        self._sent[self._sequence] = _Sent(index, time.monotonic())
        self._sequence = (self._sequence + 1) % SEQUENCES

    def _take(self, packet: Packet) -> None:
        if packet.kind == PacketKind.FAULT and packet.payload != bytes([ResponseStatus.BUSY]):
            self._totals.refused += 1
        if packet.sequence not in self._sent:
            return
        if packet.kind == PacketKind.FRAME_ANSWER and self._is_sound(packet.payload):
            # Frames are answered in their order: those sent before this one got lost, or their answers did.
            while (sequence := next(iter(self._sent))) != packet.sequence:
                self._repeat(sequence, "no answer came")
            index = self._sent.pop(packet.sequence).index
            _, self._found.predictions[index], *self._found.scores[index] = self._answer.unpack(packet.payload)
            self._last_answer = time.monotonic()
            self._totals.frames += 1
            self._again_where_busy()
            self._progress(1)
        elif packet.kind == PacketKind.FAULT and packet.payload == bytes([ResponseStatus.BUSY]):
            self._busy.append(self._sent.pop(packet.sequence).index)
            self._last_refusal = time.monotonic()
        elif packet.kind == PacketKind.FAULT:
            self._repeat(packet.sequence, f"the board reported {_status_name(packet.payload)}")

    def _is_sound(self, payload: bytes) -> bool:
        if len(payload) != self._answer.size:
            return False
        status, answer, *_ = self._answer.unpack(payload)
        return bool(status == ResponseStatus.OK and answer < self._found.scores.shape[1])

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
        self._totals.retries += 1
        self._waiting.append(index)

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        for sequence, sent in list(self._sent.items()):
            if now - sent.time > self._answer_s:
                self._repeat(sequence, f"no answer came in {self._answer_s:g} s")
        if self._busy and now - self._last_refusal > self._answer_s / BUSY_PAUSES:
            self._again_where_busy()
        if now - self._last_answer > SILENCES * self._answer_s:
            raise InputError(
                f"{self._line.name}: no frame was answered in {SILENCES * self._answer_s:g} s; load the board again"
            )


def _status_name(payload: bytes) -> str:
    try:
        return ResponseStatus(payload[0]).name.lower()
    except (ValueError, IndexError):
        return f"an unknown fault ({payload.hex()})"
