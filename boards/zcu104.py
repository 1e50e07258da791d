"""AMD ZCU104 (Zynq UltraScale+ XCZU7EV): its processor reaches the accelerator over AXI."""

from hwsnn.build.boards import AxiBoard
from hwsnn.interface.power import Rail, Supply

# One INA226: zynqmp-zcu104-revC.dts of Linux, and PYNQ's zcu104.conf, by which it measures 12 V.
INPUT = Rail("12 V input", ("ina226_u183", "ina226"))

BOARD = AxiBoard(
    name="zcu104",
    title="AMD ZCU104",
    device="xczu7ev",
    part="xczu7ev-ffvc1156-2-e",
    board_part="xilinx.com:zcu104:part0",
    clock_hz=150_000_000,
    supplies=(Supply("the whole board", (INPUT,)),),
)
