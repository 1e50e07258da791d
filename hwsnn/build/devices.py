"""Devices that designs are measured against: what each has of every resource."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """An FPGA. ``lut``: six-input look-ups; ``bram36``: block RAMs of 36 kbit, each of them two of 18; ``dsp``: slices.

    ``family`` is the name of its architecture in Yosys's ``synth_xilinx``.
    """

    part: str
    title: str
    family: str
    lut: int
    ff: int
    bram36: int
    dsp: int


XCZU9EG = Device("XCZU9EG", "Zynq UltraScale+ XCZU9EG", "xcup", lut=274_080, ff=548_160, bram36=912, dsp=2_520)
"""On the ZCU102. Figures: AMD DS891, Zynq UltraScale+ MPSoC Data Sheet: Overview, table of the EG devices."""
