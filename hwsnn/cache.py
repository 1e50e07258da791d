"""The user's cache folder: for what takes long to make and can be made again."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import InputError

REMEDY = "set XDG_CACHE_HOME to a folder that can be written to"


def cache_folder() -> Path:
    """``XDG_CACHE_HOME``, or else ``~/.cache``, whether there or not. Raises ``InputError`` where there is no home."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    try:
        # Relative ones are to be ignored, says the XDG specification.
        return Path(given) if os.path.isabs(given) else Path.home() / ".cache"
    except RuntimeError:
        raise InputError(f"there is no home folder to cache in; {REMEDY}") from None


def user_cache() -> Path:
    """The cache folder: made if need be, and fit to write into.

    Our simulators lie there, and what the WebAssembly tools of PyPI compile of themselves. Raises ``InputError`` where
    there can be no such folder.
    """
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made for caching ({error.strerror}); {REMEDY}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{folder}: cannot be written to, and is for caching; {REMEDY}")
    return folder
