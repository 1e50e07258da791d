"""The GW2A of Gowin, by nextpnr-himbaechel and Project Apicula."""

from __future__ import annotations

from collections.abc import Sequence

from .boards import GowinBoard
from .nextpnr import Family
from .serial_top import TOP

ROUTED = f"{TOP}.pnr.json"
"""The routed design."""


def _placing(board: GowinBoard) -> Sequence[str]:
    part = ["--device", board.part, "--vopt", f"family={board.die}"]
    # The file of pins has no clocks.
    return [*part, "--vopt", f"cst={TOP}.cst", "--freq", f"{board.clock_mhz:g}", "--write", ROUTED]


def _packing(board: GowinBoard) -> Sequence[str]:
    return ["-d", board.die, "-o", f"{TOP}{board.bitstream_ending}", ROUTED]


GOWIN = Family(
    synthesis="synth_gowin -family gw2a -nodsp",
    synthesis_steps=47,
    nextpnr="nextpnr-himbaechel",
    packer="gowin_pack",
    pins=".cst",
    placing=_placing,
    packing=_packing,
    cells={"lut": "LUT4", "ff": "DFF", "bram": "BSRAM", "dsp": "MULT18X18"},
)
