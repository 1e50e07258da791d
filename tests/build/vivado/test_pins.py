"""The constraints of a design with pins of its own, read by the recorder in Vivado's place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.build.test_boards import ZCU102_PINS
from tests.build.vivado.recorder.recorder import TCLSH, run_constraints, run_script
from tests.build.vivado.recorder.session import Session
from tests.build.vivado.recorder.workshop import write_serial_project
from tests.build.vivado.test_tcl import misspelt

pytestmark = pytest.mark.skipif(TCLSH is None, reason="needs tclsh")

CONSTRAINTS = "hwsnn.xdc"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vivado") / "project"
    folder.mkdir()
    write_serial_project(folder)
    return folder


def faults(project: Path, constraints: str) -> list[str]:
    """What is wrong with the design under these constraints."""
    session = Session()
    assert run_script(project / "build.tcl", session).error is None
    (project.parent / CONSTRAINTS).write_text(constraints)
    if (error := run_constraints(project.parent / CONSTRAINTS, session).error) is not None:
        return [error]
    found = []
    pins = session.netlist.pins()
    if pins != {name: ZCU102_PINS[name] for name in session.netlist.port_names()}:
        found.append(f"pins {pins}")
    clocks = {"clk125_0__p": ("net:clk125_0__p", 8.0), "system_clock": ("pin:mmcm/CLKOUT0", None)}
    if session.netlist.clocks != clocks:
        found.append(f"clocks {session.netlist.clocks}")
    return found


def test_every_port_has_its_pin_and_every_clock_is_known(project: Path) -> None:
    assert faults(project, (project / CONSTRAINTS).read_text()) == []


def test_every_misspelling_is_noticed(project: Path) -> None:
    wrong = list(misspelt((project / CONSTRAINTS).read_text()))
    assert len(wrong) > 60
    assert [word for word, text in wrong if not faults(project, text)] == []
