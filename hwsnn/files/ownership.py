"""Folders that are closed to all other users: whatever is in them is ours, and nobody else could have put it there."""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from hwsnn.errors import InputError

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
EVERY_USER = "0 0 4294967295"
"""The content of /proc/self/uid_map if user ids are those of the whole system."""


@dataclass(frozen=True)
class Contents:
    """The content of a folder, and what to do if others could replace it: ends of sentences."""

    name: str
    remedy: str


def closed_folder(place: Path, *names: str, contents: Contents) -> Path:
    """The folder ``place/NAME/NAME...`` for all ``names``, each made if missing: ours, of mode 0700.

    None of them can be replaced by another user, and links on the way are resolved. Raises ``InputError`` if that is
    impossible, and ``OSError`` if a folder cannot be made.
    """
    place.mkdir(parents=True, exist_ok=True)
    folder = _trusted(place.resolve(), contents)
    for name in names:
        (folder / name).mkdir(mode=0o700, exist_ok=True)
        folder = _made_private(folder / name, contents)
    return folder


def ours_alone(path: Path) -> bool:
    """Whether a file or folder, and all its content, is ours, and others cannot write to it. Links never are.

    Entries that another process removes meanwhile are ignored.
    """
    try:
        status = path.lstat()
        if status.st_uid != os.geteuid() or status.st_mode & OTHERS_WRITE:
            return False
        return stat.S_ISREG(status.st_mode) or (stat.S_ISDIR(status.st_mode) and all(map(ours_alone, path.iterdir())))
    except FileNotFoundError:
        return True


def _made_private(path: Path, contents: Contents) -> Path:
    """The folder ``path``, or the target of our own link, closed to others. ``InputError`` if it is not ours."""
    _check_owner(path, path.lstat(), contents)
    folder = _trusted(path.resolve(), contents) if path.is_symlink() else path
    status = folder.lstat()
    _check_owner(folder, status, contents)
    if stat.S_IMODE(status.st_mode) & 0o077:
        folder.chmod(0o700)
    return folder


def _check_owner(path: Path, status: os.stat_result, contents: Contents) -> None:
    if status.st_uid != os.geteuid():
        raise InputError(
            f"{path}: belongs to {_user(status.st_uid)}, who could have put {contents.name} there; remove it, or "
            f"{contents.remedy}"
        )


def _trusted(folder: Path, contents: Contents) -> Path:
    """``folder``, a path without links, checked: no other user can put another folder in its place.

    Raises ``InputError`` otherwise. Users may share a folder if it is sticky, as /tmp is. A group that may write is
    accepted if it is the user's primary group, because many systems give every user a group of their own.
    """
    for place in (folder, *folder.parents):
        status = place.lstat()
        if not (status.st_uid in (0, os.geteuid()) or _is_unknown(status.st_uid)):
            raise InputError(
                f"{place}: belongs to {_user(status.st_uid)}, who could replace the {contents.name} below; "
                f"{contents.remedy}"
            )
        shared = status.st_mode & stat.S_IWOTH or (
            status.st_mode & stat.S_IWGRP and status.st_gid not in (0, os.getegid())
        )
        if shared and not status.st_mode & stat.S_ISVTX:
            raise InputError(
                f"{place}: others can write to it (mode {stat.S_IMODE(status.st_mode):o}), "
                f"and replace the {contents.name} below; {contents.remedy}"
            )
    return folder


def _is_unknown(user: int) -> bool:
    """Whether ``user`` is the id for users without an id in this container, such as root outside of it."""
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
