"""TUL PYNQ-Z2 (Zynq-7000 XC7Z020): its processor reaches the accelerator over AXI."""

from hwsnn.build.boards import AxiBoard
from hwsnn.build.processing_systems import PS7

BOARD = AxiBoard(
    name="pynq-z2",
    title="TUL PYNQ-Z2",
    device="xc7z020",
    part="xc7z020clg400-1",
    board_part="tul.com.tw:pynq-z2:part0",
    processing_system=PS7,
    clock_hz=100_000_000,
)
