"""The generated Verilog as a text: the same every time, and clean to the tools that read it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hwsnn.build import tools
from hwsnn.model_file.integer_file import model_hash
from hwsnn.rtl.network import Pipeline
from hwsnn.verilog.emit import TOP, to_verilog
from tests.support.random_networks import random_folding, random_network

SEEDS = (33, 45, 12)


@pytest.fixture(scope="module", params=SEEDS)
def verilog(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    network = random_network(request.param)
    file = tmp_path_factory.mktemp("verilog") / f"{network.name}.v"
    file.write_text(to_verilog(Pipeline(network, random_folding(network, request.param)), model_hash(network)))
    return file


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for hash_seed in "12":
        folder = tmp_path / hash_seed
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-m", "hwsnn", "generate", "digits", "-o", str(folder)]
        subprocess.run(command, check=True, env=environment, capture_output=True)
        written.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert written[0].keys() == {"digits.v", "manifest.json", "folding.json"}
    assert written[0] == written[1]


def test_verilator_finds_nothing(verilog: Path) -> None:
    """But for what the file waives, with a reason for each."""
    done = subprocess.run(
        ["verilator", "--lint-only", "-Wall", "--top-module", TOP, str(verilog)],
        env=tools.verilator_environment(),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_yosys_reads_it_and_finds_every_module(verilog: Path) -> None:
    yosys = tools.find("yosys")
    script = f"read_verilog {verilog.name}; hierarchy -check -top {TOP}; proc; check -assert"
    done = subprocess.run([*yosys.command, "-p", script], cwd=verilog.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "Found and reported 0 problems." in done.stdout


def test_it_is_made_for_people(verilog: Path) -> None:
    """No name is escaped, no line is long, and above every module is what it is and which file it comes from."""
    lines = verilog.read_text().splitlines()
    assert [line for line in lines if "\\" in line or len(line) > 200] == []
    modules = [number for number, line in enumerate(lines) if line.startswith("module ")]
    assert len(modules) > 20
    for number in modules:
        above = lines[max(lines.index("", 0), number - 60) : number]
        remark = " ".join(line.removeprefix("// ") for line in above if line.startswith("// "))
        assert re.search(r"From hwsnn/rtl/[\w/]+\.py: \w+(, [\w ,]+)?$", remark), lines[number]


def test_equal_components_are_one_module(verilog: Path) -> None:
    bodies = re.findall(r"^module \w+ (\(.*?^endmodule)", verilog.read_text(), re.MULTILINE | re.DOTALL)
    assert len(bodies) == len(set(bodies))
