"""Our own record of the bitstream that is loaded into the board that this program runs on, and of the boot it is of.

PYNQ keeps a record too, but takes that of an earlier boot for today's. Ours lies where root alone writes: what it says
decides whether registers are touched that may not be there.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from hwsnn.errors import InputError
from hwsnn.files import written_whole

FOLDER = Path("/var/lib/hwsnn")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Where Linux says which boot this is: another text after every start."""
FILE, LINKS = "loaded.json", "links"


@dataclass(frozen=True)
class Loaded:
    """The bitstream that was loaded, and whether that was after the board was started last."""

    bitstream: str
    since_boot: bool


def forget() -> None:
    """From now on nothing is known to be loaded. Raises as ``_own_folder`` does, like all of these."""
    (_own_folder() / FILE).unlink(missing_ok=True)


def remember(bitstream: Path) -> None:
    """``bitstream`` is loaded."""
    record = {"boot_id": _boot_id(), "bitstream": str(bitstream)}
    with written_whole(_own_folder() / FILE) as partial:
        partial.write_text(json.dumps(record) + "\n")


def last() -> Loaded | None:
    """What was loaded last; None where nothing is known to have been."""
    try:
        record = json.loads((_own_folder() / FILE).read_text())
        return Loaded(str(record["bitstream"]), record["boot_id"] == _boot_id())
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def linked(bitstream: Path) -> Path:
    """A link to ``bitstream``, an absolute path, with one to its .hwh beside it and nothing else of its name.

    PYNQ reads the file that its record names before it loads the next one, and takes two at one path for the same: so
    the links stay, each at a path of its own.
    """
    folder = (_own_folder() / LINKS).joinpath(*bitstream.parent.parts[1:])
    folder.mkdir(parents=True, exist_ok=True)
    for file in (bitstream, bitstream.with_suffix(".hwh")):
        link = folder / file.name
        link.unlink(missing_ok=True)
        link.symlink_to(file)
    return folder / bitstream.name


def _boot_id() -> str:
    return BOOT_ID.read_text().strip()


def _own_folder() -> Path:
    """``FOLDER``, made if need be. ``InputError`` where others could write there, ``PermissionError`` for others."""
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = FOLDER.lstat()
    if found.st_uid == 0 != os.geteuid():
        raise PermissionError(f"{FOLDER} is root's")
    others_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or others_write:
        raise InputError(f"{FOLDER}: must be a folder of root's that nobody else writes to; remove it")
    return FOLDER
