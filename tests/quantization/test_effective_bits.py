"""The effective bits of a layer's weights, by hand."""

from __future__ import annotations

from itertools import pairwise
from math import log2

import numpy as np
import numpy.typing as npt
import pytest

from hwsnn.quantization.layer_report import effective_bits
from tests.support.float_networks import built, dense, network


def effective(rows: npt.ArrayLike, bits: int = 8) -> float:
    weight = np.atleast_2d(rows)
    _, report = built(network(dense(weight), shape=(1, 1, weight.shape[1])), bits=bits)
    return report.layers[0].weights.effective_bits


@pytest.mark.parametrize(
    ("error", "bits", "expected"),
    [(0.25, 8, 2.0), (2**-7.5, 8, 7.5), (2**-30, 8, 8.0), (0.0, 8, 8.0), (0.0, 1, 1.0), (1.0, 4, 0.0), (3.0, 4, 0.0)],
)
def test_of_an_error(error: float, bits: int, expected: float) -> None:
    assert effective_bits(error, bits) == expected


def test_weights_of_one_bit() -> None:
    """3 and 1 become 2 and 2: an error of 1 beside an RMS of sqrt(5)."""
    assert effective([[3.0, 1.0]], bits=1) == 1.0, "log2 of sqrt(5) is 1.16, and there is 1 bit"
    # 5 and 1 become 3 and 3: 2 beside sqrt(13).
    assert effective([[5.0, 1.0]], bits=1) == pytest.approx(log2(13**0.5 / 2))


def test_weights_that_lose_nothing() -> None:
    assert effective([[127.0, -3.0, 0.0]]) == 8.0


@pytest.mark.parametrize("bits", range(3, 9))
def test_weights_that_fill_the_range(bits: int) -> None:
    """Even weights on n integers of equal parts: n / sqrt(12) beside an error of 1 / sqrt(12)."""
    rows = np.random.default_rng(0).uniform(-1, 1, (1, 4000))
    assert effective(rows, bits) == pytest.approx(log2(2**bits - 1), abs=0.05)


def test_fewer_bits_are_less() -> None:
    rows = np.random.default_rng(0).normal(size=(4, 500))
    found = [effective(rows, bits) for bits in range(1, 9)]
    assert all(fewer < more - 0.2 for fewer, more in pairwise(found))
    assert 6.5 < found[-1] < 7.5, "a normal distribution does not fill the range"


def test_in_text() -> None:
    _, report = built(network(dense([[5.0, 1.0]])), bits=1)
    assert (
        "2 of 1 bit, RMS error 55.47%, 0.9 bits effective, 1 clipped (50.00%), the largest to 1/1.67 of itself"
        in str(report)
    )


def test_clipping_in_text() -> None:
    """Of a row with one weight apart, that one is cut; by layer, with its share and how far."""
    rows = np.random.default_rng(1).normal(size=(1, 999))
    _, report = built(network(dense(np.append(rows, [[6.0]], axis=1)), shape=(1, 1, 1000)), bits=4)
    weights = report.layers[0].weights
    assert weights.clipped > 0
    assert f"{weights.clipped} clipped ({weights.clipped / 1000:.2%}), the largest to 1/" in str(report)
