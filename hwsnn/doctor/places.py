"""The data sets that can be found by their words, and the cache folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from hwsnn.data.resolve import resolve
from hwsnn.data.sets import SETS, SHIPPED
from hwsnn.errors import InputError
from hwsnn.files.cache import cache_folder

from .item import Item


def data_sets() -> Iterator[Item]:
    """Each word, and where ``--data`` finds it."""
    for word in (*SHIPPED, *SETS):
        title = f"as DATA: {SETS[word].title}" if word in SETS else "as DATA: ships with hwsnn"
        try:
            path = resolve(word, "test").path
            if not path.exists():
                raise InputError(f"{word}: {path} is missing; install hwsnn again")
            yield Item("data", word, title, word in SHIPPED, str(path))
        except InputError as error:
            yield Item("data", word, title, word in SHIPPED, None, str(error).removeprefix(f"{word}: "))


def cache() -> tuple[Item, int]:
    """The folder of what can be made again, and its size in bytes; 0 where there is none yet."""
    purpose = "compiled simulators, tools and data sets"
    try:
        folder = cache_folder() / "hwsnn"
    except InputError as error:
        return Item("cache", "folder", purpose, True, None, str(error)), 0
    writable = next(place for place in (folder, *folder.parents) if place.exists())
    if not os.access(writable, os.W_OK | os.X_OK):
        remedy = f"{writable} cannot be written to; set XDG_CACHE_HOME to a folder that can be written to"
        return Item("cache", "folder", purpose, True, None, remedy), 0
    size = _size(folder)
    return Item("cache", "folder", purpose, True, f"{size / 1e6:,.1f} MB in {folder}"), size


def _size(folder: Path) -> int:
    """Bytes of all files below ``folder``; what other processes remove meanwhile counts nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except FileNotFoundError:
                continue
    return total
