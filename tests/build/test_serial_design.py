"""What Vivado is given for a serial line: read by Yosys, which knows the FPGA's own parts; the pins by themselves."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from hwsnn.build.boards import VivadoSerialBoard, board_names, load_board
from hwsnn.build.process import run_tool
from hwsnn.build.serial_design import serial_design
from hwsnn.build.serial_top import TOP
from hwsnn.build.tools import find
from hwsnn.cycles import queue_depths
from hwsnn.errors import InputError
from hwsnn.folding.folding import Folding, LayerFold
from hwsnn.model_file.integer_file import model_hash
from hwsnn.planner.devices import DEVICES
from hwsnn.spec import Encoder, Integrator, Network, NoLeak
from tests.support.layers import dense_layer
from tests.support.random_networks import random_network

NETWORK = random_network(1)


def design(name: str) -> dict[str, str]:
    """Of the smallest hardware."""
    folds = {layer.name: LayerFold(1, 1) for _, layer in NETWORK.populations()}
    return serial_design(NETWORK, queue_depths(NETWORK, folds), load_board(name, VivadoSerialBoard))


@pytest.mark.parametrize("name", board_names(VivadoSerialBoard))
def test_yosys_reads_and_synthesizes_it(name: str, tmp_path: Path) -> None:
    """Nothing is missing: no module, no port, no driver."""
    files = design(name)
    assert files.keys() == {"hwsnn.v", "hwsnn.xdc"}
    (tmp_path / "hwsnn.v").write_text(files["hwsnn.v"])
    synthesize = f"synth_xilinx -family {DEVICES[load_board(name).device].family} -flatten -top {TOP} -run"
    commands = [
        "read_verilog hwsnn.v",
        f"{synthesize} :prepare",  # the FPGA's own parts, and whether all modules are there
        "proc",
        "check -assert",
        f"{synthesize} prepare:",
        "tee -o stat.json stat -json",
    ]
    (tmp_path / "hwsnn.ys").write_text("\n".join(commands) + "\n")
    run_tool(find("yosys"), ["hwsnn.ys"], tmp_path, tmp_path / "yosys.log")
    cells = json.loads((tmp_path / "stat.json").read_text())["modules"][f"\\{TOP}"]["num_cells_by_type"]
    parts = {"IBUFDS": 1, "IBUF": 1, "OBUFT": 3, "BUFG": 2, "MMCME4_BASE": 1}
    assert {name: cells[name] for name in parts} == parts
    assert cells["FDRE"] > 500


def test_zcu102_uart() -> None:
    files = design("zcu102-uart")
    verilog, constraints = files["hwsnn.v"], files["hwsnn.xdc"]
    assert f"// model sha256 {model_hash(NETWORK)}\n" in verilog
    # AMD UG1182: oscillator; from and to the computer; the first two LEDs.
    pins = {
        "clk125_0__p": "G21",
        "clk125_0__n": "F21",
        "uart_0__rx__io": "E13",
        "uart_0__tx__io": "F13",
        "led_0__io": "AG14",
        "led_1__io": "AF13",
    }
    assert dict(re.findall(r'set_property LOC (\w+) \[get_ports "(\w+)"\]', constraints)) == {
        pin: port for port, pin in pins.items()
    }
    top = verilog[verilog.index(f"module {TOP} (") :]
    ports = re.findall(r"^  (?:input|output) (\w+),?$", top[: top.index("endmodule")], re.MULTILINE)
    assert set(ports) == pins.keys()
    assert re.search(r"create_clock -name \w+ -period 8\.0 ", constraints)
    assert "create_generated_clock -name system_clock [get_pins mmcm/CLKOUT0]\n" in constraints
    mmcm = verilog[verilog.index("MMCME4_BASE") :]
    multiplier, divider = map(float, re.findall(r"(?:CLKFBOUT_MULT|CLKOUT0_DIVIDE)_F\(([\d.]+)\)", mmcm))
    assert 125 * multiplier / divider == 100
    assert ".CLKIN1_PERIOD(8.0)" in mmcm


def test_the_same_design_every_time() -> None:
    assert design("zcu102-uart") == design("zcu102-uart")


def test_image_too_large_for_the_link() -> None:
    shape = (1, 1024, 1024)
    layer = dense_layer("last", np.ones((1, *shape), np.int64), np.zeros(1, np.int64), 2, Integrator(NoLeak(), 32))
    large = Network("large", shape, 8, Encoder("direct"), 1, (layer,), "membrane")
    board = load_board("zcu102-uart", VivadoSerialBoard)
    with pytest.raises(InputError, match=r"^large: not buildable for AMD ZCU102 over its serial port: a frame"):
        serial_design(large, Folding({"last": LayerFold(1, 1)}, {"last": 1}, {}), board)
