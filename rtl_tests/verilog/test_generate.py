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

STYLE = {
    "DECLFILENAME",  # all modules in one file, named after the network
    "UNUSEDSIGNAL",  # Amaranth keeps names of parts of signals for people, and bits that carry nothing
    "PROCASSINIT",  # registers have an initial value, which is their value after a reset, too
    "WIDTHEXPAND",  # operands that Verilog extends to the width of their sum
    "WIDTHTRUNC",  # "not" of a number, for its being zero
    "ASCRANGE",  # signals of no bits, such as the address of a table of one row
}
"""Verilator's remarks on how Yosys writes Verilog, not on what it says."""

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


def test_verilator_finds_only_matters_of_style(verilog: Path) -> None:
    done = subprocess.run(
        ["verilator", "--lint-only", "-Wall", "--top-module", TOP, str(verilog)],
        env=tools.verilator_environment(),
        capture_output=True,
        text=True,
    )
    classes = set(re.findall(r"^%(?:Warning|Error)-(\w+)", done.stderr, re.MULTILINE))
    assert classes, "Verilator said nothing: not even that the file is not called after the module"
    assert classes - STYLE == set(), done.stderr
    errors = re.findall(r"^%Error: .*", done.stderr, re.MULTILINE)
    assert all(re.fullmatch(r"%Error: Exiting due to \d+ warning\(s\)", error) for error in errors), errors


def test_yosys_reads_it_and_finds_every_module(verilog: Path) -> None:
    yosys = tools.find("yosys")
    script = f"read_verilog {verilog.name}; hierarchy -check -top {TOP}; proc; check -assert"
    done = subprocess.run([*yosys.command, "-p", script], cwd=verilog.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "Found and reported 0 problems." in done.stdout


def test_streams_have_names_in_every_module_of_the_chain(verilog: Path) -> None:
    """None is told from another by a number alone."""
    assert re.findall(r"\\[io]__(?:valid|ready|payload)\$\d+", verilog.read_text()) == []
