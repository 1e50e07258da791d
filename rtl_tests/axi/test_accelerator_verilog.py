"""The accelerator's Verilog, as other tools read it: Yosys for the XCZU9EG, and Verilator's lint."""

from __future__ import annotations

import functools
import os
import re
import subprocess
from pathlib import Path

import pytest

from hwsnn.build.process import run_tool
from hwsnn.build.tools import find, verilator_environment
from hwsnn.model_file.by_name import load_model
from hwsnn.model_file.integer_file import model_hash
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import for_utilization
from hwsnn.rtl.axi.shell import ACCELERATOR, AxiShell
from hwsnn.rtl.network import Pipeline
from hwsnn.verilog.emit import to_verilog
from tests.support.random_networks import random_network

DEVICE = DEVICES["xczu9eg"]
NETWORKS = {f"random{seed}": random_network(seed) for seed in (1, 2, 3, 5)} | {"digits": load_model("digits")}
YOSYS_MAY_WARN = (
    # Of a queue of one entry, whose memory of one word is registers anyway.
    "Replacing memory",
)


@functools.cache
def accelerator(name: str) -> str:
    network = NETWORKS[name]
    digest = model_hash(network)
    pipeline = Pipeline(network, for_utilization(network, DEVICE).folding)
    return to_verilog(AxiShell(network, pipeline, digest), digest, ACCELERATOR)


def lint(verilog: str, folder: Path) -> list[str]:
    """Verilator's warnings and errors, but for those that the file itself waives."""
    (folder / "design.v").write_text(verilog)
    environment = verilator_environment()
    program = environment["PATH"].split(os.pathsep)[0] + "/verilator"
    command = [program, "--lint-only", "-Wall", "--top-module", ACCELERATOR, "design.v"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    found = [line for line in done.stderr.splitlines() if line.startswith("%")]
    assert bool(found) == bool(done.returncode), done.stderr
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_lint(name: str, tmp_path: Path) -> None:
    assert lint(accelerator(name), tmp_path) == []


@pytest.mark.parametrize(
    ("right", "wrong", "rule"),
    [
        ("  wire axi_rst;\n", "  wire axi_rst;\n  wire [-1:0] nothing;\n", "ASCRANGE"),
        ("    .rst(axi_rst),\n", "    .rst(axi_rst),\n    .nowhere(axi_rst),\n", "PINNOTFOUND"),
        ("    .rst(axi_rst),\n", "", "PINMISSING"),
        ("  assign axi_rst = ~ aresetn;\n", "", "UNDRIVEN"),
    ],
)
def test_lint_notices(right: str, wrong: str, rule: str, tmp_path: Path) -> None:
    """What is not waived is found: the waivers hide no more than they say."""
    verilog = accelerator("random1")
    assert right in verilog
    assert any(rule in line for line in lint(verilog.replace(right, wrong, 1), tmp_path))


def test_yosys_reads_and_synthesizes_it(tmp_path: Path) -> None:
    """Nothing is missing: no module, no port, no driver; and all of it becomes parts of the FPGA."""
    (tmp_path / "design.v").write_text(accelerator("random1"))
    read = ["read_verilog design.v", f"hierarchy -check -top {ACCELERATOR}", "proc", "check -assert"]
    # Not flattened, the Yosys of PyPI (0.70) ends in an assertion of its own, where it joins what ABC9 made.
    synthesize = [f"synth_xilinx -family {DEVICE.family} -flatten -top {ACCELERATOR}", "check -assert", "stat"]
    (tmp_path / "design.ys").write_text("\n".join([*read, "log READ", *synthesize]) + "\n")
    # By its own log: with PyPI's, what it prints ends where ABC9 has run.
    run_tool(find("yosys"), ["-q", "-l", "whole.log", "design.ys"], tmp_path, tmp_path / "yosys.log")
    log = (tmp_path / "whole.log").read_text()
    reading, _, synthesizing = log.partition("\nREAD\n")
    warnings = [line for line in reading.splitlines() if "warning" in line.lower()]
    assert [line for line in warnings if not any(known in line for known in YOSYS_MAY_WARN)] == []
    cells = dict(re.findall(r"^ +(\d+) +(\w+)$", synthesizing[synthesizing.rindex("=== ") :], re.MULTILINE))
    kinds = {kind: int(count) for count, kind in cells.items()}
    assert kinds["FDRE"] > 1_000
    assert kinds["BUFG"] == 2  # its two clocks
    assert not [kind for kind in kinds if kind.startswith("_")]


def test_registers_that_settle_are_marked() -> None:
    """Vivado keeps those of a synchronizer side by side where they are marked (AMD UG912, ASYNC_REG)."""
    verilog = accelerator("random1")
    settling = re.findall(r"^((?:  \(\*.*\*\)\n)*)  reg (?:\[\d+:0\] )?(\w+_settling_\d)\b", verilog, re.MULTILINE)
    assert len(settling) >= 8
    assert [name for marks, name in settling if '(* ASYNC_REG = "TRUE" *)' not in marks] == []
