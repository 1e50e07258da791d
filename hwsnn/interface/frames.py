"""The order of a frame's numbers on every link, AXI, DMA and serial line, and between the layers of a pipeline."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

_Number = TypeVar("_Number", bound=np.generic)


def in_wire_order(images: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """Images (N, C, H, W) as (N, H, W, C), and frames (N, T, C, H, W) as (N, H, W, T, C): a view, the bytes in order.

    Raster order; the steps of a pixel follow each other, and the channels of a step.
    """
    return np.moveaxis(images, (-2, -1), (1, 2))
