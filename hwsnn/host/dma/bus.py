"""How a driver reaches a board: registers at addresses, and memory that the board's DMA can access too."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from hwsnn.interface.addresses import AddressMap


class Buffer(ABC):
    """Physically contiguous memory, all zeros at first.

    ``array``: its bytes, uint8. ``address``: where the DMA finds it. Processor and DMA may see it through caches: one
    reads what the other wrote only after ``flush`` or ``invalidate``, which act on the whole buffer. So a buffer should
    be written by one of the two alone, or in turns.
    """

    array: npt.NDArray[np.uint8]
    address: int

    @abstractmethod
    def flush(self) -> None:
        """Make what the processor wrote visible to the DMA."""

    @abstractmethod
    def invalidate(self) -> None:
        """Make what the DMA wrote visible to the processor."""


class Bus(ABC):
    """Registers of 32 bits at physical addresses, and buffers.

    ``name`` is what errors call the board. ``addresses``: where accelerator and DMA lie. Every method raises
    ``InputError`` or ``ToolError`` where the board cannot be reached any more.
    """

    name: str
    addresses: AddressMap

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
        """Release everything. Closing twice does nothing."""
