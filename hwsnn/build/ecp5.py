"""The ECP5 of Lattice, by nextpnr-ecp5 and Project Trellis."""

from __future__ import annotations

from collections.abc import Sequence

from .boards import Ecp5Board
from .nextpnr import Family
from .serial_top import TOP


def _placing(board: Ecp5Board) -> Sequence[str]:
    return [*board.nextpnr, "--lpf", f"{TOP}.lpf", "--textcfg", f"{TOP}.config"]


def _packing(board: Ecp5Board) -> Sequence[str]:
    return ["--compress", "--input", f"{TOP}.config", "--bit", f"{TOP}{board.bitstream_ending}"]


ECP5 = Family(
    # Products are mapped to look-up tables: they are small, most of their factors are constants, and the few columns of
    # multipliers would spread a design over the chip (``docs/boards/ulx3s-85f.md`` has figures).
    synthesis="synth_ecp5 -nodsp",
    synthesis_steps=52,
    nextpnr="nextpnr-ecp5",
    packer="ecppack",
    pins=".lpf",
    placing=_placing,
    packing=_packing,
    cells={"lut": "TRELLIS_COMB", "ff": "TRELLIS_FF", "bram": "DP16KD", "dsp": "MULT18X18D"},
)
