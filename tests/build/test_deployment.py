"""The folder for a board: its driver and its notebook run as they stand, on boards in software."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsnn.board import open_board
from hwsnn.build.boards import AxiBoard, Board, SerialBoard, board_names, load_board
from hwsnn.build.deployment import folder as deployment
from hwsnn.build.deployment.folder import Deployment
from hwsnn.build.deployment.wheel import NAME as WHEEL
from hwsnn.build.report import BuildReport
from hwsnn.data import random_images
from hwsnn.host.accelerator import Accelerator
from hwsnn.model_file import integer_file
from tests.host.serial import serial_board
from tests.support.fake_pynq import FakePynq, put_in_place
from tests.support.random_networks import random_network
from tests.support.soft_board import SoftBoard, a_network

NETWORK = a_network()
SERIAL = load_board("ulx3s-85f", SerialBoard)
COMMON = {"small.safetensors", "driver.py", "driver.ipynb", "README.txt"}


@pytest.fixture(autouse=True)
def a_small_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real one takes a second, and has a test of its own in ``tests/test_wheel.py``."""
    monkeypatch.setattr(deployment, "write_wheel", lambda folder: bool((folder / WHEEL).write_text("a wheel")))


def a_report(folder: Path, made: Deployment, timing_met: bool = True) -> BuildReport:
    """That of a build which left all that one can leave."""
    for name in (*made.results, "build.json", "power.json", "vivado.log"):
        (folder / name).write_text(f"{name} of the build")
    bitstream = folder / next(iter(made.results))
    return BuildReport(bitstream, made.board.name, "", 100, 120, timing_met, 1, 1, 1, 1, {}, {}, {})


@dataclass
class Made:
    """A folder for ``board``, and what is in it."""

    board: Board
    folder: Path

    def names(self) -> set[str]:
        return {file.name for file in self.folder.iterdir()}

    def driver(self, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
        """Run it in this process, in which the boards in software are; its exit status."""
        monkeypatch.setattr(sys, "argv", ["driver.py", *arguments])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(self.folder / "driver.py"), run_name="__main__")
        assert isinstance(ended.value.code, int)
        return ended.value.code

    def cells(self) -> list[dict[str, Any]]:
        cells: list[dict[str, Any]] = json.loads((self.folder / "driver.ipynb").read_text())["cells"]
        return cells


def make(folder: Path, board: Board, *, timing_met: bool = True, **changes: Any) -> Made:
    (folder / "built").mkdir()
    made = replace(Deployment(NETWORK, board, board.name, folder / "deployed"), **changes)
    report = a_report(folder / "built", made, timing_met)
    assert made.filled_by(lambda: report) is report
    return Made(board, made.folder)


@pytest.fixture
def pynq(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePynq:
    fake = FakePynq(SoftBoard(NETWORK))
    put_in_place(fake, tmp_path / "system", monkeypatch)
    return fake


@pytest.fixture
def zynq(tmp_path: Path, pynq: FakePynq) -> Made:
    return make(tmp_path, load_board("zcu104"))


@pytest.mark.parametrize("name", board_names())
def test_every_board(name: str, tmp_path: Path) -> None:
    board = load_board(name)
    made = make(tmp_path, board)
    ours = {f"small-{name}.bit", f"small-{name}.hwh", WHEEL}
    if isinstance(board, SerialBoard):
        ours = {f"small-{name}{board.bitstream_ending}"}
    assert made.names() == COMMON | ours | {"build.json", "power.json"}
    readme = (made.folder / "README.txt").read_text()
    listed = re.findall(r"^(\S+) {2,}\w", readme, re.MULTILINE)
    assert set(listed) == made.names() - {"README.txt"}
    assert readme.startswith(f"small on {board.title}, by hwsnn ")
    assert "MISSES" not in readme
    assert integer_file.model_hash(integer_file.load(made.folder / "small.safetensors")) == integer_file.model_hash(
        NETWORK
    )
    for result in ours - {WHEEL}:
        assert (made.folder / result).read_text() == f"{result} of the build"


def test_a_design_that_misses_its_clock(tmp_path: Path) -> None:
    made = make(tmp_path, SERIAL, timing_met=False)
    assert "The design MISSES its clock" in (made.folder / "README.txt").read_text()


def test_an_own_board(tmp_path: Path) -> None:
    """Its file is named as it was, in a word of the shell."""
    made = make(tmp_path, replace(SERIAL, name="mine", baud=1_000_000), board_text="my boards/$mine.py")
    readme = (made.folder / "README.txt").read_text()
    assert "hwsnn board load small-mine.bit --board 'my boards/$mine.py'\n" in readme
    assert "--baud 1000000\n" in readme


def test_an_own_zynq(tmp_path: Path) -> None:
    """Its addresses are read from the .hwh."""
    made = make(tmp_path, replace(load_board("zcu104"), name="mine"), board_text="mine.py")
    assert "--on pynq:small-mine.bit\n" in (made.folder / "README.txt").read_text()
    assert "pynq:{HERE}/small-mine.bit" in (made.folder / "driver.py").read_text()


def test_without_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment, "write_wheel", lambda folder: False)
    made = make(tmp_path, load_board("zcu104"))
    readme = (made.folder / "README.txt").read_text()
    assert readme.count(WHEEL) == 1
    assert "Copy it here" in readme


def test_the_driver_of_a_zynq(
    zynq: Made, pynq: FakePynq, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It loads the bitstream beside it, wherever it is run."""
    assert zynq.driver(monkeypatch) == 0
    assert pynq.loaded == [str(zynq.folder / "small-zcu104.bit")]
    speed, *shown, last = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"500 images on zcu104:{zynq.folder}/small-zcu104\.bit: \S+ s, [\d,]+ frames/s", speed)
    assert [line.split(":")[0] for line in shown] == [f"image {number}" for number in range(5)]
    assert last == "0 differ from the reference"


IMAGES = random_images(NETWORK, 7, 2)


def npy(folder: Path, images: Any = IMAGES) -> str:
    np.save(folder / "images.npy", images)
    return str(folder / "images.npy")


def test_images_of_its_user(
    zynq: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert zynq.driver(monkeypatch, npy(tmp_path)) == 0
    assert capsys.readouterr().out.startswith("7 images on ")
    np.savez(tmp_path / "images.npz", x=IMAGES, y=np.zeros(7, np.int64))
    assert zynq.driver(monkeypatch, str(tmp_path / "images.npz")) == 0
    assert re.search(r"^\d+\.\d\d% right$", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nothing.npy"], "No such file"),
        (["nothing.npz"], "nothing.npz: no such data"),
        (["--on", "nowhere"], "nowhere: not an address"),
    ],
)
def test_bad_arguments(
    arguments: list[str],
    complaint: str,
    zynq: Made,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert zynq.driver(monkeypatch, *arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("driver.py: error: ")
    assert complaint in line


@pytest.mark.parametrize("images", [IMAGES.astype(float), IMAGES[:, :1, :1], np.array([{}])])
def test_bad_images(
    images: Any, zynq: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert zynq.driver(monkeypatch, npy(tmp_path, images)) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_board_that_answers_wrong(
    zynq: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    infer = Accelerator.infer

    def wrong(self: Accelerator, images: Any) -> Any:
        found = infer(self, images)
        found.scores[-1, 0] += 1
        return found

    monkeypatch.setattr(Accelerator, "infer", wrong)
    assert zynq.driver(monkeypatch) == 1
    assert capsys.readouterr().out.endswith("\n1 differ from the reference\n")


def test_a_driver_as_a_program(tmp_path: Path) -> None:
    """Without a board it says what is missing, in one line."""
    made = make(tmp_path, load_board("pynq-z2"))
    done = subprocess.run([sys.executable, made.folder / "driver.py"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("driver.py: error: pynq-z2:")
    assert "needs PYNQ" in done.stderr
    assert done.stderr.count("\n") == 1


def expected_notebook(made: Made) -> None:
    """The keys that nbformat's schema of version 4 requires, and no others where it allows none."""
    text = json.loads((made.folder / "driver.ipynb").read_text())
    assert text.keys() == {"nbformat", "nbformat_minor", "metadata", "cells"}
    assert (text["nbformat"], text["nbformat_minor"]) == (4, 4)
    assert text["metadata"]["kernelspec"].keys() >= {"name", "display_name"}
    for cell in text["cells"]:
        more = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert cell["cell_type"] in ("code", "markdown")
        assert cell.keys() == {"cell_type", "metadata", "source"} | more
        assert all(line.endswith("\n") for line in cell["source"][:-1])
        assert "".join(cell["source"]).strip()
        assert "```" not in "".join(cell["source"])


def run_notebook(made: Made, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run its cells, in its folder, as Jupyter does; the values of their last lines, by the lines."""
    monkeypatch.chdir(made.folder)
    names: dict[str, Any] = {}
    values = {}
    for cell in made.cells():
        if cell["cell_type"] == "code":
            *lines, last = cell["source"]
            exec("".join(lines), names)
            try:
                values[last] = eval(last, names)
            except SyntaxError:  # a statement
                exec(last, names)
    return values


def test_the_notebook_of_a_zynq(zynq: Made, monkeypatch: pytest.MonkeyPatch, pynq: FakePynq) -> None:
    expected_notebook(zynq)
    values = run_notebook(zynq, monkeypatch)
    assert pynq.loaded == [str(zynq.folder / "small-zcu104.bit")]
    assert [value for line, value in values.items() if "hwsnn.run" in line] == [0]
    assert values["board.stats()"].frames == 500
    assert list(values)[-1] == "board.close()"


@pytest.fixture
def serial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """A folder for a network whose board is a thread behind a pseudo-terminal."""
    made = make(tmp_path, SERIAL, network=serial_board.NETWORK)
    monkeypatch.setattr("hwsnn.run", lambda network, images: reference(images))
    return made


def reference(images: Any) -> Any:
    """The scores that the board in software gives, in the place of those of the network."""
    return type("Result", (), {"scores": np.array([scores for _, scores in serial_board.expected(images)])})


def test_the_driver_of_a_serial_board(
    serial: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serial_board.a_board() as board:
        assert serial.driver(monkeypatch, "--on", f"serial:{board.name}") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"500 images on {board.name}: ")
    assert lines[-1] == "0 differ from the reference"


def test_the_notebook_of_a_serial_board(serial: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    expected_notebook(serial)
    file = serial.folder / "driver.ipynb"
    text = file.read_text()
    assert text.count("serial:/dev/ttyUSB0") == 1
    with serial_board.a_board() as board:
        file.write_text(text.replace("serial:/dev/ttyUSB0", f"serial:{board.name}"))
        values = run_notebook(serial, monkeypatch)
    assert values["board.stats()"].frames == 500


def test_a_network_of_steps(tmp_path: Path) -> None:
    """The notebook says what shape its images have."""
    network = replace(random_network(3), name="timed")
    made = make(tmp_path, load_board("kv260", AxiBoard), network=network)
    shape = ", ".join(map(str, network.frame_shape))
    assert f"(N, {shape})" in "".join(made.cells()[2]["source"])


@pytest.mark.usefixtures("pynq")
def test_the_address_that_is_named_opens_the_board(zynq: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    (address,) = set(re.findall(r"--on (\S+)", (zynq.folder / "README.txt").read_text()))
    monkeypatch.chdir(zynq.folder)
    open_board(address, NETWORK).close()
