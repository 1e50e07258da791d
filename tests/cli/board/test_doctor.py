"""``hwsnn board doctor``: a file that says all, and a board that is left as it is."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from hwsnn.board_doctor import system
from hwsnn.cli import cli
from hwsnn.host import hwmon
from hwsnn.host.dma import load_record
from hwsnn.host.dma.accelerator import DmaAccelerator
from hwsnn.model_file.integer_file import model_hash
from tests.cli.board.played import board_command
from tests.cli.test_cli import expect_refusal
from tests.host.serial.serial_board import NETWORK, Board
from tests.support.hwmon_tree import zcu102_tree
from tests.support.linux_tree import zcu102_linux
from tests.support.soft_board import SoftBoard, SoftBus
from tests.support.stage_lines import beside_stages

SECTIONS = ["versions", "system", "board", "memory", "logic", "clocks", "power monitors", "PYNQ", "bitstream", "design"]
SECTIONS += ["kernel log"]
DIGEST = model_hash(NETWORK)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(system, "ROOT", tmp_path / "root")
    zcu102_linux(system.ROOT)
    return system.ROOT


@pytest.fixture
def bitstream(folder: Path, zcu102: SoftBoard) -> Path:
    """That which the board holds, as a build leaves it."""
    (folder / "small.bit").write_bytes(b"bits")
    (folder / "small.hwh").write_bytes(b"description")
    (folder / "build.json").write_text(
        json.dumps({"bitstream": "out/small.bit", "board": "zcu102", "model_sha256": DIGEST, "timing_met": True})
    )
    return folder / "small.bit"


def doctor(folder: Path, address: str, *options: str) -> tuple[Result, dict[str, str]]:
    """The command's result, and the sections of its file."""
    file = folder / "report.txt"
    arguments = ["board", "doctor", "--on", address, "-o", str(file), *options]
    result = CliRunner().invoke(cli, arguments, prog_name="hwsnn")
    assert (result.exit_code, beside_stages(result.stderr)) == (0, "")
    _, *sections = file.read_text().split("\n== ")
    return result, dict(section.split(" ==\n", 1) for section in sections)


@pytest.mark.usefixtures("root")
def test_a_zcu102(folder: Path, zcu102: SoftBoard, bitstream: Path) -> None:
    """After some frames: all is read, and nothing is written."""
    with DmaAccelerator(SoftBus(zcu102), NETWORK, 5.0) as board:
        board.infer(np.zeros((3, *NETWORK.frame_shape), np.uint8))
    zcu102_tree(hwmon.ROOT)
    zcu102.written.clear()
    result, found = doctor(folder, f"zcu102:{bitstream}", str(folder / "model.safetensors"))
    assert zcu102.written == []
    assert result.stdout == f"{folder}/report.txt: 12 sections\n"
    assert [*found] == [*SECTIONS[:2], "MODEL", *SECTIONS[2:]]
    assert found["MODEL"] == f"small, 2x3x4, T=2, 3 classes\nSHA-256 {DIGEST}\n"
    bits, hwh = (hashlib.sha256(content).hexdigest() for content in (b"bits", b"description"))
    assert found["bitstream"].splitlines()[:5] == [
        f"small.bit: 4 bytes, SHA-256 {bits}",
        "its header names: no FPGA: it is no bitstream",
        f"small.hwh: 11 bytes, SHA-256 {hwh}",
        "build.json, board: zcu102",
        f"build.json, model_sha256: {DIGEST}",
    ]
    design = found["design"]
    assert design.startswith("accelerator at 0xA0000000, DMA at 0xA0010000\nID           0x4E535748 ")
    assert "\nCLASSES      0x00000003 3\n" in design
    assert "\nFRAMES       0x0000000000000003 3\n" in design
    assert "\nSTATUS       0x00000000 0, RESETTING 0, SENDING 0, RECEIVING 0, BUSY 0\n" in design
    assert f"\nmodel by the registers: {DIGEST}\nwhich is the same as MODEL's\n" in design
    assert (
        len(re.findall(r"^(CONTROL|STATUS|CURRENT|CURRENT_HIGH|TAIL|TAIL_HIGH) +0x\w{8}$", design, re.MULTILINE)) == 12
    )
    assert design.count("its state: ") == 2
    assert "block dma at 0xA0010000" in found["PYNQ"]
    assert "fclk0: 99.999 MHz" in found["PYNQ"]
    assert "ina226_u79, 0.7375 W" in found["power monitors"]
    assert "ZynqMP ZCU102 Rev1.0" in found["board"]
    assert "xilinx-axidma a0010000.dma: probed" in found["kernel log"]


@pytest.mark.usefixtures("root")
def test_nothing_private(folder: Path, zcu102: SoftBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HWSNN_TOKEN", "hunter2")
    load_record.remember(Path("/home/maker/small.bit"))
    doctor(folder, "zcu102")
    text = (folder / "report.txt").read_text()
    for secret in ("hunter2", "maker", "token", "00:0a:35"):
        assert secret not in text


@pytest.mark.usefixtures("root")
def test_another_model_and_a_dma_that_failed(folder: Path, zcu102: SoftBoard, bitstream: Path) -> None:
    zcu102.accelerator.constants["MODEL_HASH_3"] ^= 1
    zcu102.spoil[0xA001_0004] = lambda value: value & ~0x3 | 0x41
    _, found = doctor(folder, "zcu102", str(folder / "model.safetensors"))
    assert "\nwhich is ANOTHER THAN MODEL's\n" in found["design"]
    assert "\nits state: HALTED, DMADecErr: no memory at a buffer's address\n" in found["design"]
    assert found["bitstream"].startswith("small.bit: 4 bytes")


@pytest.mark.usefixtures("root")
def test_no_accelerator(folder: Path, zcu102: SoftBoard) -> None:
    """Nothing but the first register is read of what is no accelerator."""
    zcu102.accelerator.constants["ID"] = 0xDEAD_BEEF
    _, found = doctor(folder, "zcu102")
    assert "ID reads 0xDEADBEEF, not 0x4E535748: no hwsnn accelerator; its other registers" in found["design"]
    assert "CLASSES" not in found["design"]


@pytest.mark.usefixtures("root")
def test_registers_that_may_not_be_there(
    folder: Path, zcu102: SoftBoard, bitstream: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are left alone, and the rest is told."""

    def touched(address: int) -> int:
        raise AssertionError("a register was read")

    monkeypatch.setattr(zcu102, "read", touched)
    other = bitstream.with_name("other.bit")
    other.touch()
    why = "could not be read: registers were not touched, as {} is not known to be loaded, and a read that "
    for address, reason in (
        (f"zcu102:{other}", why.format("other.bit")),
        (f"zcu102:{folder}/none.bit", why.format("none.bit")),
    ):
        result, found = doctor(folder, address)
        assert found["design"].startswith(reason)
        assert result.stdout.endswith("; could not be read: design\n")
    load_record.BOOT_ID.write_text("the next boot\n")
    for address, reason in (
        (f"zcu102:{bitstream}", why.format("small.bit")),
        ("zcu102", "could not be read: zcu102: hwsnn has loaded no bitstream since the board was started; "),
    ):
        _, found = doctor(folder, address)
        assert found["design"].startswith(reason)
        assert found["bitstream"].startswith("small.bit: 4 bytes")
    assert [*found] == SECTIONS


def test_a_computer_that_is_no_board(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither PYNQ nor any file is there; MODEL cannot be read. There is a report all the same."""
    monkeypatch.setattr(system, "ROOT", tmp_path / "nothing")
    monkeypatch.setattr(load_record, "FOLDER", tmp_path / "hwsnn")
    result, found = doctor(folder, "kv260", str(folder / "none.safetensors"))
    failed = "system, MODEL, memory, clocks, PYNQ, design, kernel log"
    assert result.stdout == f"{folder}/report.txt: 12 sections; could not be read: {failed}\n"
    assert "could not be read: No module named 'pynq'" in found["PYNQ"]
    assert found["bitstream"] == "none is named, and none is known to be loaded\n"


@pytest.mark.usefixtures("root")
def test_a_serial_port(folder: Path, board: Board) -> None:
    result, found = doctor(folder, f"serial:{board.name}", str(folder / "model.safetensors"), "--baud", "1000000")
    assert [*found] == ["versions", "system", "MODEL", "port", "identity", "kernel log"]
    assert "answered: 10, corrupt packets: 0" in found["identity"]
    assert found["identity"].startswith("1,000,000 baud")
    assert found["identity"].endswith("which is the same as MODEL\n")
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("address", "options", "message"),
    [
        ("nowhere", (), "nowhere: not an address of a board; those are "),
        ("zcu102:", (), "zcu102:: not an address of a board; those are "),
        ("serial", (), "serial: lacks the port; such as serial:/dev/ttyUSB0"),
        ("zcu102", ("--baud", "9600"), "zcu102: bits per second are for a serial port only; not 9600"),
        ("sim", (), "sim: must have one model, after sim: or as MODEL, not 0"),
        ("sim:digits", ("digits",), "sim:digits: must have one model, after sim: or as MODEL, not 2"),
    ],
)
def test_addresses_that_are_none(folder: Path, address: str, options: tuple[str, ...], message: str) -> None:
    """There is no file then."""
    file = folder / "report.txt"
    arguments = ["board", "doctor", "--on", address, "-o", str(file), *options]
    expect_refusal(CliRunner().invoke(cli, arguments, prog_name="hwsnn"), message)
    assert not file.exists()


def test_no_input_is_overwritten(folder: Path, bitstream: Path) -> None:
    model = folder / "model.safetensors"
    before = model.read_bytes()
    result = board_command("doctor", folder, "zcu102", "-o", str(model))
    expect_refusal(result, f"{model}: is the MODEL itself; name another file to write")
    assert model.read_bytes() == before
    result = board_command("doctor", folder, f"zcu102:{bitstream}", "-o", str(bitstream))
    expect_refusal(result, f"{bitstream}: is the file at ADDRESS itself; name another file to write")
