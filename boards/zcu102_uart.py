"""AMD ZCU102, its programmable logic alone, over the third serial port of its USB connector J83."""

from typing import Any

from amaranth.build import Attrs, Clock, DiffPairs, Pins, Resource
from amaranth.vendor import XilinxPlatform
from amaranth_boards.resources import ButtonResources, LEDResources, SwitchResources, UARTResource

from hwsnn.build.boards import VivadoSerialBoard

LVCMOS33 = Attrs(IOSTANDARD="LVCMOS33")


class Zcu102Platform(XilinxPlatform):
    """The pins of the programmable logic that lie on the board itself, from AMD's user guide UG1182."""

    device = "xczu9eg"
    package = "ffvb1156"
    speed = "2-e"
    default_clk = "clk125"
    resources = (
        Resource("clk125", 0, DiffPairs("G21", "F21", dir="i"), Clock(125e6), Attrs(IOSTANDARD="LVDS_25")),
        *LEDResources(pins="AG14 AF13 AE13 AJ14 AJ15 AH13 AH14 AL12", attrs=LVCMOS33),
        *ButtonResources(pins="AG15 AF15 AE15 AE14 AG13", attrs=LVCMOS33),  # north, west, south, east, centre
        *SwitchResources(pins="AN14 AP14 AM14 AN13 AN12 AP12 AL13 AK13", attrs=LVCMOS33),
        Resource("cpu_reset", 0, Pins("AM13", dir="i"), LVCMOS33),
        # Named as the FPGA sees them: it receives on rx; rts is the host's.
        UARTResource(0, rx="E13", tx="F13", rts="D12", cts="E12", role="dce", attrs=LVCMOS33),
    )
    connectors: tuple[Any, ...] = ()

    @property
    def file_templates(self) -> dict[str, str]:
        """The design as RTLIL, made Verilog by ``hwsnn.verilog.emit``, not by Amaranth's own call of Yosys."""
        files = {name: text for name, text in super().file_templates.items() if name != "{{name}}.v"}
        return files | {"{{name}}.il": "{{emit_rtlil()}}"}


BOARD = VivadoSerialBoard(
    name="zcu102-uart",
    title="AMD ZCU102 over its serial port",
    device="xczu9eg",
    platform=Zcu102Platform,
    clock_hz=100_000_000,
    baud=2_000_000,  # the most that its CP2108 does
    uart=("uart", 0),
    leds=(("led", 0), ("led", 1)),
    loader="zcu102",
)
