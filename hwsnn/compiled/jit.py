"""numba, with its cache of machine code in our own folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

def compiled(function: Callable[..., Any]) -> Any:
    return numba.njit(nogil=True, inline="never")(function)
