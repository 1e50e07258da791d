"""Avnet Ultra96-V2 (Zynq UltraScale+ XCZU3EG): its processor reaches the accelerator over AXI."""

from hwsnn.build.boards import AxiBoard

BOARD = AxiBoard(
    name="ultra96v2",
    title="Avnet Ultra96-V2",
    device="xczu3eg",
    part="xczu3eg-sbva484-1-i",
    board_part="avnet.com:ultra96v2:part0",
    clock_hz=125_000_000,  # less than the boards of speed grade 2
)
