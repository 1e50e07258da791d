"""A board outside the package, named by its file."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hwsnn.board import open_board
from hwsnn.build.boards import AxiBoard, Ecp5Board, load_board
from hwsnn.errors import InputError
from hwsnn.model_file.integer_file import save
from hwsnn.planner.devices import DEVICES
from tests.build.vivado.recorder.boards import KNOWN, MEBIBYTE, KnownBoard
from tests.build.vivado.recorder.recorder import TCLSH
from tests.build.vivado.recorder.session import Session
from tests.build.vivado.recorder.workshop import NETWORK, build, write_project
from tests.cli.test_cli import HWSNN, expect_refusal, invoke
from tests.support.fake_pynq import FakePynq, put_in_place
from tests.support.soft_board import SoftBoard, a_network

ULX3S = """
from amaranth_boards.ulx3s import ULX3S_12F_Platform
from hwsnn.build.boards import Ecp5Board, SerialBoard

settings = dict(
    name="mine", title="A board of mine", device="lfe5u-85", platform=ULX3S_12F_Platform, clock_hz=50_000_000,
    baud=1_000_000, uart=("uart", 0), leds=(("led", 0), ("led", 1)), nextpnr=("--12k",),
)
"""
ZCU102 = """
from dataclasses import replace
from hwsnn.build.boards import load_board

BOARD = replace(load_board("zcu102"), name="zcu102-slow", title="ZCU102, slower", clock_hz=100_000_000)
"""


def written(folder: Path, *lines: str) -> str:
    """A board's file, and how a user names it."""
    file = folder / "my-board.py"
    file.write_text("\n".join((ULX3S, *lines)))
    return str(file)


def test_a_board_of_ones_own(tmp_path: Path) -> None:
    board = load_board(written(tmp_path, "BOARD = Ecp5Board(**settings)"), Ecp5Board)
    assert (board.name, board.clock_mhz, board.divisor) == ("mine", 50, 50)


def test_a_file_beside_which_the_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "BOARD = Ecp5Board(**settings)")
    monkeypatch.chdir(tmp_path)
    assert load_board("my-board.py").name == "mine"


def test_a_project_for_it(tmp_path: Path) -> None:
    """Its name is in the results, and its clock in the project."""
    (tmp_path / "slow.py").write_text(ZCU102)
    save(NETWORK, tmp_path / "net.safetensors")
    options = ("--board", str(tmp_path / "slow.py"), "-n", "0", "--project-only", "-o", str(tmp_path / "out"))
    result = invoke("build", str(tmp_path / "net.safetensors"), *options)
    assert result.exit_code == 0, result.stderr
    settings = (tmp_path / "out" / "settings.tcl").read_text()
    assert f"\nset result {NETWORK.name}-zcu102-slow\n" in settings
    assert "\nset pipeline_mhz 100.0\n" in settings


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "TypeError: BOARD must be a board of hwsnn.build.boards, not None"),
        ("BOARD = 'ulx3s'", "TypeError: BOARD must be a board of hwsnn.build.boards, not 'ulx3s'"),
        ("BOARD = Ecp5Board(**settings", r"SyntaxError: '\(' was never closed \(my-board.py, line \d+\)"),
        ("BOARD = Ecp5Board()", r"TypeError: .* missing 9 required keyword-only arguments: .*"),
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("raise RuntimeError('one\\ntwo')", "RuntimeError: one"),
        (
            "settings.pop('nextpnr'); BOARD = SerialBoard(**settings)",
            "TypeError: BOARD must be one of Ecp5Board, GowinBoard, VivadoSerialBoard, AxiBoard, not a SerialBoard",
        ),
    ],
)
def test_files_without_a_board(tmp_path: Path, line: str, why: str) -> None:
    refuse(written(tmp_path, line), why)


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ({"name": "../mine"}, "ValueError: name must be of the form abc-12, as files are named by it, not '../mine'"),
        ({"device": "xc0"}, f"ValueError: device must be one of {', '.join(DEVICES)}, not 'xc0'"),
        ({"baud": 3_000_000}, "ValueError: baud must divide the clock of 50000000 Hz, not be 3000000"),
        ({"clock_hz": 401_000_000}, "ValueError: output_hz must be from 3125000 to 400000000, not 401000000"),
        ({"uart": ("uart", 7)}, "ResourceError: Resource uart#7 does not exist"),
        ({"uart": ("led", 5)}, "AttributeError: .* has no attribute 'rx'"),
        ({"leds": (("led", 0), ("led", 99))}, "ResourceError: Resource led#99 does not exist"),
        ({"held_high": (("esp32", 0, "gpio9"),)}, "AttributeError: .* has no attribute 'gpio9'"),
    ],
)
def test_boards_that_cannot_be_built_for(tmp_path: Path, setting: dict[str, object], why: str) -> None:
    refuse(written(tmp_path, f"BOARD = Ecp5Board(**settings | {setting!r})"), why)


def refuse(file: str, why: str) -> None:
    with pytest.raises(InputError, match=rf"^{file}: cannot be used as a board \({why}\)$") as caught:
        load_board(file)
    assert "\n" not in str(caught.value)


def test_another_kind(tmp_path: Path) -> None:
    file = written(tmp_path, "BOARD = Ecp5Board(**settings)")
    with pytest.raises(InputError, match=rf"^{file}: is no board with AXI; such are kr260, .*, zybo-z7-20$"):
        load_board(file, AxiBoard)


def test_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "folder.py").mkdir()
    remedy = "give a .py file with a BOARD (docs/boards/README.md)"
    for name, found in (("none", "no such"), ("pipe", "is a pipe, not a"), ("folder", "is a folder, not a")):
        file = tmp_path / f"{name}.py"
        result = invoke("build", "digits", "--board", str(file), "-o", str(tmp_path / "out"))
        expect_refusal(result, f"{file}: {found} board file; {remedy}")
    assert not (tmp_path / "out").exists()


def test_the_one_in_the_documentation(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "boards" / "README.md").read_text()
    (tmp_path / "board.py").write_text(text.split("```python\n")[1].split("```")[0])
    board = load_board(str(tmp_path / "board.py"), Ecp5Board)
    assert (board.name, board.clock_mhz) == ("my-ulx3s", 60)


PYNQ_Z1 = """
from hwsnn.build.boards import AxiBoard
from hwsnn.build.processing_systems import PS7

BOARD = AxiBoard(
    name="pynq-z1", title="Digilent PYNQ-Z1", device="xc7z020", part="xc7z020clg400-1",
    board_part="www.digilentinc.com:pynq-z1:part0", processing_system=PS7, clock_hz=100_000_000,
)
"""


@pytest.mark.skipif(TCLSH is None, reason="needs tclsh")
def test_a_new_board_with_a_zynq(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its file alone: its project is built by the recorder of Vivado's commands, and its driver opens it."""
    (tmp_path / "mine.py").write_text(PYNQ_Z1)
    board = load_board(str(tmp_path / "mine.py"), AxiBoard)
    monkeypatch.setitem(KNOWN, board.board_part, KnownBoard(board.board_part, board.part, 512 * MEBIBYTE, ("1.0",)))
    (tmp_path / "original").mkdir()
    write_project(tmp_path / "original", board)
    assert build(tmp_path / "original", tmp_path / "project", Session(), board=board).faults == []

    network = a_network()
    put_in_place(FakePynq(SoftBoard(network, system=board.processing_system)), tmp_path / "system", monkeypatch)
    for ending in ("bit", "hwh"):
        (tmp_path / f"small.{ending}").touch()
    with open_board(f"pynq:{tmp_path / 'small.bit'}", network) as opened:
        assert opened.infer(np.zeros((2, *network.input_shape), np.uint8)).predictions.shape == (2,)


def test_a_zynq_of_the_other_kind(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PYNQ_Z1.replace("processing_system=PS7, ", ""))
    message = "processing_system must be that of the xc7z020: PS7 of a Zynq-7000, PS8 of an UltraScale\\+"
    refuse(str(tmp_path / "mine.py"), f"ValueError: {message}")


def test_neighbours_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither from the file's folder nor from the current one: what lies there is not run unless it is named."""
    (tmp_path / "neighbour.py").write_text("")
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path, "import neighbour")
    done = subprocess.run([*HWSNN, "build", "digits", "--board", file, "-o", "out"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "(ModuleNotFoundError: No module named 'neighbour')\n" in done.stderr
