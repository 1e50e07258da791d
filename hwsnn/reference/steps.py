"""The layout inside the reference: time step first, channels last, so that windows are contiguous."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = npt.NDArray[np.uint8]
Steps: TypeAlias = Bytes
"""Spikes (T, N, H, W, C); or pixels that are the same at every step, as (1, N, H, W, C)."""


def channels_last(images: Bytes) -> Bytes:
    """Images (N, C, H, W) as (N, H, W, C)."""
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1))


def image_first(steps: Steps) -> Bytes:
    """Spikes (T, N, H, W, C) as a view (N, T, C, H, W), the order of results."""
    given: Bytes = steps.transpose(1, 0, 4, 2, 3)
    return given
