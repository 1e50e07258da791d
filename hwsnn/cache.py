"""The user's cache folder: for what takes long to make and can be made again.

Programs lie there, and run as whoever built them: folders of ours are closed to everybody else, and what somebody else
could have put there is not used.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from pathlib import Path

from .errors import InputError

REMEDY = "set XDG_CACHE_HOME to a folder that can be written to"
OWN_REMEDY = "set XDG_CACHE_HOME to a folder of your own"
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
EVERY_USER = "0 0 4294967295"
"""What /proc/self/uid_map says where the numbers of users are those of the whole system."""


def cache_folder() -> Path:
    """``XDG_CACHE_HOME``, or else ``~/.cache``, whether there or not. Raises ``InputError`` where there is no home."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    try:
        # Relative ones are to be ignored, says the XDG specification.
        return Path(given) if os.path.isabs(given) else Path.home() / ".cache"
    except RuntimeError:
        raise InputError(f"there is no home folder to cache in; {REMEDY}") from None


def private_folder(name: str) -> Path:
    """``hwsnn/NAME`` in the cache folder, made if need be: ours, closed to others, and none of them can replace it.

    Raises ``InputError`` where there can be no such folder.
    """
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder = _trusted(folder.resolve())
        for part in ("hwsnn", name):
            (folder / part).mkdir(mode=0o700, exist_ok=True)
            folder = _made_private(folder / part)
    except OSError as error:
        raise InputError(
            f"{error.filename or folder}: cannot be made for caching ({error.strerror}); {REMEDY}"
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{folder}: cannot be written to, and is for caching; {REMEDY}")
    return folder


def tool_cache() -> Path:
    """Where the WebAssembly tools of PyPI keep what they compile of themselves: machine code, which they run unseen.

    For their ``XDG_CACHE_HOME``. Raises ``InputError`` as ``private_folder``.
    """
    folder = private_folder("tools")
    if not ours_alone(folder):
        shutil.rmtree(folder, ignore_errors=True)
        if not ours_alone(private_folder("tools")):
            raise InputError(f"{folder}: others could have put programs there; remove it, or {OWN_REMEDY}")
    return folder


def ours_alone(path: Path) -> bool:
    """Whether a file or folder, and all that is in it, is ours, and others cannot write to it. Links never are.

    What another process just removed does no harm.
    """
    try:
        status = path.lstat()
        if status.st_uid != os.geteuid() or status.st_mode & OTHERS_WRITE:
            return False
        return stat.S_ISREG(status.st_mode) or (stat.S_ISDIR(status.st_mode) and all(map(ours_alone, path.iterdir())))
    except FileNotFoundError:
        return True


def _made_private(path: Path) -> Path:
    """The folder ``path``, or where our own link of that name leads, closed to others. ``InputError`` if not ours."""
    _check_owner(path, path.lstat())
    folder = _trusted(path.resolve()) if path.is_symlink() else path
    status = folder.lstat()
    _check_owner(folder, status)
    if stat.S_IMODE(status.st_mode) & 0o077:
        folder.chmod(0o700)
    return folder


def _check_owner(path: Path, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        raise InputError(
            f"{path}: belongs to {_user(status.st_uid)}, who could have put programs there; remove it, or {OWN_REMEDY}"
        )


def _trusted(folder: Path) -> Path:
    """``folder``, a path without links, once it is sure that no other user can put another folder in its place.

    Raises ``InputError`` otherwise. Users may share a folder if it is sticky, as /tmp is. A group that may write is
    taken for the user's own if it is his first one, as where every user has a group to himself.
    """
    for place in (folder, *folder.parents):
        status = place.lstat()
        if not (status.st_uid in (0, os.geteuid()) or _is_unknown(status.st_uid)):
            raise InputError(
                f"{place}: belongs to {_user(status.st_uid)}, who could replace the programs cached below; {OWN_REMEDY}"
            )
        shared = status.st_mode & stat.S_IWOTH or (
            status.st_mode & stat.S_IWGRP and status.st_gid not in (0, os.getegid())
        )
        if shared and not status.st_mode & stat.S_ISVTX:
            raise InputError(
                f"{place}: others can write to it (mode {stat.S_IMODE(status.st_mode):o}), "
                f"and replace the programs cached below; {OWN_REMEDY}"
            )
    return folder


def _is_unknown(user: int) -> bool:
    """Whether ``user`` stands for whoever has no number in this container, such as the root of the system around it."""
    try:
        known = " ".join(Path("/proc/self/uid_map").read_text().split())
        return known != EVERY_USER and user == int(Path("/proc/sys/kernel/overflowuid").read_text())
    except (OSError, ValueError):
        return False


def _user(number: int) -> str:
    try:
        return f"the user {pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"user {number}"
