"""Integers held in floats.

Floats are the fast way to compute with integers in numpy: its matrix products are those of BLAS, which has only floats,
and their results need no conversion. Sums, differences, products with integers and with powers of two are exact within
the range in which a float represents every integer.
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

    float64 always suffices: its 2^53 are 2 * 10^11 synapses with the largest weight and pixel, or 32 times the largest
    membrane times the largest multiplier of a leak.
    """
    return np.float32 if magnitude <= FLOAT32_EXACT else np.float64
