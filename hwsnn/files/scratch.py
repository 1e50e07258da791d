"""Folders for the time being: gone when they are no longer needed, however the process that made them ends.

A process that is killed removes nothing. So each holds a lock on its folder, which the system takes from it when it
ends, and a process that makes its first such folder in a place removes those there that nobody holds.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

ENDING = ".scratch"
"""Of the names of folders that are locked while they are used."""
_swept: set[Path] = set()
"""Where this process has looked for what others left: a folder of many outputs is not read again for each."""
_NAME = re.compile(rf"\.?hwsnn-(?:[a-z]+-)?[a-z0-9_]{{8}}{re.escape(ENDING)}")


class Scratch:
    """A new folder for us alone, until it is closed, or the block ends for which it serves as a context.

    ``beside``: the folder in which it lies, hidden, or else a word for its name among the system's temporary files.
    Raises ``OSError`` where it cannot be made.
    """

    def __init__(self, beside: Path | str) -> None:
        if isinstance(beside, str):
            folder, prefix = Path(tempfile.gettempdir()), f"hwsnn-{beside}-"
        else:
            folder, prefix = beside, ".hwsnn-"
        place = folder.absolute()
        if place not in _swept:
            _swept.add(place)
            sweep(place)
        lock = None
        while lock is None:  # another process may take it for left behind before the lock is ours
            self.path = Path(tempfile.mkdtemp(ENDING, prefix, folder))
            lock = _lock(self.path, fcntl.LOCK_SH)
        self._lock: int | None = lock

    def close(self) -> None:
        """Remove the folder and all that is in it. Doing so twice does nothing."""
        if self._lock is not None:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Path:
        return self.path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def sweep(folder: Path) -> None:
    """Remove what processes that were killed left in ``folder``: scratch folders of ours whose lock nobody holds."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if not _NAME.fullmatch(path.name) or path.lstat().st_uid != os.geteuid():
                continue
            lock = _lock(path, fcntl.LOCK_EX)
            if lock is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(lock)


def _lock(path: Path, kind: int) -> int | None:
    """The descriptor of the folder ``path`` with its lock; None where another has that, or the folder is gone.

    Nobody has to wait. Where the file system knows no locks, a folder counts as used by whoever made it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if kind == fcntl.LOCK_SH and not isinstance(error, BlockingIOError):
            return descriptor
        os.close(descriptor)
        return None
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(descriptor), path.lstat()):
            return descriptor
    os.close(descriptor)
    return None
