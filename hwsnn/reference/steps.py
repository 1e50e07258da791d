"""The layout inside the reference: time step first, channels last, so that windows are contiguous."""

from __future__ import annotations

from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

_Number = TypeVar("_Number", bound=np.number)

Bytes: TypeAlias = npt.NDArray[np.uint8]
Steps: TypeAlias = Bytes
"""Numbers of spikes, or values of the input, (T, N, H, W, C); those that are the same at every step (1, N, H, W, C)."""


def channels_last(images: Bytes) -> Bytes:
    """Images (N, ..., C, H, W) as (N, ..., H, W, C)."""
    return np.ascontiguousarray(np.moveaxis(images, -3, -1))


def image_first(steps: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """Numbers (T, N, H, W, C) as a view (N, T, C, H, W), the order of results."""
    given: npt.NDArray[_Number] = steps.transpose(1, 0, 4, 2, 3)
    return given
