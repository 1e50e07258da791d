"""The user's cache folder: for results that take long to make and can be made again.

It holds programs, which run as the user: so our folders in it are closed to all other users.
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
    """``XDG_CACHE_HOME``, or else ``~/.cache``; it need not exist. Raises ``InputError`` if there is no home."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    try:
        # Relative ones are to be ignored, says the XDG specification.
        return Path(given) if os.path.isabs(given) else Path.home() / ".cache"
    except RuntimeError:
        raise InputError(f"there is no home folder to cache in; {REMEDY}") from None


def private_folder(name: str) -> Path:
    """``hwsnn/NAME`` in the cache folder, made if missing: ours, closed to other users, who cannot replace it either.

    Raises ``InputError`` if there can be no such folder.
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
    """The folder for the compiled code of PyPI's WebAssembly tools: machine code, which they run without checks.

    For their ``XDG_CACHE_HOME``. Raises ``InputError`` as ``private_folder``.
    """
    folder = private_folder("tools")
    if not ours_alone(folder):
        shutil.rmtree(folder, ignore_errors=True)
        if not ours_alone(private_folder("tools")):
            raise InputError(f"{folder}: others could have put programs there; remove it, or {OWN_REMEDY}")
    return folder
