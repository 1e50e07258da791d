"""A board at a serial port, played by a thread behind a pseudo-terminal, in a made-up tree of Linux."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hwsnn.board_doctor import serial_port, system
from hwsnn.errors import InputError
from hwsnn.host.serial.packets import Packet
from hwsnn.interface.serial_protocol import Identity
from hwsnn.model_file.integer_file import model_hash, save
from tests.host.serial.serial_board import BAUD, NETWORK, Board, answer

IDENTITY = Identity.of(NETWORK, model_hash(NETWORK)).pack()


def reply(packet: Packet, number: int) -> list[bytes]:
    return [answer(packet)]


@pytest.fixture
def board() -> Iterator[Board]:
    board = Board(reply, IDENTITY, [])
    try:
        yield board
    finally:
        board.close()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(system, "ROOT", tmp_path / "root")
    (tmp_path / "root/proc").mkdir(parents=True)
    return system.ROOT


@pytest.fixture
def ftdi(root: Path, board: Board) -> Path:
    """As Linux shows the port of an FTDI; the folder of the port."""
    usb = root / "sys/devices/usb1/1-1"
    port = usb / "1-1:1.0" / "port"
    port.mkdir(parents=True)
    for name, text in {"idVendor": "0403", "idProduct": "6015", "product": "ULX3S FPGA", "serial": "D00123"}.items():
        (usb / name).write_text(f"{text}\n")
    (port / "latency_timer").write_text("16\n")
    (root / "sys/bus/ftdi_sio").mkdir(parents=True)
    (port / "driver").symlink_to(root / "sys/bus/ftdi_sio")
    tty = root / "sys/class/tty" / Path(board.name).name
    tty.mkdir(parents=True)
    (tty / "device").symlink_to(port)
    return port


@pytest.mark.usefixtures("ftdi")
def test_port(root: Path, board: Board) -> None:
    """All of it but the serial number; other processes that have it open."""
    for number, name, target in ((4711, "picocom", board.name), (4712, "bash", "/dev/null"), (os.getpid(), "we", "")):
        (root / f"proc/{number}/fd").mkdir(parents=True)
        (root / f"proc/{number}/comm").write_text(f"{name}\n")
        (root / f"proc/{number}/fd/3").symlink_to(target or board.name)
    (root / "proc/4713").mkdir()  # which ends meanwhile
    found = list(serial_port.port(board.name))
    assert found[:6] == [
        f"{board.name}: {Path(board.name).name}",
        "driver: ftdi_sio",
        "latency_timer, ms: 16",
        "USB idVendor: 0403",
        "USB idProduct: 6015",
        "USB product: ULX3S FPGA",
    ]
    assert found[6].startswith("mode crw")
    assert found[7] == "this user may read and may write"
    assert found[8] == "other processes that have it open: picocom (4711)"
    assert "D00123" not in "".join(found)


@pytest.mark.usefixtures("root")
def test_a_port_without_a_driver(board: Board) -> None:
    found = list(serial_port.port(board.name))
    assert found[1:3] == ["driver: none that Linux names", "latency_timer, ms: not there"]
    assert found[-1] == "other processes that have it open: none, as far as this user may see"


def test_ports_that_are_none(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert list(serial_port.port(str(file))) == [f"{file}: is no device"]
    with pytest.raises(FileNotFoundError):
        list(serial_port.port(str(root / "ttyNONE")))


def test_exchange(board: Board, tmp_path: Path) -> None:
    save(NETWORK, tmp_path / "model.safetensors")
    found = list(serial_port.exchange(board.name, BAUD, str(tmp_path / "model.safetensors")))
    assert found[:2] == [
        "2,000,000 baud, 10 requests for the identity",
        "answered: 10, corrupt packets: 0, other packets: 0",
    ]
    assert found[2].startswith("answers took ")
    digest = model_hash(NETWORK)
    held = f"the board holds {digest[:16]}, 2x3x4 pixels of 8 bits, T=2, 3 classes; 0 frames are not answered yet"
    assert found[3:] == [held, "which is the same as MODEL"]
    assert board.frames == []


def test_another_model(board: Board) -> None:
    assert list(serial_port.exchange(board.name, BAUD, "digits"))[-1] == "which is ANOTHER THAN MODEL"


def test_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_port, "ANSWER_S", 0.01)
    board = Board(reply, None, [])
    try:
        assert list(serial_port.exchange(board.name, BAUD, None))[1:] == [
            "answered: 0, corrupt packets: 0, other packets: 0",
            "no answer: is it the board's port, and has the board been loaded with its bitstream?",
        ]
    finally:
        board.close()


class NoisyBoard(Board):
    """Before every answer come a damaged packet, and a response of the protocol's version 1."""

    def _lines(self, packet: Packet) -> list[bytes]:
        damaged = bytes([*Packet(0xA1, 1, b"12345").pack()[:-2], 0xFF, 0xC0])
        return [damaged, Packet(0x9F, 0).pack(), *super()._lines(packet)]


def test_a_noisy_line() -> None:
    board = NoisyBoard(reply, IDENTITY, [3])
    try:
        found = list(serial_port.exchange(board.name, BAUD, None))
    finally:
        board.close()
    assert found[1:11] == ["a packet of version 1 of the link, not 2"] * 10
    assert found[11] == "answered: 10, corrupt packets: 10, other packets: 10"


def test_a_port_that_is_gone() -> None:
    with pytest.raises(InputError, match=r"^/dev/ttyNONE: no such port "):
        list(serial_port.exchange("/dev/ttyNONE", BAUD, None))
