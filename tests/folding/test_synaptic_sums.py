"""A layer's sums in numbers: what is refused, and widths; ``rtl_tests/compute/test_synapses.py`` has what they mean."""

from __future__ import annotations

import numpy as np
import pytest

from hwsnn.folding.synaptic_sums import SynapticSums

WEIGHTS, BIAS = np.ones((2, 2, 3, 4, 5), np.int64), np.zeros((2, 4), np.int64)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (([[1]], BIAS, 1, "lut5"), "weights must be an integer array, not list"),
        ((WEIGHTS * 0.5, BIAS, 1, "lut5"), "weights must be an integer array, not ndarray"),
        ((WEIGHTS, None, 1, "lut5"), "bias must be an integer array, not NoneType"),
        ((WEIGHTS[0], BIAS, 1, "lut5"), r"weights must be a non-empty array of 5 dimensions, not of .*\(2, 3, 4, 5\)"),
        ((WEIGHTS[:0], BIAS, 1, "lut5"), r"weights must be a non-empty array .* not of shape \(0, 2, 3, 4, 5\)"),
        ((WEIGHTS, BIAS.T, 1, "lut5"), r"bias must have the shape \(2, 4\), not \(4, 2\)"),
        ((WEIGHTS, BIAS, 256, "lut5"), "largest input must be an integer from 1 to 255, not 256"),
        ((WEIGHTS, BIAS, 1, "lut5", 9), "fraction bits must be an integer from 0 to 8, not 9"),
        ((WEIGHTS, BIAS, 1, "lut4"), "sums must be one of lut5, lut6, block, not 'lut4'"),
    ],
)
def test_refused(parameters: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        SynapticSums(*parameters)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("largest", "fraction_bits", "ends"),
    [(1, 0, (-5, 3)), (15, 0, (2 - 15 * 7, 2 + 15)), (9, 0, (2 - 9 * 7, 2 + 9)), (9, 3, (2 - 8 * 9 * 7, 2 + 8 * 9))],
)
def test_currents(largest: int, fraction_bits: int, ends: tuple[int, int]) -> None:
    """Weights 1 and -7 of two folds, a bias of 2 at a first fold alone."""
    weights = np.array([1, -7]).reshape(1, 1, 2, 1, 1)
    currents = SynapticSums(weights, np.array([[2]]), largest, "lut5", fraction_bits).currents
    assert (currents.low, currents.high) == ends


@pytest.mark.parametrize(("fraction_bits", "whole", "fractions"), [(0, [-5, 3], [0, 0]), (2, [-2, 0], [3, 3])])
def test_a_bias_has_bits_below_the_unit(fraction_bits: int, whole: list[int], fractions: list[int]) -> None:
    sums = SynapticSums(np.ones((1, 1, 1, 2, 1), int), np.array([[-5, 3]]), 1, "lut5", fraction_bits)
    assert sums.whole_bias.tolist() == [whole]
    assert sums.fractions.tolist() == [fractions]
