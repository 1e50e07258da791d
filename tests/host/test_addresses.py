"""Where registers lie on boards."""

from __future__ import annotations

import pytest

from hwsnn.interface.addresses import ZYNQ_7000, ZYNQ_ULTRASCALE, AddressMap


def test_zynq_ultrascale() -> None:
    """AMD UG1085, table of the system addresses: M_AXI_HPM0_FPD reaches 0xA0000000 to 0xAFFFFFFF."""
    for start in (ZYNQ_ULTRASCALE.registers, ZYNQ_ULTRASCALE.dma):
        assert 0xA000_0000 <= start <= 0xB000_0000 - ZYNQ_ULTRASCALE.window


def test_zynq_7000() -> None:
    """AMD UG585, table of the system addresses: M_AXI_GP0 reaches 0x40000000 to 0x7FFFFFFF."""
    for start in (ZYNQ_7000.registers, ZYNQ_7000.dma):
        assert 0x4000_0000 <= start <= 0x8000_0000 - ZYNQ_7000.window


@pytest.mark.parametrize(
    ("registers", "dma", "window", "message"),
    [
        (0x4000_0000, 0x4001_0000, 0x800, "window must be a power of two of at least 4096, not 2048"),
        (0x4000_0000, 0x4001_0000, 0x3000, "window must be a power of two of at least 4096, not 12288"),
        (0x4000_1000, 0x4001_0000, 0x1_0000, "registers must be a multiple of the window, 0x10000, not 0x40001000"),
        (0x4000_0000, 0x4000_8000, 0x1_0000, "dma must be a multiple of the window, 0x10000, not 0x40008000"),
        (-0x1_0000, 0x4001_0000, 0x1_0000, "registers must be a multiple of the window, 0x10000, not -0x10000"),
        (0x4000_0000, 0x4000_0000, 0x1_0000, "dma must be another address than that of the registers, not 0x40000000"),
    ],
)
def test_maps_that_cannot_be(registers: int, dma: int, window: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        AddressMap(registers, dma, window)
