"""AMD ZCU104 (Zynq UltraScale+ XCZU7EV): its processor reaches the accelerator over AXI."""

from hwsnn.build.boards import AxiBoard

BOARD = AxiBoard(
    name="zcu104",
    title="AMD ZCU104",
    device="xczu7ev",
    part="xczu7ev-ffvc1156-2-e",
    board_part="xilinx.com:zcu104:part0",
    clock_hz=150_000_000,
)
