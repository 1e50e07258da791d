"""The accelerator behind an AXI DMA, with two buffers: one is filled while the hardware works on the other."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hwsnn.errors import InputError, ToolError
from hwsnn.host.accelerator import Accelerator, Check, Inference, Stats
from hwsnn.interface.dma import LENGTH, MM2S, S2MM
from hwsnn.interface.registers import frame_bytes
from hwsnn.progress import Advance, silent
from hwsnn.spec import Network
from hwsnn.spec.integers import Images

from .bus import Bus
from .channel import Channel
from .ping_pong import PingPongBuffer, batch_frames
from .registers import Registers

RESULT_S = 5.0
"""Time-out of the next result, in seconds."""
CHECK_S = 0.01
"""Interval of the checks for DMA errors while no result arrives, in seconds."""
SHORTEST_S, LONGEST_S = 20e-6, 1e-3
"""Shortest and longest sleep of the driver while no result arrives: it doubles each time."""


class DmaAccelerator(Accelerator):
    """The accelerator on ``bus``, which is closed with it.

    ``timeout_s``: time-out of the next result. Raises ``InputError`` if the accelerator holds another model.
    """

    def __init__(self, bus: Bus, network: Network, timeout_s: float) -> None:
        super().__init__(bus.name, network)
        self._bus, self._timeout_s = bus, timeout_s
        self._packets = 0  # sent since the last reset: the number of the next
        self._sound = False  # nothing is in flight, and both channels wait for the same buffer
        self._registers = Registers(bus)
        self._to_board = Channel(bus, bus.addresses.dma + MM2S, "brings frames")
        self._from_board = Channel(bus, bus.addresses.dma + S2MM, "takes results")
        self._buffers: deque[PingPongBuffer] = deque()
        try:
            if (size := frame_bytes(network)) > LENGTH:
                raise InputError(f"{network.name}: a frame must be at most {LENGTH:,} bytes for the DMA, not {size:,}")
            self._registers.require(network)
            self._buffers.extend(PingPongBuffer(bus, network) for _ in range(2))
            self._reset()
        except BaseException:
            self.close()
            raise

    def _describe(self) -> str:
        return self._registers.require(self.network)

    def checks(self) -> Sequence[Check]:
        return (
            Check("registers", self._registers.try_out),
            Check("reset", self._try_reset),
            Check("malformed frame", self._try_malformed),
        )

    def _infer(self, images: Images, found: Inference, progress: Advance) -> None:
        if not self._sound:
            self._reset()
        self._sound = False  # until all that was sent is answered, however we leave
        try:
            self._run(images, found, progress)
        except BaseException:
            self._stop()
            raise
        self._sound = True

    def _run(self, images: Images, found: Inference, progress: Advance) -> None:
        capacity = batch_frames(self.network)
        sent: deque[_Batch] = deque()
        taken = 0
        for first in range(0, len(images), capacity):
            if len(sent) == len(self._buffers):
                taken = self._take(sent.popleft(), found, taken, progress)
            sent.append(self._send(images[first : first + capacity]))
        while sent:
            taken = self._take(sent.popleft(), found, taken, progress)

    def _send(self, images: Images, malformed: int = 0) -> _Batch:
        """Let the hardware work on ``images``, the first ``malformed`` of which are sent wrongly."""
        buffer, then = self._buffers
        buffer.fill(images, then, malformed)
        self._from_board.run_to(buffer.results.last)
        self._to_board.run_to(buffer.frames.last)
        batch = _Batch(buffer, self._packets + malformed, len(images), len(images) - malformed)
        self._packets += len(images)
        self._buffers.rotate()
        return batch

    def _take(self, batch: _Batch, found: Inference, place: int, progress: Advance) -> int:
        """Wait for a batch, and put its results into ``found`` from ``place`` on; returns the place after them."""
        self._wait(batch.buffer.results.done, batch.results, progress)
        self._wait(batch.buffer.frames.done, batch.frames)
        for ring, channel in ((batch.buffer.frames, self._to_board), (batch.buffer.results, self._from_board)):
            if (failed := ring.failed()) is not None:
                raise channel.error(f"that packet {failed} of {batch.frames} went wrong")
        scores, answers = batch.buffer.take(batch.first)
        end = place + len(answers)
        found.scores[place:end], found.predictions[place:end] = scores, answers
        return end

    def _wait(self, done: Callable[[], int], total: int, progress: Advance = silent) -> None:
        """Until ``total`` are ``done``. Raises ``InputError`` if the DMA reports an error, or at the time-out."""
        seen, pause = 0, SHORTEST_S
        last = checked = time.monotonic()
        while True:
            count, now = done(), time.monotonic()
            if count > seen:
                progress(count - seen)
                seen, pause, last = count, SHORTEST_S, now
            if seen == total:
                return
            if now - checked > CHECK_S:
                checked = now
                self._to_board.check()
                self._from_board.check()
            if now - last > self._timeout_s:
                raise self._overdue()
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_S)

    def _overdue(self) -> InputError:
        stats = self._registers.stats()
        return InputError(
            f"{self.name}: no result came in {self._timeout_s:g} s; the accelerator answered {stats.frames:,} of "
            f"{self._packets:,} frames, and refused {stats.malformed:,} as malformed"
        )

    def _stats(self) -> Stats:
        return self._registers.stats()

    def _close(self) -> None:
        self._stop()
        self._buffers.clear()
        self._bus.close()

    def _stop(self) -> None:
        """Stop the DMA: it must not write into memory that is about to be released."""
        if self._buffers:  # else there is none yet, and perhaps no DMA
            with contextlib.suppress(InputError, ToolError):  # it cannot be reached any more
                self._to_board.reset()

    def _reset(self) -> None:
        """Discard everything in flight, and restart both channels and the packet numbers."""
        self._sound = False
        self._to_board.reset()
        self._registers.reset()
        self._packets = 0
        self._start()  # of results, no more than the rest of the one that was being sent comes now
        receiving, sending = self._registers.status("RECEIVING"), self._registers.status("SENDING")
        if receiving or sending:
            self._shed(receiving, sending)
        self._start()
        self._sound = True

    def _start(self) -> None:
        """Restart both channels. The DMA fetches a few words of results in advance: its reset discards them."""
        self._to_board.reset()
        self._to_board.start(self._buffers[0].frames.first)
        self._from_board.start(self._buffers[0].results.first)

    def _shed(self, receiving: bool, sending: bool) -> None:
        """Take the packet that was being sent when the reset came, and end the one that was being received.

        The DMA may already have had the first words of that packet, or all: its descriptor is meaningless.
        """
        buffer, then = self._buffers
        buffer.fill(np.zeros((1, *self.network.frame_shape), np.uint8), then)
        if sending:
            self._from_board.run_to(buffer.results.last)
            self._wait(lambda: not self._registers.status("SENDING"), 1)
        if receiving:  # what is sent now counts as the rest of that one, and is dropped
            self._to_board.run_to(buffer.frames.last)
            self._wait(lambda: not self._registers.status("RECEIVING"), 1)

    def _try_reset(self) -> str:
        self._reset()
        stats = self._registers.stats()
        if stats.frames or stats.malformed:
            raise InputError(f"{self.name}: after a reset, FRAMES is {stats.frames} and MALFORMED {stats.malformed}")
        if self._registers.read("CLOCKS") <= (stats.clocks or 0):
            raise InputError(f"{self.name}: the pipeline's clock stands still; load the bitstream again")
        return "counters start from 0, the pipeline's clock runs"

    def _try_malformed(self) -> str:
        if not self._sound:
            self._reset()
        before = self._registers.stats().malformed
        self._sound = False
        images = np.zeros((2, *self.network.frame_shape), np.uint8)
        batch = self._send(images, malformed=1)
        self._take(batch, Inference(np.zeros((1, self.network.classes), np.int64), np.zeros(1, np.int64)), 0, _ignore)
        counted = self._registers.stats().malformed - before
        if counted != 1:
            raise InputError(f"{self.name}: counted {counted} malformed frames where one was sent")
        self._sound = True
        return "dropped and counted, the next one answered"


@dataclass(frozen=True)
class _Batch:
    """Frames in flight: ``results`` of the ``frames`` are answered, the first with the number ``first``."""

    buffer: PingPongBuffer
    first: int
    frames: int
    results: int


def _ignore(done: int) -> None:
    pass
