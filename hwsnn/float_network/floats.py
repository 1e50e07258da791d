"""Arrays of double precision, and their check."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def require_floats(what: str, value: Any, ndim: int) -> None:
    """Raise unless ``value`` is a non-empty array of finite float64 numbers with ``ndim`` dimensions."""
    if not isinstance(value, np.ndarray) or value.dtype != np.float64:
        raise TypeError(f"{what} must be a float64 array, not {getattr(value, 'dtype', type(value).__name__)}")
    if value.ndim != ndim or value.size == 0:
        raise ValueError(f"{what} must be a non-empty array of {ndim} dimensions, not of shape {value.shape}")
    if not np.isfinite(value).all():
        raise ValueError(f"{what} must be finite, not NaN or infinite anywhere")
