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
        ((WEIGHTS, BIAS, 9, "lut5"), "input bits must be an integer from 1 to 8, not 9"),
        ((WEIGHTS, BIAS, 1, "lut4"), "sums must be one of lut5, lut6, block, not 'lut4'"),
    ],
)
def test_refused(parameters: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        SynapticSums(*parameters)  # type: ignore[arg-type]


@pytest.mark.parametrize(("input_bits", "ends"), [(1, (-5, 3)), (4, (-5 - 14 * 7, 3 + 14 * 1))])
def test_currents(input_bits: int, ends: tuple[int, int]) -> None:
    """Weights 1 and -7 of two folds, a bias of 2 at a first fold alone."""
    weights = np.array([1, -7]).reshape(1, 1, 2, 1, 1)
    currents = SynapticSums(weights, np.array([[2]]), input_bits, "lut5").currents
    assert (currents.low, currents.high) == ends
