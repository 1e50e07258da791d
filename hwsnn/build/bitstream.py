"""What a bitstream says of itself, in its header and in the ``build.json`` and ``power.json`` beside it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

HEADER_BYTES = 4096
"""Enough for any header: it holds the names of a design and of an FPGA."""

_LATTICE = re.compile(rb"\xff\x00(?:[^\x00]+\x00)*?Part: ([^\x00]+)\x00")
"""Comments between 0xFF00 and the preamble; ecppack writes the part, such as LFE5U-85F-6CABGA381."""
_AMD = re.compile(rb"\x00\x09(?:\x0f\xf0){4}\x00\x00\x01a..[^\x00]*\x00b..([^\x00]+)\x00", re.DOTALL)
"""Fields of a letter, a length and a text: ``a`` is the design, ``b`` the part, such as xczu9eg-ffvb1156-2-e."""
_GOWIN = re.compile(rb"(?:(?://[^\n]*|[01]*)\r?\n)*?00000110[01]{24}([01]{32})\r?\n")
"""Lines of bits, each a command: 0x06 is followed by the FPGA's IDCODE. Gowin's tools put comments before them."""
GOWIN_PARTS = {0x0000081B: "GW2A-18", 0x0000281B: "GW2A-55", 0x1100481B: "GW1N-9C"}
"""By the IDCODE, as openFPGALoader knows them; packages, and what else is in them, have none of their own."""


def part_of(file: Path) -> str | None:
    """The FPGA that the bitstream is for, as its header has it; None if the file is no such bitstream.

    Raises ``OSError`` if it cannot be read.
    """
    with file.open("rb") as opened:
        head = opened.read(HEADER_BYTES)
    if gowin := _GOWIN.match(head):
        code = int(gowin[1], 2)
        return GOWIN_PARTS.get(code, f"a Gowin FPGA of IDCODE 0x{code:08x}")
    found = _LATTICE.match(head) or _AMD.match(head)
    return found[1].decode("ascii", "replace") if found else None


def is_part(part: str, device: str) -> bool:
    """Whether ``part`` is the FPGA ``device`` in some package: older tools of AMD leave out the ``xc``."""
    one, other = (name.lower().removeprefix("xc") for name in (part, device))
    return one.startswith(other)


def board_of(file: Path) -> str | None:
    """The board that the ``build.json`` beside ``file`` names for it; None if none does."""
    try:
        report = json.loads((file.parent / "build.json").read_text())
        return str(report["board"]) if Path(report["bitstream"]).name == file.name else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True)
class PowerEstimate:
    """The power in watts that Vivado estimated for a build: of the chip, and of the accelerator if it says so."""

    total_w: float
    accelerator_w: float | None


def power_of(file: Path) -> PowerEstimate | None:
    """The estimate in the ``power.json`` beside ``file``; None if none is for it, which ``build.json`` must say."""
    if board_of(file) is None:
        return None
    try:
        power = json.loads((file.parent / "power.json").read_text())
        part = power["accelerator_w"]
        return PowerEstimate(float(power["total_w"]), None if part is None else float(part))
    except (OSError, ValueError, KeyError, TypeError):
        return None
