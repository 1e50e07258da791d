"""What a driver needs of the way to a board: registers at addresses, and memory that the board's DMA reaches too."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt


class Buffer(ABC):
    """Memory without gaps for the DMA's eyes as well, all zeros at first.

    ``array``: its bytes, uint8. ``address``: where the DMA finds it. Processor and DMA may see it through caches: what
    one wrote is the other's to read only after ``flush`` or ``invalidate``, which are always about the whole buffer. So
    a buffer should be written by one of the two alone, or in turns.
    """

    array: npt.NDArray[np.uint8]
    address: int

    @abstractmethod
    def flush(self) -> None:
        """Let the DMA see what the processor wrote."""

    @abstractmethod
    def invalidate(self) -> None:
        """Let the processor see what the DMA wrote."""


class Bus(ABC):
    """Registers of 32 bits at physical addresses, and buffers. ``name`` is what errors call the board.

    Every method raises ``InputError`` or ``ToolError`` where the way to the board is broken.
    """

    name: str

    @abstractmethod
    def read32(self, address: int) -> int:
        """The register at ``address``, a multiple of 4."""

    @abstractmethod
    def write32(self, address: int, value: int) -> None:
        """Write the register at ``address``, a multiple of 4; ``value`` has 32 bits."""

    @abstractmethod
    def allocate(self, size: int) -> Buffer:
        """A buffer of ``size`` bytes, at an address that is a multiple of 64. It lives as long as the bus is open."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything. Closing twice does nothing."""
