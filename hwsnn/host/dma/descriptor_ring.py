"""The DMA descriptors of a batch of packets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hwsnn.interface.dma import DESCRIPTOR, DESCRIPTOR_BYTES, DONE, FAILED, FIRST, LAST, LENGTH

from .bus import Bus


class DescriptorRing:
    """Descriptors of ``packets`` packets at most, each with a buffer: ``stride`` bytes apart, from ``buffers`` on.

    The last prepared descriptor points to the first one of another ring, so that two rings can take turns.
    """

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
        """Prepare one descriptor per entry of ``lengths``; the one at address ``then`` follows the last.

        ``lengths``: bytes of each packet to be sent, or of the space for each to be received.
        """
        self._packets, self._done = len(lengths), 0
        new = self._table[: self._packets]
        new["next"] = self._following[: self._packets]
        new["next"][-1] = then
        new["control"] = FIRST | LAST | lengths
        new["status"] = 0
        self._memory.flush()

    def done(self) -> int:
        """How many of the prepared descriptors the DMA has completed; it takes them in order."""
        self._memory.invalidate()
        open_ones = np.flatnonzero(self._table["status"][self._done : self._packets] & DONE == 0)
        self._done = self._done + int(open_ones[0]) if len(open_ones) else self._packets
        return self._done

    def failed(self) -> int | None:
        """The first completed packet for which the DMA reports an error; None where there is none."""
        wrong = np.flatnonzero(self._table["status"][: self._done] & FAILED)
        return int(wrong[0]) if len(wrong) else None

    def wrong_length(self, length: int) -> int | None:
        """The first received packet that is not ``length`` bytes in one buffer; None where all are."""
        expected = DONE | FIRST | LAST | length
        wrong = np.flatnonzero(self._table["status"][: self._done] & (DONE | FIRST | LAST | LENGTH) != expected)
        return int(wrong[0]) if len(wrong) else None
