"""Integers held in floats.

Floats are the fast way to integers in numpy: its matrix products are BLAS's, which has floats alone, and what comes out
needs no conversion. Sums, differences, products with integers and with powers of two are exact while they stay among
the integers that a float holds without gaps.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.floating]
Float: TypeAlias = type[np.floating]

FLOAT32_EXACT = 1 << 24


def exact_float(magnitude: int) -> Float:
    """The narrowest float that holds the integers up to ``magnitude``.

    That is float64 at most: its 2^53 are 2 * 10^11 synapses with the largest weight and pixel, or the largest membrane
    times the largest multiplier of a leak, 32 times over.
    """
    return np.float32 if magnitude <= FLOAT32_EXACT else np.float64
