"""Parameter checks that the components share: one wording, "X must be ..., not ...".

A component is built by our own code, so a value of the wrong type is a programming error: ``TypeError``; one out of
range is a ``ValueError``. ``hwsnn.spec.checks`` is apart from this: it checks what people and untrusted files say, and
there everything wrong is bad input, a ``ValueError``.
"""

from __future__ import annotations


def check_integer(what: str, value: object, low: int, high: int | None = None) -> None:
    """Refuse anything but an integer from ``low`` to ``high`` (no upper bound where that is ``None``)."""
    wanted = f"an integer of at least {low}" if high is None else f"an integer from {low} to {high}"
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} must be {wanted}, not {value!r}")
    if value < low or (high is not None and value > high):
        raise ValueError(f"{what} must be {wanted}, not {value!r}")


def check_pair(what: str, value: object, low: int) -> None:
    """Refuse anything but a pair (vertical, horizontal) of integers of at least ``low``."""
    if not isinstance(value, tuple) or len(value) != 2:
        raise TypeError(f"{what} must be a pair (vertical, horizontal), not {value!r}")
    for extent in value:
        check_integer(what, extent, low)
