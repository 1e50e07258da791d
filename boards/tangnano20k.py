"""Sipeed Tang Nano 20K with a Gowin GW2AR-18, over the second serial port of its USB connector."""

from typing import Any

from amaranth.build import Attrs, Clock, Pins, Resource
from amaranth.vendor import GowinPlatform
from amaranth_boards.resources import ButtonResources, LEDResources, UARTResource

from hwsnn.build.boards import GowinBoard

LVCMOS33 = Attrs(IO_TYPE="LVCMOS33")


class TangNano20kPlatform(GowinPlatform):
    """What lies on the board itself: of Sipeed's pages and examples, and of LiteX's file for it, which agree."""

    part = "GW2AR-LV18QN88C8/I7"
    family = "GW2AR-18C"
    default_clk = "clk27"
    resources = (
        Resource("clk27", 0, Pins("4", dir="i"), Clock(27e6), LVCMOS33),
        *LEDResources(pins="15 16 17 18 19 20", invert=True, attrs=LVCMOS33),
        *ButtonResources(pins="88 87", attrs=LVCMOS33),  # S1, S2
        # To the BL616, named as the FPGA sees them: it receives on rx.
        UARTResource(0, rx="70", tx="69", attrs=LVCMOS33),
    )
    connectors: tuple[Any, ...] = ()


BOARD = GowinBoard(
    name="tangnano20k",
    title="Sipeed Tang Nano 20K",
    device="gw2ar-18",
    platform=TangNano20kPlatform,
    clock_hz=54_000_000,
    baud=1_000_000,  # its BL616 acts as an FT2232, which makes 1, 2 and 3 Mbaud exactly
    uart=("uart", 0),
    leds=(("led", 0), ("led", 1)),
    loader="tangnano20k",
    starts_from_flash=True,
    die="GW2A-18C",
)
