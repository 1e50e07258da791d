"""The user's cache folder: for what takes long to make and can be made again."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import InputError


def user_cache() -> Path:
    """``XDG_CACHE_HOME``, or else ``~/.cache``: made if need be, and fit to write into.

    Our simulators lie there, and what the WebAssembly tools of PyPI compile of themselves. Raises ``InputError`` where
    there can be no such folder.
    """
    given = os.environ.get("XDG_CACHE_HOME", "")
    remedy = "set XDG_CACHE_HOME to a folder that can be written to"
    try:
        # Relative ones are to be ignored, says the XDG specification.
        folder = Path(given) if os.path.isabs(given) else Path.home() / ".cache"
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made for caching ({error.strerror}); {remedy}") from None
    except RuntimeError:
        raise InputError(f"there is no home folder to cache simulators and tools in; {remedy}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{folder}: cannot be written to, and is for caching; {remedy}")
    return folder
