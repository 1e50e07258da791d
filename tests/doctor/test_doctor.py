"""``hwsnn doctor``: what is there, what is missing, how to get it, and the exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hwsnn import packages
from hwsnn.build import tools
from hwsnn.cli import cli
from hwsnn.doctor import installed, places, programs
from hwsnn.errors import InputError
from tests.support.terminal import on_a_terminal


def doctor(*args: str) -> Result:
    return CliRunner().invoke(cli, ["doctor", *args], prog_name="hwsnn")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HWSNN_DATA", str(tmp_path))
    return tmp_path / "cache"


@pytest.fixture
def vivado(monkeypatch: pytest.MonkeyPatch) -> None:
    """None, whatever this machine has."""
    monkeypatch.setattr(tools, "find_vivado", lambda: None)


@pytest.mark.usefixtures("vivado")
def test_what_this_machine_has() -> None:
    result = doctor("--json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    items = {item["name"]: item for item in report["items"]}
    assert report["missing"] == []
    assert items["verilator"]["found"] == tools.verilator_version()
    assert items["g++"]["state"] == "found"
    assert items["numpy"]["state"] == "found"
    assert items["vivado"]["state"] == "absent"
    assert "install AMD Vivado" in items["vivado"]["remedy"]
    assert items["digits"]["found"].endswith("samples.npz")
    assert items["mnist"]["state"] == "absent"
    assert "hwsnn data mnist" in items["mnist"]["remedy"]
    assert {"torch", "snntorch", "spikingjelly", "sinabs", "norse", "da4ml", "pynq", "distributed"} <= items.keys()
    assert {"yosys", "nextpnr-ecp5", "ecppack", "nextpnr-himbaechel", "openFPGALoader", "perl"} <= items.keys()


@pytest.mark.usefixtures("vivado")
def test_a_needed_program_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "which", lambda name: None if name == "g++" else "/bin/true")
    result = doctor()
    assert result.exit_code == 1
    assert (
        "g++ (compiles simulators): MISSING; install a C++ compiler (Debian, Ubuntu: apt install g++)" in result.stdout
    )
    assert result.stdout.endswith("missing, and needed: g++\n")


@pytest.mark.usefixtures("vivado")
def test_an_optional_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    there = packages.module_file
    monkeypatch.setattr(installed, "module_file", lambda name: None if name == "numba" else there(name))
    result = doctor()
    assert result.exit_code == 0
    assert "numba (run --engine compiled): absent; " in result.stdout
    assert "compiled]" in result.stdout


def test_a_program_that_is_not_found_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> tools.Tool:
        raise InputError(f"{name}: not found; pip install it")

    monkeypatch.setattr(tools, "find", find)
    found = {item.name: item for item in programs.programs()}
    assert (found["yosys"].state, found["openFPGALoader"].state) == ("MISSING", "absent")
    assert found["yosys"].remedy == "not found; pip install it"


def test_the_size_of_the_cache(cache: Path) -> None:
    item, size = places.cache()
    assert (item.state, size) == ("found", 0)
    (cache / "hwsnn" / "sub").mkdir(parents=True)
    (cache / "hwsnn" / "sub" / "file").write_bytes(b"x" * 1_500_000)
    item, size = places.cache()
    assert size == 1_500_000
    assert item.found == f"1.5 MB in {cache / 'hwsnn'}"


@pytest.mark.usefixtures("vivado")
@pytest.mark.parametrize("columns", [60, 80])
def test_it_fits(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_terminal(monkeypatch, columns)
    longest = max(doctor().stdout.split(), key=len)
    assert max(map(len, doctor().stdout.splitlines())) <= max(columns, len(longest) + 12)
