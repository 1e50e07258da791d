"""Input images as pictures of the page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hwsnn.spec.integers import Images

from ..page import Picture
from ..svg import png

TALLEST = 2
"""The longer side of a picture over the shorter, up to which its pixels are squares; it is square itself beyond."""


def picture(image: Images, lines: Sequence[str]) -> Picture:
    """An image (C, H, W), or one that changes with time (T, C, H, W), with ``lines`` below it."""
    pixels = as_pixels(image)
    rows, columns = (int(size) for size in pixels.shape[:2])
    if max(rows, columns) > TALLEST * min(rows, columns):
        rows = columns = max(rows, columns)
    return Picture(png(pixels), columns, rows, tuple(lines))


def count_map(spikes: npt.NDArray[np.uint8], lines: Sequence[str]) -> Picture:
    """Where a layer fires: the spikes (T, C, H, W) of all channels and steps at each position."""
    return picture(np.minimum(spikes.sum(axis=(0, 1), dtype=np.int64), 255).astype(np.uint8)[np.newaxis], lines)


def as_pixels(image: Images) -> npt.NDArray[np.uint8]:
    """Grey (height, width) or colours (height, width, 3).

    Three channels are red, green and blue; two are shown as red and blue, as the two signs of events are; of others the
    sum. Steps of one pixel are a column each, with the first channel at the bottom. Other frames that change with time
    are added up.
    """
    values = image.astype(np.float64)
    if values.ndim == 4 and values.shape[2:] == (1, 1):
        values = values[:, :, 0, 0].T[np.newaxis, ::-1]
    elif values.ndim == 4:
        values = values.sum(0)
    if values.shape[0] == 2:
        values = np.stack([values[0], np.zeros_like(values[0]), values[1]])
    elif values.shape[0] != 3:
        values = values.sum(0, keepdims=True)
    most = values.max()
    # Still colours keep their brightness; sums and counts fill the scale.
    scale = 1.0 if image.ndim == 3 and image.shape[0] == 3 else 255.0 / most if most else 1.0
    grey = np.clip(values * scale, 0, 255).astype(np.uint8)
    pixels: npt.NDArray[np.uint8] = grey[0] if len(grey) == 1 else grey.transpose(1, 2, 0)
    return pixels
