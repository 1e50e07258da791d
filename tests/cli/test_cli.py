"""The command line as a whole: help, errors of one line, exit status, interruption."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

import hwsnn.cli
from hwsnn.cli import SUMMARIES, cli
from hwsnn.errors import InputError
from hwsnn.model_file.integer_file import save
from hwsnn.spec import Encoder, Integrator, Network, NoLeak
from tests.support.layers import dense_layer
from tests.support.stage_lines import beside_stages

HWSNN = (sys.executable, "-m", "hwsnn")


def invoke(*args: str) -> Result:
    return CliRunner().invoke(cli, args, prog_name="hwsnn")


def expect_refusal(result: Result, message: str) -> None:
    assert result.exit_code == 2
    assert result.stdout == ""
    complaint = beside_stages(result.stderr)
    assert complaint.startswith("hwsnn: error: ")
    assert complaint.endswith("\n")
    assert complaint.count("\n") == 1
    assert message in complaint


def test_version() -> None:
    result = invoke("--version")
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"hwsnn {hwsnn.__version__}\n", "")


@pytest.mark.parametrize("args", [(), ("--help",), ("-h",)])
def test_help_names_every_command(args: tuple[str, ...]) -> None:
    result = invoke(*args)
    assert result.exit_code == 0
    assert result.stderr == ""
    for name in SUMMARIES:
        assert f"\n  {name} " in result.stdout


@pytest.mark.parametrize("name", SUMMARIES)
def test_every_command_has_help(name: str) -> None:
    result = invoke(name, "--help")
    assert result.exit_code == 0
    assert f"Usage: hwsnn {name} " in result.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("nope",), "No such command 'nope'. (try 'hwsnn --help')"),
        (("--nope",), "No such option"),
        (("inspect",), "Missing argument 'MODEL'. (try 'hwsnn inspect --help')"),
        (("inspect", "digits", "more"), "Got unexpected extra argument (more) (try 'hwsnn inspect --help')"),
        (("inspect", "digits", "--nope"), "No such option"),
        (("run", "digits"), "Missing option '--data'"),
        (("run", "digits", "--data", "digits", "-n", "0"), "Invalid value for '-n': 0 is not in the range x>=1."),
        (("run", "digits", "--data", "digits", "-n", "many"), "Invalid value for '-n'"),
    ],
)
def test_usage_errors(monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], message: str) -> None:
    monkeypatch.delenv("HWSNN_DATA", raising=False)
    expect_refusal(invoke(*args), message)


def test_a_missing_model() -> None:
    message = "nowhere: no such model file; give a .safetensors file, or the name of a shipped model (cifar10, digits, "
    expect_refusal(invoke("inspect", "nowhere"), message)


def test_nothing_in_an_error_moves_the_cursor() -> None:
    expect_refusal(invoke("inspect", "a\nb\x1b[2Jc"), "error: a b?[2Jc: no such model file")


def raising(error: BaseException) -> click.Command:
    def callback() -> None:
        raise error

    return click.Command("inspect", callback=callback)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (InputError("x.nir: not a graph; give another"), "error: x.nir: not a graph; give another\n"),
        (PermissionError(13, "Permission denied", "/locked"), "error: /locked: Permission denied\n"),
        (OSError(28, "No space left on device"), "No space left on device; make room, or name another place"),
        (MemoryError(), "not enough memory; try fewer images (-n)"),
        (click.FileError("x", "unreadable"), "unreadable"),
    ],
)
def test_errors_of_a_command(monkeypatch: pytest.MonkeyPatch, error: BaseException, message: str) -> None:
    monkeypatch.setattr(hwsnn.cli._Commands, "get_command", lambda *_: raising(error))
    expect_refusal(invoke("inspect"), message)


def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hwsnn.cli._Commands, "get_command", lambda *_: raising(ZeroDivisionError()))
    assert isinstance(invoke("inspect").exception, ZeroDivisionError)


def test_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hwsnn.cli._Commands, "get_command", lambda *_: raising(KeyboardInterrupt()))
    result = invoke("inspect")
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "hwsnn: interrupted\n")


def test_the_answer_is_no(monkeypatch: pytest.MonkeyPatch) -> None:
    def callback() -> None:
        click.get_current_context().exit(1)

    monkeypatch.setattr(hwsnn.cli._Commands, "get_command", lambda *_: click.Command("inspect", callback=callback))
    result = invoke("inspect")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "")


def test_as_a_process() -> None:
    done = subprocess.run([*HWSNN, "inspect", "nowhere"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("hwsnn: error: nowhere: no such model file")
    assert done.stderr.count("\n") == 1


def test_a_reader_that_leaves() -> None:
    with subprocess.Popen([*HWSNN, "inspect", "digits"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait() == 141


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs /dev/full")
def test_output_that_does_not_fit() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([*HWSNN, "inspect", "digits"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr == "hwsnn: error: No space left on device; make room, or name another place to write to\n"


def test_interrupted_midway_nothing_is_left(tmp_path: Path) -> None:
    """The images would take minutes; the scratch folder shows that the run has begun."""
    shape, count = (1, 64, 64), 4000
    weight = np.ones((512, *shape), np.int64)
    layer = dense_layer("last", weight, np.zeros(512, np.int64), 8, Integrator(NoLeak(), 24))
    save(Network("slow", shape, 8, Encoder("poisson"), 256, (layer,), "membrane"), tmp_path / "slow.safetensors")
    np.savez(tmp_path / "data.npz", x=np.zeros((count, *shape[1:]), np.uint8))
    out = tmp_path / "out"
    out.mkdir()
    args = [*HWSNN, "run", str(tmp_path / "slow.safetensors"), "--data", str(tmp_path / "data.npz")]
    with subprocess.Popen(
        [*args, "-o", str(out / "out.npz")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while process.poll() is None and not list(out.iterdir()):
            time.sleep(0.02)
        time.sleep(0.5)  # between making the folder and promising to remove it, the next run would have to
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate()
    assert (process.returncode, stdout, beside_stages(stderr)) == (130, "", "hwsnn: interrupted\n")
    assert list(out.iterdir()) == []


def test_interrupted_in_text_that_runs(tmp_path: Path) -> None:
    """As where a dataclass is defined: Python remembers that, and would end by the signal."""
    (tmp_path / "interrupted.py").write_text(
        "import click, hwsnn.cli\n"
        "command = click.Command('inspect', callback=lambda: exec('raise KeyboardInterrupt'))\n"
        "hwsnn.cli._Commands.get_command = lambda *_: command\n"
        "hwsnn.cli.main()\n"
    )
    run = [sys.executable, "-m", "interrupted", "inspect"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "hwsnn: interrupted\n")
