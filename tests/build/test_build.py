"""``hwsnn build`` with tools that only pretend: what becomes of their results and of their failures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from hwsnn.build import tools
from hwsnn.build.boards import Ecp5Board, load_board
from hwsnn.build.open_flow import build
from hwsnn.cli import cli
from hwsnn.errors import InputError
from hwsnn.folding.folding import Folding, LayerFold
from hwsnn.model_file import integer_file
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import for_utilization
from hwsnn.spec import Encoder, Integrator, Network, NoLeak
from tests.support.layers import dense_layer
from tests.support.random_networks import random_network
from tests.support.stage_lines import beside_stages

NETWORK = random_network(1)
BOARD = load_board("ulx3s-85f", Ecp5Board)
DEVICE = DEVICES[BOARD.device]
CLOCK_MHZ = BOARD.clock_mhz
CELLS = {"TRELLIS_COMB": [1374, 83640], "TRELLIS_FF": [847, 83640], "DP16KD": [3, 208], "MULT18X18D": [0, 156]}
REPORT = {
    "fmax": {"clk": {"achieved": 1.25 * CLOCK_MHZ, "constraint": CLOCK_MHZ}},
    "utilization": {cell: {"used": used, "available": available} for cell, (used, available) in CELLS.items()},
}

PLACING = """
Info:     at iteration #1, type ALL: wirelen solved = 1, spread = 2, legal = 3; time = 0.04s
Info:   at iteration #5: temp = 0.000000, timing cost = 609, wirelen = 3864
Info: Routing 400 arcs.
Info:        300 |       63        236 |   63   236 |       100|       0.21       0.21|
"""


@dataclass
class Workplace:
    """A model, tools that pretend, and a folder for results."""

    folder: Path

    @property
    def output(self) -> Path:
        return self.folder / "results"

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"PATH": str(self.folder / "tools")}

    def tool(self, name: str, version: str, body: str) -> None:
        """A program in sh: ``$@`` are its arguments, ``after OPTION "$@"`` makes ``$wanted`` the one behind OPTION."""
        (self.folder / "tools").mkdir(exist_ok=True)
        file = self.folder / "tools" / name
        after = 'wanted=; after() { key=$1; shift; for a; do [ "$b" = "$key" ] && wanted=$a; b=$a; done; }\n'
        file.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "{version}" && exit\n{after}{body}\n')
        file.chmod(0o755)

    def tools(self, **bodies: str) -> None:
        """All three, doing what they should unless ``bodies`` say otherwise."""
        report = json.dumps(REPORT)
        right = {
            "yosys": 'after -l "$@"; echo all > $wanted; echo "2.26. Executing MEMORY pass." >&2; '
            "[ -s hwsnn.ys ] && [ -s hwsnn.il ]",
            "nextpnr": f"after --report \"$@\"; echo '{report}' > $wanted; echo '{PLACING}' >&2; [ -s hwsnn.lpf ]",
            "ecppack": 'after --bit "$@"; echo bits > $wanted',
        } | bodies
        self.tool("yosys", "Yosys 0.60 (git)", right["yosys"])
        self.tool("nextpnr-ecp5", "(Version nextpnr-0.8)", right["nextpnr"])
        self.tool("ecppack", "Project Trellis ecppack Version 1.4", right["ecppack"])

    def command(self, *arguments: str) -> list[str]:
        model_file = str(self.folder / "model.safetensors")
        return [sys.executable, "-m", "hwsnn", "build", model_file, "-o", str(self.output), *arguments]

    def run(self, *arguments: str, board: str = "ulx3s-85f") -> Result:
        """The command in this process, which saves the imports."""
        command = self.command("--board", board, *arguments)
        return CliRunner().invoke(cli, command[command.index("build") :], env=self.environment, prog_name="hwsnn")


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    integer_file.save(NETWORK, tmp_path / "model.safetensors")
    made = Workplace(tmp_path)
    made.tools()
    return made


def refused(outcome: Result, text: str) -> bool:
    """Whether the last line on stderr says so, after whatever a tool had printed."""
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    return outcome.stderr.splitlines()[-1].startswith(f"hwsnn: error: {text}")


def test_done(workplace: Workplace) -> None:
    outcome = workplace.run("--json")
    assert outcome.exit_code == 0, outcome.stderr
    bitstream = workplace.output / "random1-ulx3s-85f.bit"
    assert json.loads(outcome.stdout) == {
        "bitstream": str(bitstream),
        "fmax_mhz": 1.25 * CLOCK_MHZ,
        "lut": 1374,
        "ff": 847,
        "bram": 3,
        "dsp": 0,
    }
    assert bitstream.read_text() == "bits\n"
    names = {file.name for file in workplace.output.iterdir()}
    assert names == {bitstream.name, "build.json", "timing.json", "yosys.log", "nextpnr.log"}
    report = json.loads((workplace.output / "build.json").read_text())
    assert report["timing_met"] is True
    assert report["model_sha256"] == integer_file.model_hash(NETWORK)
    assert report["versions"]["yosys"].startswith("Yosys 0.60")
    assert list(report["stage_seconds"]) == ["elaboration", "synthesis", "place and route", "bitstream"]
    assert json.loads((workplace.output / "timing.json").read_text()) == REPORT
    assert "Routing 400 arcs" in (workplace.output / "nextpnr.log").read_text()


def test_deployed(workplace: Workplace) -> None:
    """The folder for the board has the bitstream too; what else was there stays."""
    folder = workplace.folder / "deployed"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    (folder / "driver.py").write_text("of an older build")
    outcome = workplace.run("--deploy", str(folder), "--json")
    assert outcome.exit_code == 0, outcome.stderr
    assert json.loads(outcome.stdout)["deploy"] == str(folder)
    made = {"random1-ulx3s-85f.bit", "random1.safetensors", "driver.py", "driver.ipynb", "README.txt", "build.json"}
    assert {file.name for file in folder.iterdir()} == made | {"mine.txt"}
    assert (folder / "random1-ulx3s-85f.bit").read_text() == "bits\n"
    assert (folder / "driver.py").read_text().startswith('"""Runs images on the board')
    last = workplace.run("--deploy", str(workplace.output)).stdout.splitlines()[-1]
    assert last == f"{workplace.output}: for the board; README.txt there says how to use it"
    assert {file.name for file in workplace.output.iterdir()} >= made, "both may be one folder"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("no/where", "@/no: no such folder; make it first"),
        ("model.safetensors", "@/model.safetensors: is a file; name a folder to write into"),
        ("", "Invalid value for '--deploy': must name something, not be empty"),
    ],
)
def test_nowhere_to_deploy(workplace: Workplace, text: str, complaint: str) -> None:
    """That is said before the tools run, which take long."""
    workplace.tools(yosys="exit 1")
    outcome = workplace.run("--deploy", text and str(workplace.folder / text))
    assert refused(outcome, complaint.replace("@", str(workplace.folder)))
    assert not workplace.output.exists()


def test_a_failure_deploys_nothing(workplace: Workplace) -> None:
    workplace.tools(ecppack="exit 1")
    assert refused(workplace.run("--deploy", str(workplace.folder / "deployed")), "ecppack failed")
    assert sorted(file.name for file in workplace.folder.iterdir()) == ["model.safetensors", "tools"]


def test_progress(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", workplace.environment["PATH"])
    seen: dict[str, list[int]] = {}

    def progress(stage: str, done: int, total: int) -> None:
        assert total == 100
        seen.setdefault(stage, []).append(done)

    build(NETWORK, for_utilization(NETWORK, DEVICE).folding, BOARD, workplace.output, progress)
    assert seen == {
        "elaboration": [0, 100],
        "synthesis": [0, 50, 100],
        "place and route": [0, 2, 30, 50, 87, 100],
        "bitstream": [0, 100],
    }


def test_stages_are_lines_in_a_pipe(workplace: Workplace) -> None:
    """Each begins and ends, on stderr; stdout holds the result alone."""
    outcome = workplace.run("--json")
    assert json.loads(outcome.stdout).keys() >= {"bitstream", "fmax_mhz"}
    marks = [line.split(", ")[0] for line in outcome.stderr.splitlines() if line.endswith(" ...") or ": done, " in line]
    stages = ("planning", "elaboration", "synthesis", "place and route", "bitstream")
    assert marks == [mark for stage in stages for mark in (f"{stage} ...", f"{stage}: done")]


def test_timing_not_met(workplace: Workplace) -> None:
    """The answer is no, but the bitstream is there."""
    report = json.dumps(REPORT | {"fmax": {"clk": {"achieved": CLOCK_MHZ - 0.5, "constraint": CLOCK_MHZ}}})
    workplace.tools(nextpnr=f"after --report \"$@\"; echo '{report}' > $wanted")
    outcome = workplace.run("--json")
    assert outcome.exit_code == 1
    assert json.loads(outcome.stdout)["fmax_mhz"] == CLOCK_MHZ - 0.5
    assert (workplace.output / "random1-ulx3s-85f.bit").is_file()
    assert json.loads((workplace.output / "build.json").read_text())["timing_met"] is False
    assert "NOT MET" in workplace.run().stdout


NO_ROOM = "ERROR: Unable to place cell 'c', no BELs remaining to implement cell type 'TRELLIS_COMB'"
TOO_FULL = "ERROR: Unable to find legal placement for all cells, design is probably at utilisation limit."


@pytest.mark.parametrize(
    ("bodies", "text"),
    [
        ({"yosys": "echo 'ERROR: cannot read'; exit 1"}, "yosys failed: ERROR: cannot read"),
        ({"yosys": "kill -9 $$"}, "yosys failed: it ended with -9"),
        ({"nextpnr": f'echo "{NO_ROOM}" >&2; exit 1'}, "random1: does not fit Radiona ULX3S 85F ("),
        ({"nextpnr": f"echo '{TOO_FULL}' >&2; exit 1"}, "random1: does not fit Radiona ULX3S 85F ("),
        ({"nextpnr": "echo 'ERROR: a loop' >&2; exit 1"}, "nextpnr-ecp5 failed: ERROR: a loop"),
        ({"nextpnr": "true"}, "nextpnr left no report (No such file or directory)"),
        (
            {"nextpnr": 'after --report "$@"; echo {} > $wanted'},
            "nextpnr's report is not as expected (KeyError: 'fmax')",
        ),
        ({"ecppack": "exit 1"}, "ecppack failed: it ended with 1"),
        ({"ecppack": "true"}, "the build left no hwsnn.bit"),
        ({"ecppack": 'after --bit "$@"; : > $wanted'}, "the build left no hwsnn.bit"),
    ],
)
def test_failures(workplace: Workplace, bodies: dict[str, str], text: str) -> None:
    workplace.tools(**bodies)
    assert refused(workplace.run("--json"), text)
    assert sorted(file.name for file in workplace.folder.iterdir()) == ["model.safetensors", "tools"]


def test_a_failure_leaves_earlier_results_alone(workplace: Workplace) -> None:
    assert workplace.run().exit_code == 0
    before = {file.name: file.read_bytes() for file in workplace.output.iterdir()}
    workplace.tools(ecppack="exit 1")
    assert workplace.run().exit_code == 2
    assert {file.name: file.read_bytes() for file in workplace.output.iterdir()} == before


@pytest.mark.parametrize("board", ["nothing", "../ulx3s_85f", ""])
def test_no_such_board(workplace: Workplace, board: str) -> None:
    assert refused(workplace.run(board=board), f"{board}: no such board; the boards are ")
    assert not workplace.output.exists()


def test_another_family_without_its_tools(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are in an extra."""
    monkeypatch.setattr(tools, "entry_points", lambda **selection: ())
    wanted = "nextpnr-himbaechel: not found; in hwsnn's checkout, pip install -e '.[gowin]', or put nextpnr-himbaechel "
    assert refused(workplace.run(board="tangnano20k"), wanted)
    assert not workplace.output.exists()


def test_another_family(workplace: Workplace) -> None:
    """Its own programs and files; gowin_pack is that of our Python, and refuses what pretends."""
    said = workplace.folder / "said"
    places = f'echo "$@" > {said}; [ -s hwsnn.cst ] && echo > hwsnn.pnr.json'
    workplace.tool("nextpnr-himbaechel", "(Version nextpnr-0.9)", places)
    assert refused(workplace.run(board="tangnano20k"), "gowin_pack failed: it ended with 1")
    assert not workplace.output.exists()
    arguments = said.read_text()
    assert "--device GW2AR-LV18QN88C8/I7 --vopt family=GW2A-18C --vopt cst=hwsnn.cst --freq 54 " in arguments


def test_nowhere_to_write(workplace: Workplace) -> None:
    workplace.tools(yosys="touch /should-not-run; exit 1")
    missing = workplace.folder / "not" / "there"
    outcome = workplace.run("-o", str(missing))
    assert refused(outcome, f"{missing.parent}: no such folder; ")


def test_interrupted(workplace: Workplace) -> None:
    started = workplace.folder / "started"
    workplace.tools(nextpnr=f"echo $$ > {started}.partial; /bin/mv {started}.partial {started}; exec /bin/sleep 60")
    process = subprocess.Popen(
        workplace.command("--board", "ulx3s-85f"),
        env=workplace.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not started.exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout, beside_stages(stderr)) == (130, "", "hwsnn: interrupted\n")
    assert not workplace.output.exists()
    assert not list(workplace.folder.glob(".hwsnn-*"))
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


def test_image_too_large_for_the_link(tmp_path: Path) -> None:
    shape = (1, 1024, 1024)
    layer = dense_layer("last", np.ones((1, *shape), np.int64), np.zeros(1, np.int64), 2, Integrator(NoLeak(), 32))
    large = Network("large", shape, 8, Encoder("direct"), 1, (layer,), "membrane")
    with pytest.raises(
        InputError, match=r"^large: not buildable for Radiona ULX3S 85F: a frame must be at most 1,048,575 bytes"
    ):
        build(large, Folding({"last": LayerFold(1, 1)}, {"last": 1}, {}), BOARD, tmp_path / "results")
