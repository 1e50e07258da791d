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
(RENAMES,) = re.findall(r"^```sh\n(sed .*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
TEMPLATES = re.findall(r"^```verilog\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def digits() -> str:
    network = load_model("digits")
    return to_verilog(Pipeline(network, for_utilization(network, DEVICES["xczu9eg"]).folding), model_hash(network))


def lint(folder: Path, top: str, *files: str) -> tuple[int, str]:
    done = subprocess.run(
        ["verilator", "--lint-only", "-Wall", "--top-module", top, *files],
        cwd=folder,
        env=tools.verilator_environment(),
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stderr


def test_templates(digits: str, tmp_path: Path) -> None:
    assert len(TEMPLATES) == 2
    for template in TEMPLATES:
        (top,) = re.findall(r"^module (\w+)", template, re.MULTILINE)
        (tmp_path / f"{top}.v").write_text(template)
        (tmp_path / "digits.v").write_text(digits)
        assert lint(tmp_path, top, f"{top}.v", "digits.v") == (0, "")


def test_two_networks_in_one_design(digits: str, tmp_path: Path) -> None:
    (tmp_path / "digits.v").write_text(digits)
    subprocess.run(["sh", "-c", RENAMES], cwd=tmp_path, check=True)
    assert lint(tmp_path, "a_hwsnn_network", "a_digits.v", "digits.v") == (0, "")
    assert not re.findall(r"^module (?!a_)", (tmp_path / "a_digits.v").read_text(), re.MULTILINE)


def test_the_example_of_a_weight(digits: str) -> None:
    """The words that the page names are those of the file."""
    for module, word in re.findall(r"`(\w+\[\d+\])` = `(27'h\w+)`", PAGE.read_text()):
        assert f"    {module} = {word};" in digits
