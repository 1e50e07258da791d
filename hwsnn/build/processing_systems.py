"""The processing systems of Zynq FPGAs: what a design, its simulation and a driver need to know of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hwsnn.interface.addresses import ZYNQ_7000, ZYNQ_ULTRASCALE, AddressMap

from .pll import MMCM, MMCM_7, Pll


@dataclass(frozen=True)
class Port:
    """An AXI port of the processing system: the name of its interface, and of its clock's pin."""

    interface: str
    clock: str


@dataclass(frozen=True, kw_only=True)
class ProcessingSystem:
    """A kind of processing system, in the words of its IP core in Vivado.

    ``family``: of the FPGAs that have it, as in ``hwsnn.planner.devices``. ``core``: the IP core's name. ``preset``:
    how its rule is asked for the board's preset. ``settings``: parameters of the core in the design; ``clock_mhz``:
    that of the bus clock's frequency. ``clock``, ``reset``: pins that give both to the logic; the clock is called
    ``clock_name`` in constraints. ``registers``: the port to the registers. ``memory``: the port to memory, whose
    address segments are in ``segments``.

    ``addresses``: of the accelerator and its DMA, for the processor. ``dma_bits``: bits of the DMA's addresses.
    ``memory_base``: where a simulated driver's memory starts, within that of every such board. ``mmcm``: the limits
    of the pipeline's clock.
    """

    family: str
    core: str
    preset: Mapping[str, str]
    settings: Mapping[str, int]
    clock_mhz: str
    clock: str
    reset: str
    clock_name: str
    registers: Port
    memory: Port
    segments: str
    addresses: AddressMap
    dma_bits: int
    memory_base: int
    mmcm: Pll


PS8 = ProcessingSystem(
    family="xcup",
    core="zynq_ultra_ps_e",
    preset={"apply_board_preset": "1"},
    settings={
        "PSU__FPGA_PL0_ENABLE": 1,
        "PSU__USE__FABRIC__RST": 1,
        "PSU__USE__M_AXI_GP0": 1,
        "PSU__MAXIGP0__DATA_WIDTH": 128,
        "PSU__USE__M_AXI_GP1": 0,
        "PSU__USE__M_AXI_GP2": 0,
        "PSU__USE__S_AXI_GP2": 1,
        "PSU__SAXIGP2__DATA_WIDTH": 128,
        "PSU__USE__IRQ0": 0,
    },
    clock_mhz="PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ",
    clock="pl_clk0",
    reset="pl_resetn0",
    clock_name="clk_pl_0",
    registers=Port("M_AXI_HPM0_FPD", "maxihpm0_fpd_aclk"),
    memory=Port("S_AXI_HP0_FPD", "saxihp0_fpd_aclk"),
    segments="SAXIGP2",
    addresses=ZYNQ_ULTRASCALE,
    dma_bits=64,
    memory_base=0x8_0000_0000,  # beyond 32 bits, as on the boards with more than 2 GB
    mmcm=MMCM,
)
"""Of a Zynq UltraScale+ (AMD PG201). Its ports have the width of 128 bits that they have at power-up."""

PS7 = ProcessingSystem(
    family="xc7",
    core="processing_system7",
    preset={"make_external": "FIXED_IO, DDR", "apply_board_preset": "1", "Master": "Disable", "Slave": "Disable"},
    settings={
        "PCW_EN_CLK0_PORT": 1,
        "PCW_EN_RST0_PORT": 1,
        "PCW_USE_M_AXI_GP0": 1,
        "PCW_USE_M_AXI_GP1": 0,
        "PCW_USE_S_AXI_HP0": 1,
        "PCW_S_AXI_HP0_DATA_WIDTH": 64,
        "PCW_USE_FABRIC_INTERRUPT": 0,
    },
    clock_mhz="PCW_FPGA0_PERIPHERAL_FREQMHZ",
    clock="FCLK_CLK0",
    reset="FCLK_RESET0_N",
    clock_name="clk_fpga_0",
    registers=Port("M_AXI_GP0", "M_AXI_GP0_ACLK"),
    memory=Port("S_AXI_HP0", "S_AXI_HP0_ACLK"),
    segments="S_AXI_HP0",
    addresses=ZYNQ_7000,
    dma_bits=32,
    memory_base=0x1000_0000,
    mmcm=MMCM_7,
)
"""Of a Zynq-7000 (AMD PG082). Its port to memory has the width of 64 bits that it has at power-up."""
