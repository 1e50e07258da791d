from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.build.res import PortGroup
from amaranth.hdl import Elaboratable, Module
from amaranth.lib import io

from hwsnn.build.boards import (
    AxiBoard,
    Ecp5Board,
    GowinBoard,
    NextpnrBoard,
    SerialBoard,
    VivadoSerialBoard,
    board_names,
    check_board,
    load_board,
)
from hwsnn.build.nextpnr import write_design
from hwsnn.build.open_flow import family_of
from hwsnn.build.pll import ECP5, MMCM, RPLL
from hwsnn.build.serial_top import TOP, serial_top
from hwsnn.errors import InputError
from hwsnn.folding.folding import Folding, LayerFold
from hwsnn.spec import Encoder, Integrator, Network, NoLeak
from hwsnn.verilog.yosys import from_rtlil
from tests.support.layers import dense_layer

MHZ = 1_000_000


def tiny_network(shape: tuple[int, int, int] = (1, 2, 3)) -> Network:
    weight = np.arange(-3, -3 + 2 * shape[0] * shape[1] * shape[2], dtype=np.int64) % 7 - 3
    layer = dense_layer("last", weight.reshape(2, *shape), np.array([1, -1]), 4, Integrator(NoLeak(), 16))
    return Network("tiny", shape, 4, Encoder("direct"), 2, (layer,), "membrane")


FOLDING = Folding({"last": LayerFold(1, 2)}, {"last": 1}, {})


class Everything(Elaboratable):  # type: ignore[misc]
    """Uses every pin of a board."""

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        for name, number in platform.resources:
            self._use(m, f"{name}_{number}", platform.request(name, number, dir="-"))
        return m

    def _use(self, m: Module, name: str, port: Any) -> None:
        if isinstance(port, PortGroup):
            for part, inside in vars(port).items():
                self._use(m, f"{name}_{part}", inside)
        else:
            m.submodules[name] = io.Buffer("o" if port.direction is io.Direction.Output else "i", port)


@pytest.mark.parametrize("name", board_names())
def test_every_board(name: str) -> None:
    """A board's pins are known without any tool."""
    board = load_board(name)
    assert board.name == name
    assert board.clock_mhz == board.clock_hz / 1e6 >= 50
    assert isinstance(board, NextpnrBoard | VivadoSerialBoard | AxiBoard), "a board is of a kind that can be built"
    check_board(board)


@pytest.mark.parametrize("name", board_names(SerialBoard))
def test_every_serial_board(name: str) -> None:
    board = load_board(name, SerialBoard)
    assert board.baud >= MHZ
    assert board.divisor * board.baud == board.clock_hz
    for resource in board.platform().resources:  # one platform each: names for the same pin exclude each other
        board.platform().request(*resource, dir="-")


@pytest.mark.parametrize("name", board_names(AxiBoard))
def test_every_board_with_axi(name: str) -> None:
    """Its own device, a clock that the MMCM can make of the bus's, and nothing that a driver need not import."""
    board = load_board(name, AxiBoard)
    assert board.part.startswith(board.device)
    assert board.processing_system.mmcm.setting(board.bus_mhz * MHZ, board.clock_hz).output_hz == board.clock_hz
    script = f"from hwsnn.build.boards import load_board; load_board({name!r}); import sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "amaranth" not in loaded


@pytest.mark.parametrize("name", board_names(NextpnrBoard))
def test_every_board_of_the_open_tools(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its design, pins and script are made without any tool."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    board = load_board(name, NextpnrBoard)
    write_design(serial_top(tiny_network(), FOLDING, board), board, family_of(board), tmp_path)
    assert f"-top {TOP}" in (tmp_path / f"{TOP}.ys").read_text()


def test_no_name_looks_like_a_bit(tmp_path: Path) -> None:
    """Yosys' abc9 took the element ``name[0]`` of an array for bit 0 of the whole, ``name``."""
    board = load_board("ulx3s-85f", Ecp5Board)
    write_design(serial_top(tiny_network(), FOLDING, board), board, family_of(board), tmp_path)
    design = (tmp_path / f"{TOP}.il").read_text()
    assert not re.search(r"\\\S+\[", design)


def test_ulx3s(tmp_path: Path) -> None:
    board = load_board("ulx3s-85f", Ecp5Board)
    write_design(serial_top(tiny_network(), FOLDING, board), board, family_of(board), tmp_path)
    pins = (tmp_path / f"{TOP}.lpf").read_text()
    # Schematics of the ULX3S: oscillator; FTDI's TXD and RXD; the first two LEDs; GPIO0 of the ESP32.
    for port, site in [
        ("clk25_0__io", "G2"),
        ("uart_0__rx__io", "M1"),
        ("uart_0__tx__io", "L4"),
        ("led_0__io", "B2"),
        ("led_1__io", "C2"),
        ("esp32_0__gpio0__io", "L2"),
    ]:
        assert f'LOCATE COMP "{port}" SITE "{site}";' in pins
    assert 'FREQUENCY PORT "clk25_0__io" 25000000.0 HZ;' in pins
    assert pins.count("LOCATE") == 6
    assert "EHXPLLL" in (tmp_path / f"{TOP}.il").read_text()


def test_tangnano20k(tmp_path: Path) -> None:
    board = load_board("tangnano20k", GowinBoard)
    write_design(serial_top(tiny_network(), FOLDING, board), board, family_of(board), tmp_path)
    pins = (tmp_path / f"{TOP}.cst").read_text()
    # Sipeed's pages and examples: oscillator; what the BL616 sends and receives; the first two LEDs.
    for port, pin in [
        ("clk27_0__io", 4),
        ("uart_0__rx__io", 70),
        ("uart_0__tx__io", 69),
        ("led_0__io", 15),
        ("led_1__io", 16),
    ]:
        assert f'IO_LOC "{port}" {pin};' in pins
        assert f'IO_PORT "{port}" IO_TYPE=LVCMOS33;' in pins
    assert pins.count("IO_LOC") == 5
    assert "rPLL" in (tmp_path / f"{TOP}.il").read_text()
    assert (board.part, board.fpga, board.die) == ("GW2AR-LV18QN88C8/I7", "GW2A-18", "GW2A-18C")


def test_every_pin_of_the_tangnano20k() -> None:
    plan = load_board("tangnano20k", GowinBoard).platform().build(Everything(), "everything", do_build=False)
    found = dict(re.findall(r'IO_LOC "(\w+)" (\d+);', plan.files["everything.cst"]))
    assert found == {
        "clk27_0__io": "4",
        "uart_0__rx__io": "70",
        "uart_0__tx__io": "69",
        **{f"led_{k}__io": str(15 + k) for k in range(6)},
        "button_0__io": "88",
        "button_1__io": "87",
    }


# AMD UG1182: what is connected to the programmable logic.
LEDS = ["AG14", "AF13", "AE13", "AJ14", "AJ15", "AH13", "AH14", "AL12"]
BUTTONS = ["AG15", "AF15", "AE15", "AE14", "AG13"]  # north, west, south, east, centre
SWITCHES = ["AN14", "AP14", "AM14", "AN13", "AN12", "AP12", "AL13", "AK13"]
ZCU102_PINS = {
    "clk125_0__p": ("G21", "LVDS_25"),
    "clk125_0__n": ("F21", "LVDS_25"),
    **{f"led_{k}__io": (pin, "LVCMOS33") for k, pin in enumerate(LEDS)},
    **{f"button_{k}__io": (pin, "LVCMOS33") for k, pin in enumerate(BUTTONS)},
    **{f"switch_{k}__io": (pin, "LVCMOS33") for k, pin in enumerate(SWITCHES)},
    "cpu_reset_0__io": ("AM13", "LVCMOS33"),
    "uart_0__tx__io": ("F13", "LVCMOS33"),  # to the computer
    "uart_0__rx__io": ("E13", "LVCMOS33"),
    "uart_0__rts__io": ("D12", "LVCMOS33"),  # the computer's
    "uart_0__cts__io": ("E12", "LVCMOS33"),
}


def constraints_of(xdc: str) -> dict[str, tuple[str, str]]:
    """Pin and I/O standard of every port in Vivado's constraints."""
    found = re.findall(r'set_property (LOC|IOSTANDARD) "?(\w+)"? \[get_ports "(\w+)"\]', xdc)
    values = {(port, key): value for key, value, port in found}
    return {port: (values[port, "LOC"], values[port, "IOSTANDARD"]) for port, key in values if key == "LOC"}


CARRIER = "xilinx.com:{0}_carrier:{1}:{2}"
NAMES: dict[str, tuple[str, str, dict[str, str]]] = {
    "zcu102": ("xczu9eg-ffvb1156-2-e", "xilinx.com:zcu102:part0", {}),
    "zcu104": ("xczu7ev-ffvc1156-2-e", "xilinx.com:zcu104:part0", {}),
    "kv260": ("xck26-sfvc784-2LV-c", "xilinx.com:kv260_som:part0", {"som240_1_connector": "1.3"}),
    "kr260": (
        "xck26-sfvc784-2LV-c",
        "xilinx.com:kr260_som:part0",
        {"som240_1_connector": "1.0", "som240_2_connector": "1.0"},
    ),
    "pynq-z2": ("xc7z020clg400-1", "tul.com.tw:pynq-z2:part0", {}),
    "zybo-z7-20": ("xc7z020clg400-1", "digilentinc.com:zybo-z7-20:part0", {}),
    "ultra96v2": ("xczu3eg-sbva484-1-i", "avnet.com:ultra96v2:part0", {}),
}
"""Part, board and connectors with their versions, as the makers' board files and public projects name them."""


def test_every_board_with_axi_is_known() -> None:
    assert sorted(NAMES) == board_names(AxiBoard)


@pytest.mark.parametrize("name", NAMES)
def test_what_vivado_calls_a_board(name: str) -> None:
    board = load_board(name, AxiBoard)
    part, board_part, versions = NAMES[name]
    connections = tuple((one, CARRIER.format(name, one, version)) for one, version in versions.items())
    assert (board.part, board.board_part, board.board_connections) == (part, board_part, connections)


def test_zcu102_uart() -> None:
    """All its pins, each where the board has it; Vivado's files are made without Vivado."""
    board = load_board("zcu102-uart", VivadoSerialBoard)
    plan = board.platform().build(Everything(), "everything", do_build=False)
    assert {"everything.il", "everything.tcl", "everything.xdc"} <= plan.files.keys()
    xdc = plan.files["everything.xdc"]
    assert constraints_of(xdc) == ZCU102_PINS
    assert re.search(r"^create_clock -name \w+ -period 8\.0 ", xdc, re.MULTILINE)
    assert f"-part {board.part}\n" in plan.files["everything.tcl"]
    assert board.part == "xczu9eg-ffvb1156-2-e"
    verilog = from_rtlil(plan.files["everything.il"])
    inputs = re.findall(r"^  input (\w+);", verilog[verilog.index("module everything(") :], re.MULTILINE)
    assert {"uart_0__rx__io", "uart_0__rts__io", "button_4__io", "switch_7__io", "cpu_reset_0__io"} <= set(inputs)
    assert not {"uart_0__tx__io", "uart_0__cts__io", "led_0__io"} & set(inputs)


def test_unknown_board() -> None:
    for name in ("zcu9000", "", "../boards/ulx3s_85f", "ulx3s_85f"):
        with pytest.raises(InputError, match=r"^.*: no such board; the boards are .*\bulx3s-85f\b") as caught:
            load_board(name)
        assert "\n" not in str(caught.value)


def test_a_board_of_another_kind() -> None:
    with pytest.raises(
        InputError, match=r"^zcu102: is no board with a serial line; such are tangnano20k, ulx3s-85f, zcu102-uart$"
    ):
        load_board("zcu102", SerialBoard)
    with pytest.raises(InputError, match=r"^ulx3s-85f: is no board with AXI; such are .*\bzcu102, zcu104, zybo-z7-20$"):
        load_board("ulx3s-85f", AxiBoard)


def test_baud_must_divide_the_clock() -> None:
    board = load_board("ulx3s-85f", Ecp5Board)
    with pytest.raises(ValueError, match=r"^baud must divide the clock of 50000000 Hz, not be 3000000$"):
        replace(board, clock_hz=50 * MHZ, baud=3 * MHZ)


@pytest.mark.parametrize("input_mhz", [10, 25, 50, 100])
@pytest.mark.parametrize("output_mhz", [50, 60, 75, 80, 100, 125, 200])
def test_pll(input_mhz: int, output_mhz: int) -> None:
    setting = ECP5.setting(input_mhz * MHZ, output_mhz * MHZ)
    compared = Fraction(input_mhz, setting.input_divider)
    oscillator = compared * setting.multiplier
    assert oscillator / setting.output_divider == output_mhz
    assert 10 <= compared <= 400
    assert 400 <= oscillator <= 800
    for divider in (setting.input_divider, setting.multiplier, setting.output_divider):
        assert 1 <= divider <= 128
    assert (setting.phase_detector_hz, setting.vco_hz) == (compared * MHZ, oscillator * MHZ)
    assert setting.output_hz == output_mhz * MHZ


@pytest.mark.parametrize(
    ("input_hz", "output_hz", "message"),
    [
        (25 * MHZ, 64 * MHZ, "output_hz must be a frequency the PLL can make of 25000000 Hz, not 64000000"),
        (25 * MHZ, 401 * MHZ, "output_hz must be from 3125000 to 400000000, not 401000000"),
        (25 * MHZ, 3 * MHZ, "output_hz must be from 3125000 to 400000000, not 3000000"),
        (7 * MHZ, 50 * MHZ, "input_hz must be from 8000000 to 400000000, not 7000000"),
    ],
)
def test_pll_cannot(input_hz: int, output_hz: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        ECP5.setting(input_hz, output_hz)


def test_pll_64_of_25_is_really_impossible() -> None:
    """Brute force over all dividers, from the data sheet's limits."""
    assert not [
        (a, b, c)
        for a in range(1, 129)
        for b in range(1, 129)
        for c in range(1, 129)
        if 25 * b == 64 * a * c and 10 * a <= 25 and 400 * a <= 25 * b <= 800 * a
    ]


@pytest.mark.parametrize("input_mhz", [25, 100, 125, 300])
@pytest.mark.parametrize("output_mhz", [50, 75, 80, 100, 125, 150, 200, 250])
def test_mmcm(input_mhz: int, output_mhz: int) -> None:
    setting = MMCM.setting(input_mhz * MHZ, output_mhz * MHZ)
    compared = Fraction(input_mhz, setting.input_divider)
    oscillator = compared * setting.multiplier
    assert oscillator / setting.output_divider == output_mhz
    assert 10 <= compared <= 450
    assert 800 <= oscillator <= 1600
    assert 1 <= setting.input_divider <= 106
    assert 2 <= setting.multiplier <= 128
    assert 1 <= setting.output_divider <= 128
    assert setting.input_period_ns == 1000 / input_mhz
    assert (setting.phase_detector_hz, setting.vco_hz) == (compared * MHZ, oscillator * MHZ)
    assert setting.output_hz == output_mhz * MHZ


@pytest.mark.parametrize(
    ("input_hz", "output_hz", "message"),
    [
        (125 * MHZ, 100 * MHZ + 1, "output_hz must be a frequency the MMCM can make of 125000000 Hz, not 100000001"),
        (125 * MHZ, 700 * MHZ, "output_hz must be from 6250000 to 667000000, not 700000000"),
        (125 * MHZ, 6 * MHZ, "output_hz must be from 6250000 to 667000000, not 6000000"),
        (7 * MHZ, 50 * MHZ, "input_hz must be from 10000000 to 800000000, not 7000000"),
    ],
)
def test_mmcm_cannot(input_hz: int, output_hz: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        MMCM.setting(input_hz, output_hz)


@pytest.mark.parametrize(
    ("input_mhz", "output_mhz"), [(27, 54), (27, 81), (27, 36), (27, 60), (25, 50), (25, 200), (50, 75), (50, 100)]
)
def test_rpll(input_mhz: int, output_mhz: int) -> None:
    """Against Gowin's own words: the output is the input times the feedback's divider, by the input's."""
    setting = RPLL.setting(input_mhz * MHZ, output_mhz * MHZ)
    assert Fraction(input_mhz * setting.feedback_divider, setting.input_divider) == output_mhz
    assert 500 <= output_mhz * setting.output_divider <= 1250
    assert Fraction(input_mhz, setting.input_divider) >= 3
    assert 1 <= setting.input_divider <= 64
    assert 1 <= setting.feedback_divider <= 64
    assert setting.output_divider in (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)
    assert setting.vco_hz == output_mhz * setting.output_divider * MHZ
    assert setting.output_hz == output_mhz * MHZ


@pytest.mark.parametrize(
    ("input_hz", "output_hz", "message"),
    [
        (27 * MHZ, 50 * MHZ, "output_hz must be a frequency the rPLL can make of 27000000 Hz, not 50000000"),
        (27 * MHZ, 626 * MHZ, "output_hz must be from 3906250 to 625000000, not 626000000"),
        (27 * MHZ, 3 * MHZ, "output_hz must be from 3906250 to 625000000, not 3000000"),
        (2 * MHZ, 50 * MHZ, "input_hz must be from 3000000 to 500000000, not 2000000"),
    ],
)
def test_rpll_cannot(input_hz: int, output_hz: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        RPLL.setting(input_hz, output_hz)
