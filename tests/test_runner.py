"""The cache of built simulators, without building any."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hwsnn.errors import ToolError
from hwsnn.sim import runner


def test_cache_lies_in_the_users_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert runner.cache_folder() == tmp_path / "hwsnn" / "simulators"


def test_the_simulators_used_last_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "KEPT", 2)
    for age, name in enumerate(["newest", "second", "third", "oldest", "runtime-older"]):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    runner._forget_oldest(tmp_path)
    assert {folder.name for folder in tmp_path.iterdir()} == {"newest", "second", "runtime-older"}


def test_verilog_that_does_not_build_is_a_tool_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ToolError, match="the build of broken failed") as caught:
        runner.build_simulator("module broken(input clk; endmodule", "broken")
    assert "syntax error" in caught.value.log
    assert [path.name for path in (tmp_path / "hwsnn" / "simulators").iterdir()] == []


def test_damaged_results_are_a_tool_error(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    log.write_text("the last words\n")
    with pytest.raises(runner.SimulationError, match="without results"):
        runner._check_results(tmp_path / "results.xml", log, 1)
    (tmp_path / "results.xml").write_text("<testsuites><testsuite></testsuite></testsuites>")
    with pytest.raises(runner.SimulationError, match="0 of 1 benches ran"):
        runner._check_results(tmp_path / "results.xml", log, 1)
