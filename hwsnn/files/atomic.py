"""Files and folders that a user names: outputs appear whole or not at all, inputs are ordinary files."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hwsnn.errors import InputError

from .scratch import Scratch

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
MOST_LINKS = 40
"""Symbolic links that are followed, one after the other, as by Linux."""
KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def kind_of(path: Path) -> str | None:
    """What is there that is no ordinary file, in words; None for such a file, and where there is nothing."""
    try:
        return KINDS.get(stat.S_IFMT(path.stat().st_mode))
    except (FileNotFoundError, NotADirectoryError):
        return None


def require_file(path: Path, what: str, remedy: str, called: str | None = None) -> None:
    """Raise ``InputError`` unless an ordinary file is there to be read: a pipe would wait for its writer.

    ``what``: the kind of file wanted, in a word or two; ``remedy``: what to give instead; ``called``: as the user named
    it, where that is not the path.
    """
    if path.is_file():
        return
    kind = kind_of(path)
    found = f"is {kind}, not a {what}" if kind else f"no such {what}"
    raise InputError(f"{path if called is None else called}: {found}; {remedy}")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A path to write a file to; it takes the name ``path`` only when the block ends without an exception.

    Where that is a symbolic link, the file that it leads to is written, and the link stays.
    """
    place = _behind_links(path)
    if kind := kind_of(place):
        raise InputError(f"{path}: is {kind}; name a file to write")
    with _beside(path, place.absolute().parent) as scratch:
        partial = scratch / path.name
        yield partial
        os.replace(partial, place)


@contextmanager
def folder_written_whole(path: Path) -> Iterator[Path]:
    """A folder to write into; its entries move into ``path`` only when the block ends without an exception.

    What ``path`` already holds stays, unless an entry of the same name replaces it; a file replaces no folder.
    """
    place = _behind_links(path)
    if place.exists() and not place.is_dir():
        raise InputError(f"{path}: is {kind_of(place) or 'a file'}; name a folder to write into")
    with _beside(path, place if place.is_dir() else place.absolute().parent) as partial:
        yield partial
        for entry in sorted(partial.iterdir()):
            if not entry.is_dir() and (place / entry.name).is_dir():
                raise InputError(f"{path / entry.name}: is a folder; a file of that name is to be written there")
        place.mkdir(exist_ok=True)
        for entry in sorted(partial.iterdir()):
            _take_place(entry, place / entry.name)


def _behind_links(path: Path) -> Path:
    """Where the symbolic links lead, if ``path`` is one, whether anything is there or not.

    Refused are those of /proc, such as /dev/stdout: they stand for open files, which may not be replaced.
    """
    place = path
    for _ in range(MOST_LINKS):
        if not place.is_symlink():
            return place
        folder = Path(os.path.realpath(place.parent))
        if folder.is_relative_to("/proc"):
            raise InputError(f"{path}: is an open file of a program; name a file or folder to write")
        place = folder / os.readlink(place)
    raise InputError(f"{path}: is a symbolic link that leads round in a circle; name a file or folder to write")


def _take_place(entry: Path, old: Path) -> None:
    """Move ``entry`` to ``old``, in the place of whatever is there."""
    if old.is_dir() and not old.is_symlink():
        shutil.rmtree(old)
    elif entry.is_dir():
        old.unlink(missing_ok=True)
    os.replace(entry, old)


@contextmanager
def _beside(path: Path, folder: Path) -> Iterator[Path]:
    """A scratch folder in ``folder``, hence on the file system of ``path``; gone afterwards."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; make it first, or name another place to write to")
    try:
        scratch = Scratch(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot write here ({error.strerror}); name another place to write to") from None
    with scratch as partial, needs_room(path):
        yield partial


@contextmanager
def needs_room(path: Path) -> Iterator[None]:
    """A full disk while the block runs is an ``InputError`` about ``path``, where it writes."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise InputError(f"{path}: cannot be written ({error.strerror}); make room, or name another place") from None
