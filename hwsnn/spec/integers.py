"""Integer ranges and the two's-complement widths that hold them (see ``docs/numerics.md``)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.integer]


def signed_width(low: int, high: int) -> int:
    """Bits of the narrowest two's-complement number that holds every integer from ``low`` to ``high`` (at least 1)."""
    if low > high:
        raise ValueError(f"low must be at most high, not {low!r} > {high!r}")
    return max((~low if low < 0 else low).bit_length(), (~high if high < 0 else high).bit_length()) + 1


def unsigned_width(high: int) -> int:
    """Bits of the narrowest unsigned number that holds every integer from 0 to ``high`` (at least 1)."""
    if high < 0:
        raise ValueError(f"high must be at least 0, not {high!r}")
    return max(high.bit_length(), 1)


def signed_limits(width: int) -> tuple[int, int]:
    """The smallest and the largest value of a two's-complement number of ``width`` bits."""
    return -(1 << (width - 1)), (1 << (width - 1)) - 1


def signed_digits(number: int) -> list[tuple[int, int]]:
    """The fewest (place, 1 or -1) whose powers of two add up to ``number`` (0 or more), the largest place first.

    The non-adjacent form: Reitwiesner, "Binary Arithmetic", Advances in Computers 1, 1960.
    """
    digits, place = list[tuple[int, int]](), 0
    while number:
        if number & 1:
            digit = 2 - (number & 3)
            digits.append((place, digit))
            number -= digit
        number >>= 1
        place += 1
    return digits[::-1]


@dataclass(frozen=True)
class Range:
    """Every integer from ``low`` to ``high``, both included."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low must be at most high, not {self.low!r} > {self.high!r}")

    @property
    def width(self) -> int:
        """Two's-complement bits that hold the range."""
        return signed_width(self.low, self.high)

    @property
    def magnitude(self) -> int:
        """The largest absolute value in the range."""
        return max(abs(self.low), abs(self.high))

    def __or__(self, other: Range) -> Range:
        """The smallest range that contains both."""
        return Range(min(self.low, other.low), max(self.high, other.high))

    def __add__(self, other: Range) -> Range:
        """Where the sum of one value from each lies."""
        return Range(self.low + other.low, self.high + other.high)
