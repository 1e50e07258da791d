"""Outputs that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import InputError


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A path to write a file to; it takes the name ``path`` only when the block ends without an exception."""
    with _beside(path) as scratch:
        partial = scratch / path.name
        yield partial
        if path.is_dir():
            raise InputError(f"{path}: is a folder; name a file to write")
        os.replace(partial, path)


@contextmanager
def folder_written_whole(path: Path) -> Iterator[Path]:
    """A folder to write into; its entries move into ``path`` only when the block ends without an exception.

    What ``path`` already holds stays, unless an entry of the same name replaces it.
    """
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: is a file; name a folder to write into")
    with _beside(path) as scratch:
        partial = scratch / path.name
        partial.mkdir()
        yield partial
        path.mkdir(exist_ok=True)
        for entry in sorted(partial.iterdir()):
            old = path / entry.name
            if old.is_dir() and not old.is_symlink():
                shutil.rmtree(old)
            os.replace(entry, old)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A scratch folder on the same file system as ``path``, gone afterwards."""
    parent = path.absolute().parent
    if not parent.is_dir():
        raise InputError(f"{parent}: no such folder; make it first, or name another place to write to")
    try:
        scratch = tempfile.TemporaryDirectory(prefix=".hwsnn-", dir=parent)
    except OSError as error:
        raise InputError(f"{parent}: cannot write here ({error.strerror}); name another place to write to") from None
    with scratch:
        yield Path(scratch.name)
