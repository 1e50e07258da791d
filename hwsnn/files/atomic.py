"""Files and folders that a user names: outputs are atomic, inputs are regular files."""

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
"""Maximum number of symbolic links that are followed, as in Linux."""
KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def kind_of(path: Path) -> str | None:
    """The kind of a path that is not a regular file, in words; None for a regular file, and for a missing one."""
    try:
        return KINDS.get(stat.S_IFMT(path.stat().st_mode))
    except (FileNotFoundError, NotADirectoryError):
        return None


def require_file(path: Path, what: str, remedy: str, called: str | None = None) -> None:
    """Raise ``InputError`` unless ``path`` is a regular file: a pipe would block until its writer comes.

    ``what``: the expected kind of file, in a word or two; ``remedy``: what to give instead; ``called``: the user's name
    for it, if that is not the path.
    """
    if path.is_file():
        return
    kind = kind_of(path)
    found = f"is {kind}, not a {what}" if kind else f"no such {what}"
    raise InputError(f"{path if called is None else called}: {found}; {remedy}")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path to write a file to; it is renamed to ``path`` when the block ends without an exception.

    If ``path`` is a symbolic link, the file that it points to is written, and the link stays.
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
    """A temporary folder to write into; its entries move into ``path`` when the block ends without an exception.

    Existing entries of ``path`` stay, unless an entry of the same name replaces them; a file replaces no folder.
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
    """The target of the symbolic links, if ``path`` is one, whether it exists or not.

    Links of /proc, such as /dev/stdout, are refused: they stand for open files, which must not be replaced.
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
    """Move ``entry`` to ``old``, and replace it."""
    if old.is_dir() and not old.is_symlink():
        shutil.rmtree(old)
    elif entry.is_dir():
        old.unlink(missing_ok=True)
    os.replace(entry, old)


@contextmanager
def _beside(path: Path, folder: Path) -> Iterator[Path]:
    """A scratch folder in ``folder``, hence on the file system of ``path``; removed afterwards."""
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
    """Turn a full disk in the block into an ``InputError`` about ``path``, its output."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise InputError(f"{path}: cannot be written ({error.strerror}); make room, or name another place") from None
