"""Scratch folders: removed when they are no longer needed, however the process that made them ends.

A process that is killed removes nothing. So each process holds a lock on its folder, which the system releases when it
ends, and a process that makes its first scratch folder in a place removes the unlocked ones there.
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
"""Suffix of the names of folders that are locked while in use."""
_swept: set[Path] = set()
"""Places where this process has already removed leftovers: a folder is not scanned again for each output."""
_NAME = re.compile(rf"\.?hwsnn-(?:[a-z]+-)?[a-z0-9_]{{8}}{re.escape(ENDING)}")


class Scratch:
    """A new private folder, until it is closed, or the block ends if it is used as a context.

    ``beside``: the folder in which it is made, hidden, or else a word for its name in the system's temporary folder.
    Raises ``OSError`` if it cannot be made.
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
        """Remove the folder and its content. Closing twice does nothing."""
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
    """Remove the leftovers of killed processes in ``folder``: our scratch folders that nobody has locked."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if not _NAME.fullmatch(path.name) or path.lstat().st_uid != os.geteuid():
                continue
            lock = _lock(path, fcntl.LOCK_EX)
            if lock is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(lock)


def _lock(path: Path, kind: int) -> int | None:
    """The descriptor of the folder ``path`` with its lock; None if another process has it, or the folder is gone.

    Never blocks. On a file system without locks, a folder counts as in use.
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
