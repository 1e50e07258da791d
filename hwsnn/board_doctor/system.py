"""What Linux says of the board: system, memory, logic, clocks, and the kernel's log."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hwsnn.errors import reason
from hwsnn.host import hwmon
from hwsnn.host.dma import load_record
from hwsnn.version import __version__

ROOT = Path("/")
"""The folder that all these files are in."""
PACKAGES = ("numpy", "pynq", "pyserial", "safetensors", "click")
MEMORY = ("MemTotal", "MemAvailable", "CmaTotal", "CmaFree")
MOST_LOG_LINES = 60
RECORD_BYTES = 8192
"""Room for a record of the kernel's log: Linux gives none longer."""
_CLOCKS = re.compile(r"\s*(pl\d|fclk\d)")
"""The clocks of the logic in Linux's summary: pl0_ref of a Zynq UltraScale+, fclk0 of a Zynq-7000."""
_CONCERNS = re.compile(r"xilinx|xlnx|zynq|dma|fpga|zocl|cma|axi|ina2\d\d|ttyUSB|ttyACM|ftdi|cp210", re.IGNORECASE)
_RECORD = re.compile(r"\d+,\d+,(\d+),[^;]*;(.*)")
"""A record of /dev/kmsg: priority, number, microseconds, flags; text."""


def versions() -> Iterator[str]:
    """Of hwsnn, Python, packages and Linux."""
    yield f"hwsnn {__version__}, Python {platform.python_version()}, {platform.machine()}"
    for package in PACKAGES:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            yield f"{package}: not installed"
    yield said("Linux", "proc/sys/kernel/osrelease")
    yield said("its build", "proc/sys/kernel/version")
    yield said("zocl, XRT's driver", "sys/module/zocl/version")
    yield f"XRT: {_xrt()}"


def image() -> Iterator[str]:
    """The system's own name, and the release of PYNQ's image."""
    for line in text("etc/os-release").splitlines():
        if line.startswith(("PRETTY_NAME=", "VERSION=")):
            yield line
    for place in ("home/xilinx/REVISION", "boot/REVISION"):
        with contextlib.suppress(OSError):
            for line in text(place).splitlines():
                yield f"PYNQ's REVISION: {' '.join(line.split()[:3])}"  # what follows is an address
            return
    yield "no REVISION of PYNQ's images"


def board() -> Iterator[str]:
    """What Linux calls it: its device tree."""
    for name in ("model", "compatible", "chosen/pynq_board"):
        yield said(name, f"proc/device-tree/{name}")


def memory() -> Iterator[str]:
    """In all, and what is contiguous (CMA), which buffers for the DMA are made of."""
    found = dict(line.partition(":")[::2] for line in text("proc/meminfo").splitlines())
    for name in MEMORY:
        yield f"{name}: {found.get(name, 'not there').strip()}"


def logic() -> Iterator[str]:
    """The state of the FPGA's manager, and what hwsnn loaded last."""
    managers = sorted((ROOT / "sys/class/fpga_manager").glob("fpga*"))
    for manager in managers:
        for name in ("name", "state", "status", "flags"):
            yield said(f"{manager.name}/{name}", f"sys/class/fpga_manager/{manager.name}/{name}")
    if not managers:
        yield "no FPGA manager"
    last = load_record.last()
    if last is None:
        yield "hwsnn's record: nothing is known to be loaded"
    else:
        when = "since the board was started" if last.since_boot else "before the board was started, so no longer"
        yield f"hwsnn's record: {Path(last.bitstream).name}, loaded {when}"


def clocks() -> Iterator[str]:
    """Those of the logic, as Linux set them."""
    lines = text("sys/kernel/debug/clk/clk_summary").splitlines()
    found = [line for line in lines if _CLOCKS.match(line)]
    yield from lines[:2] if found else ["none is called pl0 or fclk0"]
    yield from found


def power_monitors() -> Iterator[str]:
    """Each with its power, and the names of all other sensors."""
    there = hwmon.monitors()
    for monitor in there:
        try:
            power = f"{monitor.watts():.6g} W"
        except hwmon.MonitorError as error:
            power = str(error)
        yield f"{monitor.folder.name}: {monitor.name}, {power}, every {monitor.interval_s * 1e3:g} ms"
    powers = {monitor.folder for monitor in there}
    others = [folder for folder in sorted(hwmon.ROOT.glob("hwmon*")) if folder not in powers]
    yield f"{len(there)} power monitors, {len(others)} others: {', '.join(map(_name, others)) or 'none'}"


def kernel_log() -> Iterator[str]:
    """The last lines that concern the logic, the DMA and serial ports; not the command line, which may have secrets."""
    found = []
    for line in _records():
        if (match := _RECORD.match(line)) and _CONCERNS.search(match[2]) and "ommand line" not in match[2]:
            found.append(f"[{int(match[1]) / 1e6:12.6f}] {match[2]}")
    yield from found[-MOST_LOG_LINES:]
    yield f"({min(len(found), MOST_LOG_LINES)} of {len(found)} lines that concern)"


def text(place: str) -> str:
    """The content of a file below ``ROOT``; raises ``OSError``. Texts of the device tree end with a zero byte."""
    return (ROOT / place).read_bytes().decode(errors="replace").rstrip("\0\n").replace("\0", ", ")


def said(label: str, place: str) -> str:
    """A line: ``label``, and the content of a small file, or why it cannot be read."""
    try:
        return f"{label}: {text(place)}"
    except OSError as error:
        return f"{label}: not there" if error.errno == errno.ENOENT else f"{label}: cannot be read ({reason(error)})"


def _xrt() -> str:
    try:
        found = json.loads(text("opt/xilinx/xrt/version.json"))
        return f"{found['BUILD_VERSION']}, {found.get('BUILD_BRANCH')}"
    except (OSError, ValueError, KeyError, TypeError):
        pass
    with contextlib.suppress(OSError):
        for entry in text("var/lib/dpkg/status").split("\n\n"):
            name, *fields = entry.splitlines() or [""]
            if name == "Package: xrt":
                return next((line for line in fields if line.startswith("Version: ")), "of some version")
    return "neither version.json nor a package of this name"


def _name(folder: Path) -> str:
    try:
        return (folder / "name").read_text().strip()
    except (OSError, ValueError):
        return folder.name


def _records() -> Iterator[str]:
    """The lines of the kernel's log, each read gives a record of it."""
    opened = os.open(ROOT / "dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    try:
        while True:
            try:
                record = os.read(opened, RECORD_BYTES)
            except BlockingIOError:
                return
            except BrokenPipeError:  # it was overwritten meanwhile; the next read goes on behind it
                continue
            if not record:
                return
            yield from record.decode(errors="replace").splitlines()
    finally:
        os.close(opened)
