"""The Verilog of the projects for Vivado: that of other tools, and what Vivado alone is told."""

from __future__ import annotations

from pathlib import Path

from hwsnn.build.boards import VivadoSerialBoard, load_board
from hwsnn.build.serial_design import TOP, serial_design
from hwsnn.build.vivado.axi_project import AxiProject
from hwsnn.build.vivado.serial_project import SerialProject
from hwsnn.model_file.integer_file import model_hash
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import for_utilization
from hwsnn.rtl.axi.shell import ACCELERATOR, AxiShell
from hwsnn.rtl.network import Pipeline
from hwsnn.verilog.emit import to_verilog
from tests.build.vivado.recorder.workshop import BOARD
from tests.support.random_networks import random_network

NETWORK = random_network(3)
PLAN = for_utilization(NETWORK, DEVICES[BOARD.device])
YOSYS, VIVADO = '(* syn_romstyle = "logic" *)', '(* rom_style = "distributed" *)'


def assert_both_are_told(text: str, others: str) -> None:
    """``text`` is ``others``, with a line for Vivado after each one for Yosys."""
    lines = [line.strip() for line in text.splitlines()]
    told = [number for number, line in enumerate(lines) if line == YOSYS]
    assert told, "the network has tables in logic"
    assert [number for number, line in enumerate(lines) if line == VIVADO] == [number + 1 for number in told]
    assert [line for line in lines if line != VIVADO] == [line.strip() for line in others.splitlines()]
    assert VIVADO not in others, "Yosys refuses it for tables"


def test_tables_of_an_accelerator(tmp_path: Path) -> None:
    AxiProject(NETWORK, PLAN, BOARD, BOARD.clock_mhz).write(tmp_path)
    digest = model_hash(NETWORK)
    others = to_verilog(AxiShell(NETWORK, Pipeline(NETWORK, PLAN.folding), digest), digest, ACCELERATOR)
    assert_both_are_told((tmp_path / "rtl" / f"{ACCELERATOR}.v").read_text(), others)


def test_tables_behind_a_serial_line(tmp_path: Path) -> None:
    board = load_board("zcu102-uart", VivadoSerialBoard)
    SerialProject(NETWORK, PLAN, board).write(tmp_path)
    others = serial_design(NETWORK, PLAN.folding, board)[f"{TOP}.v"]
    assert_both_are_told((tmp_path / "rtl" / f"{TOP}.v").read_text(), others)
