from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from hwsnn.build.ecp5 import ECP5
from hwsnn.build.process import run_tool
from hwsnn.build.report import parse_routed
from hwsnn.build.tools import Tool
from hwsnn.errors import ToolError

CELLS = ECP5.cells


def a_report() -> dict[str, Any]:
    cells = {"TRELLIS_COMB": (1374, 83640), "TRELLIS_FF": (847, 83640), "DP16KD": (3, 208), "MULT18X18D": (2, 156)}
    return {
        "critical_paths": [],
        "fmax": {"$glbnet$clk": {"achieved": 96.5, "constraint": 80.0}},
        "utilization": {cell: {"used": used, "available": available} for cell, (used, available) in cells.items()},
    }


def written(folder: Path, report: object) -> Path:
    file = folder / "timing.json"
    file.write_text(report if isinstance(report, str) else json.dumps(report))
    return file


def test_figures(tmp_path: Path) -> None:
    routed = parse_routed(written(tmp_path, a_report()), 80.0, CELLS)
    assert (routed.fmax_mhz, routed.timing_met) == (96.5, True)
    assert (routed.lut, routed.ff, routed.bram, routed.dsp) == (1374, 847, 3, 2)
    assert routed.available == {"lut": 83640, "ff": 83640, "bram": 208, "dsp": 156}


@pytest.mark.parametrize(("achieved", "met"), [(79.9, False), (80.0, True), (12.0, False)])
def test_timing(tmp_path: Path, achieved: float, met: bool) -> None:
    report = a_report()
    report["fmax"]["$glbnet$clk"]["achieved"] = achieved
    routed = parse_routed(written(tmp_path, report), 80.0, CELLS)
    assert (routed.fmax_mhz, routed.timing_met) == (achieved, met)


def test_another_clock_counts_too(tmp_path: Path) -> None:
    report = a_report()
    report["fmax"]["other"] = {"achieved": 24.0, "constraint": 25.0}
    routed = parse_routed(written(tmp_path, report), 80.0, CELLS)
    assert (routed.fmax_mhz, routed.timing_met) == (96.5, False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"nextpnr's report is not as expected \(JSONDecodeError"),
        ("{", r"nextpnr's report is not as expected \(JSONDecodeError"),
        ("[]", r"nextpnr's report is not as expected \(TypeError"),
        ("{}", r"nextpnr's report is not as expected \(KeyError: 'fmax'"),
        ('{"fmax": {"clk": 5}}', r"nextpnr's report is not as expected \(TypeError"),
    ],
)
def test_unreadable(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ToolError, match=f"^{message}"):
        parse_routed(written(tmp_path, text), 80.0, CELLS)


@pytest.mark.parametrize("cell", ["TRELLIS_COMB", "TRELLIS_FF", "DP16KD", "MULT18X18D"])
def test_lacks_a_cell(tmp_path: Path, cell: str) -> None:
    report = a_report()
    del report["utilization"][cell]
    with pytest.raises(ToolError, match=rf"^nextpnr's report is not as expected \(KeyError: '{cell}'\)$"):
        parse_routed(written(tmp_path, report), 80.0, CELLS)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"^nextpnr left no report \(No such file or directory\)$"):
        parse_routed(tmp_path / "timing.json", 80.0, CELLS)


@pytest.mark.parametrize(
    ("clocks", "found"),
    [({}, "none"), ({"$glbnet$clk": {"achieved": 96.5, "constraint": 12.0}}, r"\$glbnet\$clk 12 MHz")],
)
def test_no_system_clock(tmp_path: Path, clocks: dict[str, Any], found: str) -> None:
    with pytest.raises(ToolError, match=rf"^nextpnr's report has no clock of 80 MHz \(clocks: {found}\)$"):
        parse_routed(written(tmp_path, a_report() | {"fmax": clocks}), 80.0, CELLS)


def shell_tool(script: str) -> Tool:
    return Tool("a-tool", ("/bin/sh", "-c", script, "a-tool"), "1")


def test_run_tool(tmp_path: Path) -> None:
    lines: list[str] = []
    tool = shell_tool('echo one; echo two >&2; echo "$1" > made')
    run_tool(tool, ["an argument"], tmp_path, tmp_path / "log", lines.append)
    assert lines == ["one\n", "two\n"]
    assert (tmp_path / "log").read_text() == "one\ntwo\n"
    assert (tmp_path / "made").read_text() == "an argument\n"


def test_run_tool_fails(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as caught:
        run_tool(shell_tool("echo fine; echo 'ERROR: no route'; echo end; exit 3"), [], tmp_path, tmp_path / "log")
    assert caught.value.summary == "a-tool failed: ERROR: no route"
    assert caught.value.log == "fine\nERROR: no route\nend"


def test_run_tool_is_killed(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"^a-tool failed: it ended with -9$"):
        run_tool(shell_tool("kill -9 $$"), [], tmp_path, tmp_path / "log")


def test_interruption_ends_the_tool_and_its_children(tmp_path: Path) -> None:
    processes: list[int] = []

    def on_line(line: str) -> None:
        processes.extend(map(int, line.split()))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_tool(shell_tool("sleep 60 & echo $$ $!; wait"), [], tmp_path, tmp_path / "log", on_line)
    assert len(processes) == 2
    for _ in range(100):
        if not any(_runs(process) for process in processes):
            return
        time.sleep(0.1)
    pytest.fail("what the tool started still runs")


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
