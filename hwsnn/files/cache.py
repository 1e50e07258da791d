"""The user's cache folder: for what takes long to make and can be made again.

Programs lie there, and run as whoever built them: so folders of ours are closed to everybody else.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hwsnn.errors import InputError

from .ownership import Contents, closed_folder, ours_alone

REMEDY = "set XDG_CACHE_HOME to a folder that can be written to"
OWN_REMEDY = "set XDG_CACHE_HOME to a folder of your own"
PROGRAMS = Contents("programs", OWN_REMEDY)


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
    place = cache_folder()
    try:
        folder = closed_folder(place, "hwsnn", name, contents=PROGRAMS)
    except OSError as error:
        raise InputError(
            f"{error.filename or place}: cannot be made for caching ({error.strerror}); {REMEDY}"
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
