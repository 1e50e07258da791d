"""Radiona ULX3S with an LFE5U-85F, over the serial port of its USB connector US1."""

from amaranth_boards.ulx3s import ULX3S_85F_Platform

from hwsnn.build.boards import Ecp5Board

BOARD = Ecp5Board(
    name="ulx3s-85f",
    title="Radiona ULX3S 85F",
    device="lfe5u-85",
    platform=ULX3S_85F_Platform,
    clock_hz=80_000_000,
    baud=2_000_000,  # its FT231X makes exactly 3, 2, 1.5 and 1 Mbaud
    uart=("uart", 0),
    leds=(("led", 0), ("led", 1)),
    held_high=(("esp32", 0, "gpio0"),),  # low, it would put the ESP32 beside the FPGA into its boot loader
    loader="ulx3s",
    starts_from_flash=True,
    nextpnr=("--85k", "--package", "CABGA381", "--speed", "6"),
)
