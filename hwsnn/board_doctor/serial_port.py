"""A board at a serial port: the port as Linux knows it, and requests that every board answers."""

from __future__ import annotations

import contextlib
import grp
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from hwsnn.host.serial.handshake import identity_text
from hwsnn.host.serial.packets import Packet
from hwsnn.host.serial.port import SerialPort, open_port
from hwsnn.interface.serial_protocol import INTERFACE_VERSION, Identity, PacketKind, version_of
from hwsnn.model_file.by_name import load_model
from hwsnn.model_file.integer_file import model_hash

from . import system

REQUESTS = 10
ANSWER_S = 0.25
"""How long the answer to a request may take, in seconds."""
USB = ("idVendor", "idProduct", "product", "bcdDevice")
"""What is told of a USB device; not its serial number."""


def port(name: str) -> Iterator[str]:
    """The port ``name``: its driver, its latency, who may open it, and who has."""
    file = Path(name)
    state = file.stat()
    device = file.resolve()
    if not stat.S_ISCHR(state.st_mode):
        yield f"{name}: is no device"
        return
    yield f"{name}: {device.name}"
    tty = system.ROOT / "sys/class/tty" / device.name / "device"
    driver = tty / "driver"
    yield f"driver: {driver.resolve().name if driver.exists() else 'none that Linux names'}"
    yield system.said("latency_timer, ms", f"sys/class/tty/{device.name}/device/latency_timer")
    yield from _usb(tty.resolve())
    yield f"mode {stat.filemode(state.st_mode)}, group {_group(state.st_gid)}"
    may = {True: "may", False: "may not"}
    yield f"this user {may[os.access(file, os.R_OK)]} read and {may[os.access(file, os.W_OK)]} write"
    holders = sorted(_holders(device))
    yield f"other processes that have it open: {', '.join(holders) or 'none, as far as this user may see'}"


def exchange(name: str, baud: int, model: str | None) -> Iterator[str]:
    """Ask for the board's identity, several times."""
    yield f"{baud:,} baud, {REQUESTS} requests for the identity"
    counted = {"answered": 0, "corrupt packets": 0, "other packets": 0}
    times: list[float] = []
    identity = b""
    with open_port(name, baud) as line:
        for sequence in range(REQUESTS):
            start = time.monotonic()
            for packet in _answers(line, sequence):
                if packet is None:
                    counted["corrupt packets"] += 1
                elif packet.kind == PacketKind.IDENTITY_ANSWER and packet.sequence == sequence:
                    counted["answered"] += 1
                    times.append(time.monotonic() - start)
                    identity = packet.payload
                else:
                    counted["other packets"] += 1
                    if version_of(packet.kind) != INTERFACE_VERSION:
                        yield f"a packet of version {version_of(packet.kind)} of the link, not {INTERFACE_VERSION}"
    yield ", ".join(f"{name}: {count}" for name, count in counted.items())
    if not times:
        yield "no answer: is it the board's port, and has the board been loaded with its bitstream?"
        return
    yield f"answers took {min(times) * 1e3:.1f} to {max(times) * 1e3:.1f} ms"
    found = Identity.unpack(identity[1:-1])
    yield f"the board holds {identity_text(found)}; {identity[-1]} frames are not answered yet"
    if model is not None:
        network = load_model(model)
        same = found == Identity.of(network, model_hash(network))
        yield f"which is {'the same as' if same else 'ANOTHER THAN'} MODEL"


def _answers(line: SerialPort, sequence: int) -> Iterator[Packet | None]:
    """What comes after a request, until it is answered, or for ``ANSWER_S``."""
    line.send(Packet(PacketKind.IDENTITY_REQUEST, sequence))
    deadline = time.monotonic() + ANSWER_S
    while time.monotonic() < deadline:
        for packet in line.receive():
            yield packet
            if packet and packet.kind == PacketKind.IDENTITY_ANSWER and packet.sequence == sequence:
                return


def _usb(device: Path) -> Iterator[str]:
    """The USB device that a port belongs to: the nearest folder above it with a vendor."""
    for folder in (device, *device.parents):
        if (folder / "idVendor").is_file():
            for name in USB:
                with contextlib.suppress(OSError):
                    yield f"USB {name}: {(folder / name).read_text(errors='replace').strip()}"
            return


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _holders(device: Path) -> Iterator[str]:
    """Processes that have ``device`` open, but this one."""
    for process in (system.ROOT / "proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        with contextlib.suppress(OSError):
            if any(_leads_to(link, device) for link in (process / "fd").iterdir()):
                yield f"{(process / 'comm').read_text().strip()} ({process.name})"


def _leads_to(link: Path, device: Path) -> bool:
    try:
        return os.readlink(link) == str(device)
    except OSError:
        return False
