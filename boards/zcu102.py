"""AMD ZCU102 (Zynq UltraScale+ XCZU9EG): its processor reaches the accelerator over AXI."""

from hwsnn.build.boards import AxiBoard

BOARD = AxiBoard(
    name="zcu102",
    title="AMD ZCU102",
    device="xczu9eg",
    part="xczu9eg-ffvb1156-2-e",
    board_part="xilinx.com:zcu102:part0",
    clock_hz=150_000_000,
)
