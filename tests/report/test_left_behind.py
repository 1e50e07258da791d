"""The page that ``bench -o`` and the demo leave: with what was measured, simulated and built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hwsnn import demo
from hwsnn.bench import Cpu
from hwsnn.build.boards import Ecp5Board, load_board
from hwsnn.build.report import BuildReport
from hwsnn.cli import cli
from hwsnn.cli import demo as demo_command
from hwsnn.cycles import queue_depths, result_clocks
from hwsnn.folding.folding import Folding
from hwsnn.model_file.by_name import load_model
from hwsnn.model_file.integer_file import model_hash
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import with_folds
from hwsnn.sim import network_bench
from hwsnn.sim.network_bench import NetworkResult
from hwsnn.spec import Network
from tests.report.conftest import FOLDS
from tests.support.cpu_figures import cpu_figure

FIGURES = (cpu_figure("numpy reference", 1_000), cpu_figure("compiled", 4_000, others=1.0))


def _simulated(network: Network, folding: Folding) -> NetworkResult:
    """As if simulation had found what the cycle model says."""
    results = tuple(result_clocks(network, folding, 8))
    return NetworkResult(8, 4, 48_000, 0, (), results[-1] - results[-2], results[0], results)


def test_a_bench_leaves_the_page(tmp_path: Path, fold_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def simulate(network: Network, folding: Folding, *args: Any, **options: Any) -> NetworkResult:
        return _simulated(network, folding)

    monkeypatch.setattr(network_bench, "run_network", simulate)
    monkeypatch.setattr("hwsnn.bench.cpu_figures", lambda *args: FIGURES)
    monkeypatch.setattr("hwsnn.cli.bench.PAGE_IMAGES", 20)
    words = ["bench", "digits", "--data", "digits", "--fold", str(fold_file), "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(cli, words, prog_name="hwsnn")
    assert done.exit_code == 0, done.output
    assert f"{tmp_path / 'out' / 'index.html'}" in done.stdout
    text = (tmp_path / "out" / "index.html").read_text()
    for said in (
        f"hwsnn bench digits --data digits --fold {fold_file} -o DIR",
        "of 48,000 bits compared with the reference",
        "4,000 frames/s",
        "not to be trusted",
        "20 images of digits, in integers",
        "CPU: 4,000",
    ):
        assert said in text


@pytest.fixture
def left(tmp_path: Path) -> tuple[Network, demo.DemoResult, Path]:
    network, folder = load_model("digits"), tmp_path
    available = {"lut": 100, "ff": 100, "bram": 10, "dsp": 5}
    seconds, versions = {"synthesis": 1.0}, {"yosys": "0.70"}
    built = BuildReport(
        folder / "a.bit", "ulx3s-85f", model_hash(network), 80, 112.5, True, 10, 20, 3, 0, available, seconds, versions
    )
    (folder / "build.json").write_text(json.dumps(built.to_json()))
    (folder / "timing.json").write_text("{}")
    simulated = _simulated(network, queue_depths(network, FOLDS))
    cpu = Cpu("a processor", 2, None)
    return network, demo.DemoResult(built.model_sha256, 360, 0.99, simulated, built, cpu, "a", 1.0, False, 1.0), folder


def test_the_demo_leaves_the_page(left: tuple[Network, demo.DemoResult, Path]) -> None:
    network, result, folder = left
    plan = with_folds(network, DEVICES["lfe5u-85"], FOLDS, queue_depths(network, FOLDS))
    demo._write_page(network, plan, load_board("ulx3s-85f", Ecp5Board), result, FIGURES, folder)
    assert demo.written_files(folder, result)["page"] == folder / "index.html"
    text = (folder / "index.html").read_text()
    for said in ("hwsnn demo -o DIR", "112.5 MHz", "48,000 bits", "360 images of digits", "Lattice ECP5 LFE5U-85"):
        assert said in text


@pytest.mark.parametrize("there", [True, False])
def test_a_demo_without_the_extra_says_so(
    left: tuple[Network, demo.DemoResult, Path], monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    _, result, folder = left
    monkeypatch.setattr(demo, "draws_page", lambda: there)
    monkeypatch.setattr(demo, "run_demo", lambda *args: result)
    done = CliRunner().invoke(demo_command.command, ["-o", str(folder)])
    assert done.exit_code == 0, done.output
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("page:")]
    assert (str(folder / "index.html") in line) == there
    assert ("not drawn; matplotlib: not found; in hwsnn's checkout, pip install -e " in line) != there
