"""Our own record of the bitstream that is loaded into this board, and of the boot in which it was loaded.

PYNQ keeps a record too, but does not notice a reboot. Ours is in a folder that only root can write: it decides whether
registers are accessed that may not exist.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from hwsnn.errors import InputError
from hwsnn.files.atomic import written_whole
from hwsnn.files.ownership import OTHERS_WRITE, Contents, closed_folder

FOLDER = Path("/var/lib/hwsnn")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Linux's id of this boot: another text after every start."""
FILE, LINKS = "loaded.json", "links"
RECORDS = Contents("records of what is loaded", "let root alone write there")


@dataclass(frozen=True)
class Loaded:
    """The bitstream that was loaded, and whether that was in the present boot."""

    bitstream: str
    since_boot: bool


def forget() -> None:
    """Record that nothing is known to be loaded. Raises as ``_own_folder`` does, like all of these."""
    (_own_folder() / FILE).unlink(missing_ok=True)


def remember(bitstream: Path) -> None:
    """Record that ``bitstream`` is loaded."""
    record = {"boot_id": _boot_id(), "bitstream": str(bitstream)}
    with written_whole(_own_folder() / FILE) as partial:
        partial.write_text(json.dumps(record) + "\n")


def last() -> Loaded | None:
    """The last record; None if there is none."""
    try:
        record = json.loads((_own_folder() / FILE).read_text())
        return Loaded(str(record["bitstream"]), record["boot_id"] == _boot_id())
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def linked(bitstream: Path) -> Path:
    """A link to ``bitstream``, an absolute path, with one to its .hwh beside it and nothing else of its name.

    PYNQ reads the file that its record names before it loads the next one, and confuses two at one path: so
    the links stay, each at its own path. ``InputError`` if that would not be in our folder.
    """
    links = _own_folder(LINKS)
    wanted = links.joinpath(*bitstream.parent.parts[1:]).resolve()
    if not wanted.is_relative_to(links):
        raise InputError(f"{bitstream}: its links would be in {wanted}, outside of {links}; remove that folder")
    folder = _own_folder(LINKS, *wanted.relative_to(links).parts)
    for file in (bitstream, bitstream.with_suffix(".hwh")):
        link = folder / file.name
        link.unlink(missing_ok=True)
        link.symlink_to(file)
    return folder / bitstream.name


def _boot_id() -> str:
    return BOOT_ID.read_text().strip()


def _own_folder(*below: str) -> Path:
    """``FOLDER``, or the one ``below`` it, made if need be, closed to others; a record that they could write goes.

    Raises ``InputError`` if they could replace it, ``PermissionError`` for others than root.
    """
    was_open = False
    if FOLDER.exists():
        if FOLDER.lstat().st_uid == 0 != os.geteuid():
            raise PermissionError(f"{FOLDER} is root's")
        was_open = bool(FOLDER.stat().st_mode & OTHERS_WRITE)
    try:
        folder = closed_folder(FOLDER.parent, FOLDER.name, *below, contents=RECORDS)
    except FileExistsError as error:
        raise InputError(f"{error.filename}: must be a folder; remove it") from None
    if was_open:
        (FOLDER / FILE).unlink(missing_ok=True)
    return folder
