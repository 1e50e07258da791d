"""Numbers side by side, as in a beat of a stream."""

from __future__ import annotations

from collections.abc import Iterable


def packed(values: Iterable[int], bits: int) -> int:
    """The values side by side, the first lowest: the low ``bits`` of each, in two's complement."""
    return sum((int(value) % (1 << bits)) << (index * bits) for index, value in enumerate(values))
