"""The cache of built simulators, without building any."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hwsnn.errors import InputError, ToolError
from hwsnn.files.scratch import ENDING, Scratch
from hwsnn.sim import runner


def test_cache_lies_in_the_users_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert runner.cache_folder() == tmp_path / "hwsnn" / "simulators"


def test_a_relative_cache_folder_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert runner.cache_folder() == tmp_path / ".cache" / "hwsnn" / "simulators"
    assert not (tmp_path / "here").exists()


def test_what_killed_processes_left_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / f".hwsnn-abcdefgh{ENDING}").mkdir()
    (tmp_path / "runtime-old").mkdir()
    with Scratch(tmp_path) as building:
        runner._forget_oldest(tmp_path)
        assert {folder.name for folder in tmp_path.iterdir()} == {building.name, "runtime-old"}


def test_a_full_disk_names_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(runner, "_run_child", full)
    with pytest.raises(InputError, match=f"{tmp_path}/hwsnn/simulators: cannot be written"):
        runner.build_simulator("module m(input clk); endmodule", "m")


def test_a_simulator_for_a_long_run_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[list[str]] = []

    def build(job: dict[str, Any], *_: object) -> None:
        built.append(job["commands"][-1])
        program = Path(job["folder"]) / "build" / "m"
        program.write_bytes(b"whole")
        program.chmod(0o755)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(runner, "_run_child", build)
    short = runner.build_simulator("module m; endmodule", "m")
    long = runner.build_simulator("module m; endmodule", "m", long_run=True)
    assert short != long
    assert [command[-1] for command in built] == [runner.SHORT_RUN, runner.LONG_RUN]


def test_compiled_headers_are_shared_by_short_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are of no use to a compiler that optimizes."""
    found: list[tuple[bool, bool]] = []

    def build(job: dict[str, Any], *_: object) -> None:
        folder = Path(job["folder"]) / "build"
        rules = [f"--eval={runner.HEADER_RULES}"]
        found.append(((folder / runner.COMPILED).exists(), job["commands"][-1][7:-3] == rules))
        (folder / "m").write_bytes(b"whole")
        if found[-1][1]:
            (folder / runner.COMPILED).write_bytes(b"compiled")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(runner, "_run_child", build)
    for name, long_run in (("first", True), ("second", False), ("third", False), ("fourth", True)):
        runner.build_simulator(f"module m; wire {name}; endmodule", "m", long_run=long_run)
    assert found == [(False, False), (False, True), (True, True), (False, False)]


@pytest.mark.parametrize("content", [None, b"", b"\x7fELF damaged"])
def test_a_damaged_simulator_is_built_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    """Nothing, an empty file, one that may not be run: all are found out before it is run."""

    def build(job: dict[str, object], *_: object) -> None:
        program = Path(str(job["folder"])) / "build" / "m"
        program.write_bytes(b"whole")
        program.chmod(0o755)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(runner, "_run_child", build)
    verilog = "module m(input clk); endmodule"
    folder = runner.build_simulator(verilog, "m")
    (folder / "m").unlink()
    if content is not None:
        (folder / "m").write_bytes(content)
    assert runner.build_simulator(verilog, "m") == folder
    assert (folder / "m").read_bytes() == b"whole"


def test_a_simulator_that_does_not_run_is_forgotten(tmp_path: Path) -> None:
    """It may be damaged beyond what a look at it shows: the next attempt must not fail for the same reason."""
    simulator = tmp_path / "simulator"
    simulator.mkdir()
    (simulator / "m").write_bytes(b"\x7fELF damaged")
    (simulator / "m").chmod(0o755)
    with pytest.raises(runner.SimulationError, match="the run of m failed"):
        runner.run_bench(simulator, "m", "rtl_tests.support.tb_stream", {}, tests=1)
    assert not simulator.exists()


def test_the_environment_of_other_benches_stays_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, str] = {}

    def run(job: object, environment: dict[str, str], log: Path, poll: object) -> None:
        seen.update(environment)
        log.write_text("")

    monkeypatch.setattr(runner, "_run_child", run)
    monkeypatch.setenv("COCOTB_TEST_FILTER", "another")
    monkeypatch.setenv("WAVES", "1")
    with pytest.raises(runner.SimulationError, match="without results"):
        runner.run_bench(tmp_path, "m", "bench", {"HWSNN_JOB": "job"}, tests=1)
    assert seen["HWSNN_JOB"] == "job"
    assert not {"COCOTB_TEST_FILTER", "WAVES"} & seen.keys()


SLEEPER = """
import subprocess, sys
from hwsnn.sim import child
child._end_with_parent()
subprocess.run([sys.executable, "-c", "import time; print('asleep', flush=True); time.sleep(600)"])
"""


def test_a_child_ends_with_its_parent_and_all_it_started() -> None:
    """As where the parent is killed: nothing is left but the closed pipe."""
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"asleep\n"
        process.stdin.close()
        assert process.stdout.read() == b""  # the grandchild holds it, too
        assert process.wait() == -signal.SIGTERM


def test_children_that_do_not_listen_are_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "GRACE_SECONDS", 0.2)
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"deaf\n"
        runner._end_group(process)
        assert process.returncode == -signal.SIGKILL


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
