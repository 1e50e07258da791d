"""The FPGAs that designs are planned for, with their resources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line reads only the names
    from hwsnn.folding.folding import Sums


@dataclass(frozen=True)
class Device:
    """An FPGA. ``lut``: look-up tables of ``lut_inputs`` inputs; ``bram18``: block memories of 18 kbit; ``dsp`` slices.

    ``family``: Yosys's name of its architecture. ``share``: the default limit of a design, in percent of the look-up
    tables. ``bram_share``: that of the block memories, where a design would otherwise take more look-up
    tables than its share. ``ff_share``: that of the flip-flops.
    """

    name: str
    title: str
    family: str
    lut_inputs: int
    lut: int
    ff: int
    bram18: int
    dsp: int
    share: float
    bram_share: float = 95
    ff_share: float = 100

    @property
    def bram36(self) -> int:
        """Block memories of 36 kbit, each made of two."""
        return self.bram18 // 2

    @property
    def sums(self) -> tuple[Sums, ...]:
        """The forms of synaptic sums that suit its look-up tables."""
        return ("lut6" if self.lut_inputs == 6 else "lut5", "block")


AMD_FAMILIES = ("xcup", "xc7")
"""Those of UltraScale+ and 7-series."""

DEVICES = {
    device.name: device
    for device in (
        # AMD DS891, Zynq UltraScale+ MPSoC Data Sheet: Overview, table of the EG devices. On the ZCU102.
        Device("xczu9eg", "Zynq UltraScale+ XCZU9EG", "xcup", 6, 274_080, 548_160, 1824, 2520, share=50),
        # The same table. On the Ultra96-V2.
        Device("xczu3eg", "Zynq UltraScale+ XCZU3EG", "xcup", 6, 70_560, 141_120, 432, 360, share=50),
        # The same, table of the EV devices; its 96 UltraRAMs stay unused. On the ZCU104.
        Device("xczu7ev", "Zynq UltraScale+ XCZU7EV", "xcup", 6, 230_400, 460_800, 624, 1728, share=50),
        # AMD DS987, Kria K26 SOM Data Sheet, table of the programmable logic. On the KV260 and the KR260.
        Device("xck26", "Zynq UltraScale+ XCK26", "xcup", 6, 117_120, 234_240, 288, 1248, share=50),
        # AMD DS190, Zynq-7000 SoC Data Sheet: Overview, table of the Z-7020. On the PYNQ-Z2 and the Zybo Z7-20.
        Device("xc7z020", "Zynq-7000 XC7Z020", "xc7", 6, 53_200, 106_400, 280, 220, share=50),
        # Lattice FPGA-DS-02012, ECP5 and ECP5-5G Family Data Sheet, table 1.1. On the ULX3S-85F. Its share keeps place
        # and route by the open tools within minutes. Two designs with 86 % and more of its block memories were far from
        # routed when nextpnr's router was ended after some minutes (docs/decisions/0003-folding.md).
        Device("lfe5u-85", "Lattice ECP5 LFE5U-85", "ecp5", 4, 83_640, 83_640, 208, 156, share=25, bram_share=60),
        # Gowin DS226, GW2AR series data sheet; Sipeed's page of the Tang Nano 20K says the same. nextpnr was not past
        # the first legalization of a design of 62 % of the flip-flops (90 % with link and memories) after 12 minutes.
        Device("gw2ar-18", "Gowin GW2AR-18", "gowin", 4, 20_736, 15_552, 46, 48, share=30, ff_share=30),
    )
}
