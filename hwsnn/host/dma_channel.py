"""A channel of the AXI DMA, and the descriptors of a batch of packets for it."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from hwsnn.errors import InputError

from .bus import Bus
from .dma_map import (
    DESCRIPTOR,
    DESCRIPTOR_BYTES,
    DONE,
    ERRORS,
    FAILED,
    FIRST,
    LAST,
    LENGTH,
    Control,
    Offset,
    Status,
)

HALT_S = 5.0
"""How long a channel may take to be reset, or to start."""


class Chain:
    """Descriptors of ``packets`` packets at most, each with a buffer: ``stride`` bytes apart, from ``buffers`` on."""

    def __init__(self, bus: Bus, packets: int, buffers: int, stride: int) -> None:
        self._memory = bus.allocate(packets * DESCRIPTOR_BYTES)
        self._table = self._memory.array.view(DESCRIPTOR)
        self.first = self._memory.address
        self._following = self.first + DESCRIPTOR_BYTES * (1 + np.arange(packets, dtype=np.uint64))
        self._table["buffer"] = buffers + stride * np.arange(packets, dtype=np.uint64)
        self._packets = self._done = 0

    @property
    def last(self) -> int:
        """The address of the last descriptor that was prepared."""
        return self.first + DESCRIPTOR_BYTES * (self._packets - 1)

    def prepare(self, lengths: npt.NDArray[np.uint32], then: int) -> None:
        """Make as many descriptors new as there are ``lengths``, the last one followed by that at address ``then``.

        ``lengths``: bytes of each packet to be sent, or of the room for each that comes.
        """
        self._packets, self._done = len(lengths), 0
        new = self._table[: self._packets]
        new["next"] = self._following[: self._packets]
        new["next"][-1] = then
        new["control"] = FIRST | LAST | lengths
        new["status"] = 0
        self._memory.flush()

    def done(self) -> int:
        """How many of the prepared descriptors the DMA is through with; it takes them in order."""
        self._memory.invalidate()
        open_ones = np.flatnonzero(self._table["status"][self._done : self._packets] & DONE == 0)
        self._done = self._done + int(open_ones[0]) if len(open_ones) else self._packets
        return self._done

    def failed(self) -> int | None:
        """The first of the packets that are done for which the DMA reports an error; None where all are fine."""
        wrong = np.flatnonzero(self._table["status"][: self._done] & FAILED)
        return int(wrong[0]) if len(wrong) else None

    def lengths_wrong(self, length: int) -> int | None:
        """The first of the packets that came that has not ``length`` bytes in one buffer; None where all have."""
        expected = DONE | FIRST | LAST | length
        wrong = np.flatnonzero(self._table["status"][: self._done] & (DONE | FIRST | LAST | LENGTH) != expected)
        return int(wrong[0]) if len(wrong) else None


class Channel:
    """One direction of the DMA whose registers start at ``base``; ``way`` is what errors call it."""

    def __init__(self, bus: Bus, base: int, way: str) -> None:
        self._bus, self._base, self._way = bus, base, way

    def reset(self) -> None:
        """Reset both channels of the DMA. Raises ``InputError`` where that does not end."""
        self._write(Offset.CONTROL, Control.RESET)
        self._wait(Offset.CONTROL, Control.RESET, "its reset does not end")

    def start(self, descriptor: int) -> None:
        """Start the channel, which was just reset, to go on from the descriptor at that address once it has a tail."""
        self._write(Offset.CURRENT, descriptor & 0xFFFF_FFFF)
        self._write(Offset.CURRENT_HIGH, descriptor >> 32)
        self._write(Offset.CONTROL, Control.RUN)
        self._wait(Offset.STATUS, Status.HALTED, "it does not start")

    def run_to(self, descriptor: int) -> None:
        """Let the channel work up to the descriptor at that address."""
        self._write(Offset.TAIL, descriptor & 0xFFFF_FFFF)
        self._write(Offset.TAIL_HIGH, descriptor >> 32)

    def check(self) -> None:
        """Raise ``InputError`` where the channel reports an error, or stands still without one."""
        status = self._read(Offset.STATUS)
        found = [text for bit, text in ERRORS.items() if status & bit]
        if found or status & Status.HALTED:
            raise self.error(" and ".join(found) or "it stopped")

    def error(self, what: str) -> InputError:
        """Trouble of this channel, in words."""
        return InputError(f"{self._bus.name}: the DMA that {self._way} reports {what}")

    def _read(self, offset: Offset) -> int:
        return self._bus.read32(self._base + offset)

    def _write(self, offset: Offset, value: int) -> None:
        self._bus.write32(self._base + offset, value)

    def _wait(self, offset: Offset, bit: int, trouble: str) -> None:
        """Until a bit of a register is 0."""
        deadline = time.monotonic() + HALT_S
        while self._read(offset) & bit:
            if time.monotonic() > deadline:
                raise InputError(f"{self._bus.name}: the DMA that {self._way}: {trouble}; load the bitstream again")
