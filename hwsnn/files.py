"""Outputs that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import InputError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A path to write a file to; it takes the name ``path`` only when the block ends without an exception."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file to write")
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: is no ordinary file, and would be replaced by one; name another")
    with _scratch(path, path.absolute().parent) as scratch:
        partial = scratch / path.name
        yield partial
        os.replace(partial, path)


@contextmanager
def folder_written_whole(path: Path) -> Iterator[Path]:
    """A folder to write into; its entries move into ``path`` only when the block ends without an exception.

    What ``path`` already holds stays, unless an entry of the same name replaces it.
    """
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: is a file; name a folder to write into")
    with _scratch(path, path if path.is_dir() else path.absolute().parent) as partial:
        yield partial
        path.mkdir(exist_ok=True)
        for entry in sorted(partial.iterdir()):
            _take_place(entry, path / entry.name)


def _take_place(entry: Path, old: Path) -> None:
    """Move ``entry`` to ``old``, in the place of whatever is there."""
    if old.is_dir() and not old.is_symlink():
        shutil.rmtree(old)
    elif entry.is_dir():
        old.unlink(missing_ok=True)
    os.replace(entry, old)


@contextmanager
def _scratch(path: Path, beside: Path) -> Iterator[Path]:
    """A scratch folder in ``beside``, hence on the file system of ``path``; gone afterwards."""
    if not beside.is_dir():
        raise InputError(f"{beside}: no such folder; make it first, or name another place to write to")
    try:
        scratch = tempfile.TemporaryDirectory(prefix=".hwsnn-", dir=beside)
    except OSError as error:
        raise InputError(f"{beside}: cannot write here ({error.strerror}); name another place to write to") from None
    with scratch, needs_room(path):
        yield Path(scratch.name)


@contextmanager
def needs_room(path: Path) -> Iterator[None]:
    """A full disk while the block runs is an ``InputError`` about ``path``, where it writes."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise InputError(f"{path}: cannot be written ({error.strerror}); make room, or name another place") from None
