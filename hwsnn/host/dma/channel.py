"""A channel of the AXI DMA: reset, start, tail pointer, errors."""

from __future__ import annotations

import time

from hwsnn.errors import InputError
from hwsnn.interface.dma import ERRORS, DmaControl, DmaStatus, Offset

from .bus import Bus

HALT_S = 5.0
"""Time-out of a reset or start, in seconds."""


class Channel:
    """One direction of the DMA whose registers start at ``base``; ``way``: its name in errors."""

    def __init__(self, bus: Bus, base: int, way: str) -> None:
        self._bus, self._base, self._way = bus, base, way

    def reset(self) -> None:
        """Reset both channels of the DMA. Raises ``InputError`` if that does not end."""
        self._write(Offset.CONTROL, DmaControl.RESET)
        self._wait(Offset.CONTROL, DmaControl.RESET, "its reset does not end")

    def start(self, descriptor: int) -> None:
        """Start the channel, which was just reset, at a descriptor's address. It waits there until it has a tail."""
        self._write(Offset.CURRENT, descriptor & 0xFFFF_FFFF)
        self._write(Offset.CURRENT_HIGH, descriptor >> 32)
        self._write(Offset.CONTROL, DmaControl.RUN)
        self._wait(Offset.STATUS, DmaStatus.HALTED, "it does not start")

    def run_to(self, descriptor: int) -> None:
        """Let the channel process descriptors up to the one at that address.

        Writing the high word activates it, or the low one where the DMA has addresses of 32 bits, and no high word.
        """
        self._write(Offset.TAIL, descriptor & 0xFFFF_FFFF)
        self._write(Offset.TAIL_HIGH, descriptor >> 32)

    def check(self) -> None:
        """Raise ``InputError`` if the channel reports an error, or has stopped without one."""
        status = self._read(Offset.STATUS)
        found = [text for bit, text in ERRORS.items() if status & bit]
        if found or status & DmaStatus.HALTED:
            raise self.error(" and ".join(found) or "it stopped")

    def error(self, what: str) -> InputError:
        """An error of this channel, in words."""
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
