"""The templates of docs/verilog.md, around the network that they name."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from hwsnn.build import tools
from hwsnn.model_file.by_name import load_model
from hwsnn.model_file.integer_file import model_hash
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import for_utilization
from hwsnn.rtl.network import Pipeline
from hwsnn.verilog.emit import to_verilog

PAGE = Path(__file__).parents[2] / "docs" / "verilog.md"
TEMPLATES = re.findall(r"^```verilog\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def digits() -> str:
    network = load_model("digits")
    return to_verilog(Pipeline(network, for_utilization(network, DEVICES["xczu9eg"]).folding), model_hash(network))


def test_templates(digits: str, tmp_path: Path) -> None:
    assert len(TEMPLATES) == 2
    for template in TEMPLATES:
        (top,) = re.findall(r"^module (\w+)", template, re.MULTILINE)
        (tmp_path / f"{top}.v").write_text(template)
        (tmp_path / "digits.v").write_text(digits)
        done = subprocess.run(
            ["verilator", "--lint-only", "-Wall", "--top-module", top, f"{top}.v", "digits.v"],
            cwd=tmp_path,
            env=tools.verilator_environment(),
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "")
