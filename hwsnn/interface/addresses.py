"""Physical addresses of the accelerator's registers and of its DMA, as a board's processor sees them."""

from __future__ import annotations

from dataclasses import dataclass

from .registers import ADDRESS_BITS


@dataclass(frozen=True)
class AddressMap:
    """Physical addresses of two blocks of registers, each in a window of ``window`` bytes.

    ``registers``: of the accelerator (``hwsnn.interface.registers``). ``dma``: of the DMA (``hwsnn.interface.dma``).
    Raises ``ValueError`` if a window is no power of two or smaller than the accelerator's address space, if a
    block does not start at a multiple of it, or if both share one.
    """

    registers: int
    dma: int
    window: int

    def __post_init__(self) -> None:
        smallest = 1 << ADDRESS_BITS
        if self.window < smallest or self.window & (self.window - 1):
            raise ValueError(f"window must be a power of two of at least {smallest}, not {self.window!r}")
        for name, start in (("registers", self.registers), ("dma", self.dma)):
            if start < 0 or start % self.window:
                raise ValueError(f"{name} must be a multiple of the window, {self.window:#x}, not {start:#x}")
        if self.registers == self.dma:
            raise ValueError(f"dma must be another address than that of the registers, not {self.dma:#x}")


ZYNQ_ULTRASCALE = AddressMap(registers=0xA000_0000, dma=0xA001_0000, window=0x1_0000)
"""In the designs for Zynq UltraScale+: the start of the address range of M_AXI_HPM0_FPD."""

ZYNQ_7000 = AddressMap(registers=0x4000_0000, dma=0x4001_0000, window=0x1_0000)
"""In the designs for Zynq-7000: the start of the address range of M_AXI_GP0."""
