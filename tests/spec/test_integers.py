"""Widths and ranges against a search for the narrowest one, and numbers in signed digits."""

from __future__ import annotations

from itertools import combinations_with_replacement, count, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsnn.spec.integers import Range, signed_digits, signed_limits, signed_width, unsigned_width

ENDS = [-1025, -1024, -129, -128, -127, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 7, 8, 127, 128, 255, 256, 2**31 - 1, 2**31]


def test_signed_width_is_the_narrowest() -> None:
    for low, high in combinations_with_replacement(ENDS, 2):
        narrowest = next(bits for bits in count(1) if -(2 ** (bits - 1)) <= low and high < 2 ** (bits - 1))
        assert signed_width(low, high) == Range(low, high).width == narrowest, (low, high)


def test_unsigned_width_is_the_narrowest() -> None:
    for high in (end for end in ENDS if end >= 0):
        assert unsigned_width(high) == next(bits for bits in count(1) if high < 2**bits), high


def test_signed_limits() -> None:
    assert [signed_limits(bits) for bits in (1, 2, 8)] == [(-1, 0), (-2, 1), (-128, 127)]


def test_range_arithmetic() -> None:
    assert Range(-3, 2) | Range(0, 7) == Range(-3, 7)
    assert Range(-3, 2) + Range(0, 7) == Range(-3, 9)
    assert Range(-3, 2).magnitude == 3
    assert Range(-3, 5).magnitude == 5


def test_wrong_ranges() -> None:
    with pytest.raises(ValueError, match="low must be at most high, not 2 > 1"):
        Range(2, 1)
    with pytest.raises(ValueError, match="low must be at most high, not 2 > 1"):
        signed_width(2, 1)
    with pytest.raises(ValueError, match="high must be at least 0, not -1"):
        unsigned_width(-1)


@given(st.integers(0, 1 << 17))
def test_signed_digits(number: int) -> None:
    digits = signed_digits(number)
    places = [place for place, _ in digits]
    assert sum(digit << place for place, digit in digits) == number
    assert {digit for _, digit in digits} <= {-1, 1}
    assert all(above - below > 1 for above, below in pairwise(places)), "largest first, no two neighbours"


@given(st.integers(0, 1 << 16))
def test_no_more_signed_digits_than_ones(number: int) -> None:
    assert len(signed_digits(number)) <= number.bit_count()


@pytest.mark.parametrize(
    ("number", "digits"),
    [(0, []), (1, [(0, 1)]), (3, [(2, 1), (0, -1)]), (230, [(8, 1), (5, -1), (3, 1), (1, -1)]), (256, [(8, 1)])],
)
def test_some_signed_digits(number: int, digits: list[tuple[int, int]]) -> None:
    assert signed_digits(number) == digits
