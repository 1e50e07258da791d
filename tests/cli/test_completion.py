"""What shells offer; in the shells that are installed here, by their own scripts."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from hwsnn.build.boards import board_names
from hwsnn.cli import SUMMARIES, cli
from hwsnn.cli.completers import COMPLETES
from hwsnn.cli.completion import SHELLS
from hwsnn.data.sets import SETS, SHIPPED
from hwsnn.planner.devices import DEVICES


def offered(*words: str) -> list[str]:
    """The values that complete the last of the words."""
    found = ShellComplete(cli, {}, "hwsnn", COMPLETES).get_completions(list(words[:-1]), words[-1])
    return [item.value for item in found]


def test_commands_and_options() -> None:
    assert offered("") == list(SUMMARIES)
    assert offered("ins") == ["inspect"]
    assert offered("board", "se") == ["selftest"]
    assert "--trace" in offered("run", "digits", "--t")


def test_models_data_boards_devices() -> None:
    assert offered("inspect", "mnist-s") == ["mnist-small", "mnist-soft-lif", "mnist-stbp", "safetensors"]
    assert set(offered("run", "digits", "--data", "")) == {*SHIPPED, *SETS, "npz"}
    assert offered("build", "digits", "--board", "") == [*board_names(), "py"]
    assert offered("board", "load", "x.bit", "--board", "zc") == ["zcu102", "zcu102-uart", "zcu104", "py"]
    assert set(offered("generate", "digits", "--device", "")) == set(DEVICES)
    assert offered("train", "digi") == ["digits", "py"]
    assert "sim:" in offered("board", "run", "digits", "--on", "")
    assert offered("completion", "") == list(SHELLS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("net.safetensors", "net two.safetensors", "net.txt", "sub/inner.safetensors"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    program = tmp_path / "bin" / "hwsnn"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nexec '{sys.executable}' -m hwsnn \"$@\"\n")
    program.chmod(0o755)
    return tmp_path


def settings_of(folder: Path) -> dict[str, str]:
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    root = str(Path(__file__).parents[2])
    return os.environ | {"PATH": path, "PYTHONPATH": root, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}


def in_shell(folder: Path, *command: str) -> list[str]:
    settings = settings_of(folder)
    done = subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


BASH = """
eval "$(hwsnn completion bash)"
compopt() { :; }  # of no use outside a completion
COMP_WORDS=(hwsnn inspect "$1"); COMP_CWORD=2
_hwsnn_completion hwsnn
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash(folder: Path) -> None:
    assert in_shell(folder, "bash", "-c", BASH, "bash", "digi") == ["digits"]
    assert in_shell(folder, "bash", "-c", BASH, "bash", "net") == ["net two.safetensors", "net.safetensors"]
    assert in_shell(folder, "bash", "-c", BASH, "bash", "su") == ["sub"]


@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")
def test_fish(folder: Path) -> None:
    script = "hwsnn completion fish | source; complete -C 'hwsnn inspect {}'"
    assert in_shell(folder, "fish", "-c", script.format("digi")) == ["digits"]
    found = {line.partition("\t")[0] for line in in_shell(folder, "fish", "-c", script.format("net"))}
    assert found == {"net.safetensors", "net two.safetensors"}


@pytest.mark.skipif(shutil.which("zsh") is None, reason="needs zsh")
def test_zsh(folder: Path) -> None:
    """It completes on a terminal alone."""
    (folder / ".zshrc").write_text(
        'PS1=; autoload -U compinit; compinit -u -D; eval "$(hwsnn completion zsh)"; print READY\n'
    )
    settings = settings_of(folder) | {"ZDOTDIR": str(folder), "TERM": "dumb"}
    ours, its = pty.openpty()
    with subprocess.Popen(["zsh", "-i"], cwd=folder, env=settings, stdin=its, stdout=its, stderr=its) as shell:
        os.close(its)
        shown = b""
        while b"READY" not in shown:
            shown += os.read(ours, 1 << 12)
        os.write(ours, b"hwsnn inspect net.\t")
        while b"inspect net.safetensors" not in shown:
            shown += os.read(ours, 1 << 12)
        shell.kill()
    os.close(ours)


def test_nothing_for_another_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(COMPLETES, "tcsh_complete")
    result = CliRunner().invoke(cli, [], prog_name="hwsnn")
    assert (result.exit_code, result.output) == (1, "")
