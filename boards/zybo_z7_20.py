"""Digilent Zybo Z7-20 (Zynq-7000 XC7Z020): its processor reaches the accelerator over AXI."""

from hwsnn.build.boards import AxiBoard
from hwsnn.build.processing_systems import PS7

BOARD = AxiBoard(
    name="zybo-z7-20",
    title="Digilent Zybo Z7-20",
    device="xc7z020",
    part="xc7z020clg400-1",
    board_part="digilentinc.com:zybo-z7-20:part0",
    processing_system=PS7,
    clock_hz=100_000_000,
)
