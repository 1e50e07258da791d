"""Checks of single values: whatever is wrong is a ``ValueError`` with "X must be ..., not ...".

They hold for values that people write and for those of untrusted files alike, so they take any object at all.
"""

from __future__ import annotations

from typing import NoReturn

import numpy as np


def require_integer(what: str, value: object, low: int, high: int) -> None:
    """Raise ``ValueError`` unless ``value`` is an integer from ``low`` to ``high``."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{what} must be an integer from {low} to {high}, not {value!r}")


def require_choice(what: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise ``ValueError`` unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise ValueError(f"{what} must be one of {', '.join(choices)}, not {value!r}")


def require_pair(what: str, value: object, low: int, high: int) -> None:
    """Raise ``ValueError`` unless ``value`` is a pair of integers from ``low`` to ``high``."""
    if not isinstance(value, tuple) or len(value) != 2:
        raise ValueError(f"{what} must be a pair (vertical, horizontal), not {value!r}")
    for extent in value:
        require_integer(what, extent, low, high)


def require_integers(what: str, value: object, ndim: int, low: int, high: int) -> None:
    """Raise ``ValueError`` unless ``value`` is a non-empty integer array of ``ndim`` dimensions, all in the range."""
    if not isinstance(value, np.ndarray) or not np.issubdtype(value.dtype, np.integer):
        raise ValueError(f"{what} must be an integer array, not {type(value).__name__}")
    if value.ndim != ndim or value.size == 0:
        raise ValueError(f"{what} must be a non-empty array of {ndim} dimensions, not of shape {value.shape}")
    if int(value.min()) < low or int(value.max()) > high:
        raise ValueError(f"{what} must lie from {low} to {high}, not from {value.min()} to {value.max()}")


def assert_never(value: NoReturn) -> NoReturn:
    """End a match over every kind there is: mypy names the place that lacks one, and nothing is built wrongly."""
    raise TypeError(f"every kind must have its case, and {value!r} has none")


def unknown_kind(concern: str, layer: object) -> TypeError:
    """The error of a function that is found by a layer's kind (``functools.singledispatch``) and lacks this one."""
    return TypeError(f"{concern} must be written for the kind {type(layer).__name__}")
