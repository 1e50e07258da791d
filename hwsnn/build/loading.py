"""Loads a bitstream into a board by openFPGALoader."""

from __future__ import annotations

import re
from pathlib import Path

from hwsnn.errors import InputError, ToolError, reason
from hwsnn.files.atomic import require_file
from hwsnn.files.scratch import Scratch

from . import tools
from .bitstream import board_of, is_part, part_of
from .boards import Board, SerialBoard, board_names, load_board
from .process import run_tool

_COMPLAINT = re.compile(r"error|fail|unable|cannot|can't|not found|mismatch|invalid", re.IGNORECASE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def load(file: Path, board: Board, flash: bool = False) -> None:
    """Load ``file`` into ``board``, until power is lost; with ``flash``, into the memory that it starts from.

    Board and file are checked first: raises ``InputError`` if the board is none that openFPGALoader loads, if the file
    is no bitstream for its FPGA, or one for another board as far as can be told. Raises ``ToolError``, in one line, if
    the loader fails.
    """
    if not isinstance(board, SerialBoard) or board.loader is None:
        others = ", ".join(name for name in board_names(SerialBoard) if load_board(name, SerialBoard).loader)
        why = "loader is not given in its file" if isinstance(board, SerialBoard) else "its own processor loads it"
        raise InputError(f"{board.name}: is not loaded by openFPGALoader: {why}; {others} are")
    if flash and not board.starts_from_flash:
        raise InputError(f"{board.name}: does not start from a flash memory that is loaded this way; leave out --flash")
    check(file, board)
    tool = tools.find("openFPGALoader")
    with Scratch("load") as folder:
        log = folder / "said"
        try:
            # By its full path: the loader runs in a folder of its own.
            arguments = ["--board", board.loader, "--write-flash" if flash else "--write-sram", str(file.absolute())]
            run_tool(tool, arguments, folder, log)
        except ToolError as error:
            raise ToolError(f"{board.name}: not loaded: {_complaint(log) or error.summary}{_advice(log)}") from None


def check(file: Path, board: SerialBoard) -> None:
    """Raise ``InputError`` unless ``file`` is a bitstream for ``board``, as far as it and its ``build.json`` tell."""
    right = f"give the {board.bitstream_ending} file that hwsnn build --board {board.name} made"
    require_file(file, "bitstream", right)
    try:
        size, part = file.stat().st_size, part_of(file)
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({reason(error)}); {right}") from None
    if not size:
        raise InputError(f"{file}: is empty; {right}")
    if part is None or file.suffix != board.bitstream_ending:
        raise InputError(f"{file}: is no bitstream for the {board.fpga} of {board.title}; {right}")
    if not is_part(part, board.fpga):
        raise InputError(f"{file}: is a bitstream for {part}, and {board.title} has {board.fpga}; {right}")
    built_for = board_of(file)
    if built_for not in (None, board.name):
        raise InputError(f"{file}: was built for {built_for}, as its build.json says; {right}")


def _complaint(log: Path) -> str:
    """The first line of the loader's output that says what went wrong, else its last one; empty if there is none."""
    lines = [_COLOUR.sub("", line).strip() for line in log.read_text(errors="replace").splitlines()]
    said = [line for line in lines if line]
    return next((line for line in said if _COMPLAINT.search(line)), said[-1] if said else "")


def _advice(log: Path) -> str:
    """The program from PyPI takes libraries from the system."""
    lacks = "error while loading shared libraries" in log.read_text(errors="replace")
    return "; install it (Debian, Ubuntu: apt install libftdi1-2 libusb-1.0-0)" if lacks else ""
