"""numba, with its cache of machine code in our own folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

from hwsnn.files.cache import tool_cache


def _cache() -> Path:
    """A folder for these very sources: numba looks at the file of a function alone, not at those that it calls."""
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return tool_cache() / f"numba-{digest.hexdigest()[:16]}"


_CACHE = str(_cache())


def compiled(function: Callable[..., Any]) -> Any:
    """``function`` as machine code, made at its first call or taken from the cache; other threads run beside it."""
    elsewhere = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = _CACHE  # read here, once for each function: those of other programs keep their own place
    try:
        return numba.njit(nogil=True, cache=True)(function)
    finally:
        numba.config.CACHE_DIR = elsewhere


def inlined(function: Callable[..., Any]) -> Any:
    """``function`` as a part of the compiled ones that call it: a call costs as much as a short loop."""
    return numba.njit(nogil=True, forceinline=True)(function)
