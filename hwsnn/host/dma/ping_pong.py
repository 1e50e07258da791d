"""One of the driver's two buffers: a batch of frames, their results, and the descriptors of both."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hwsnn.errors import InputError
from hwsnn.interface.frames import in_wire_order
from hwsnn.interface.registers import RESULT_ANSWER, RESULT_NUMBER, RESULT_SCORES, frame_bytes, result_bytes
from hwsnn.spec import Network
from hwsnn.spec.integers import Images

from .bus import Bus
from .descriptor_ring import DescriptorRing

STRIDE = 64
"""Frames and results start at multiples of it: a cache line, and as much as the DMA may ever fetch at once."""
BATCH_FRAMES = 256
"""Frames of a batch: enough that the driver's work on a batch takes less than the hardware's."""
BATCH_BYTES = 4 << 20
"""Room for the frames of a batch, unless one alone is larger."""


def strided(size: int) -> int:
    """``size`` bytes, rounded up to a multiple of ``STRIDE``."""
    return -(-size // STRIDE) * STRIDE


def batch_frames(network: Network) -> int:
    """How many frames a buffer holds."""
    return max(1, min(BATCH_FRAMES, BATCH_BYTES // strided(frame_bytes(network))))


class PingPongBuffer:
    """Memory of a batch; the driver fills one while the hardware works on the other.

    ``frames`` and ``results`` are the descriptors of the two directions.
    """

    def __init__(self, bus: Bus, network: Network) -> None:
        self._name, self._classes = bus.name, network.classes
        self._frame_bytes, self._result_bytes = frame_bytes(network), result_bytes(network)
        capacity = batch_frames(network)
        frame, result = strided(self._frame_bytes), strided(self._result_bytes)
        self._room = result
        self._pixels = bus.allocate(capacity * frame)
        self._answers = bus.allocate(capacity * result)
        self._frames = self._pixels.array.reshape(capacity, frame)[:, : self._frame_bytes]
        self._words = self._answers.array.view("<i4").reshape(capacity, result // 4)
        self.frames = DescriptorRing(bus, capacity, self._pixels.address, frame)
        self.results = DescriptorRing(bus, capacity, self._answers.address, result)

    def fill(self, images: Images, then: PingPongBuffer, malformed: int = 0) -> None:
        """Fill the buffer with ``images`` (N, *network.frame_shape); ``then`` is the buffer that follows.

        The first ``malformed`` of them are sent too short, or too long where they have one byte: they give no result.
        """
        ordered = in_wire_order(images)
        self._frames[: len(images)].reshape(ordered.shape)[:] = ordered  # a view: only the last axis is split
        self._pixels.flush()
        lengths = np.full(len(images), self._frame_bytes, np.uint32)
        lengths[:malformed] = self._frame_bytes - 1 or self._frame_bytes + 1
        self.frames.prepare(lengths, then.frames.first)
        self.results.prepare(np.full(len(images) - malformed, self._room, np.uint32), then.results.first)

    def take(self, first: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """The scores and answers of the batch, once all are there; ``first`` is the number of its first packet.

        Raises ``InputError`` if they cannot be the results of these frames.
        """
        wrong = self.results.wrong_length(self._result_bytes)
        if wrong is not None:
            raise InputError(
                f"{self._name}: result {first + wrong} has not {self._result_bytes} bytes; load the bitstream again"
            )
        self._answers.invalidate()
        words = self._words[: self.results.done()]
        numbers = words[:, RESULT_NUMBER // 4].view("<u4")
        expected = (first + np.arange(len(words))).astype("<u4")  # they count mod 2^32
        if (missing := np.flatnonzero(numbers != expected)).size:
            raise InputError(
                f"{self._name}: after frame {expected[missing[0]]} was sent, the answer to frame "
                f"{numbers[missing[0]]} came: frames were lost; load the bitstream again"
            )
        answers = words[:, RESULT_ANSWER // 4]
        if ((answers < 0) | (answers >= self._classes)).any():
            raise InputError(f"{self._name}: answered with a class that {self._classes} classes lack; load it again")
        return words[:, RESULT_SCORES // 4 : self._result_bytes // 4], answers
