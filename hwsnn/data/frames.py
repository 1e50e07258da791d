"""Frames of a data set: how many there are and of what shape, known before any is read; then the first of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..spec.integers import Images
from .reading import require_room

Labels = npt.NDArray[np.int64]
Shape = tuple[int, ...]

AXES = ("steps", "channels", "height", "width")


@dataclass(frozen=True)
class Data:
    """``images``: (N, C, H, W) or, where they change with time, (N, T, C, H, W) uint8, at least one.

    ``labels``: (N,) int64, or None if unknown. ``remark``: what must be said beside any figure that is measured with
    them, in one line, such as that they are not the original images; else empty.
    """

    images: Images
    labels: Labels | None
    remark: str = ""


@dataclass(frozen=True)
class LabelledData(Data):
    """Data with labels: ``labels`` is (N,) int64."""

    labels: Labels


@dataclass(frozen=True)
class Frames:
    """Frames of one split that a file holds, of which no more has been read than how many there are.

    ``where``: the file. ``shape``: (N, C, H, W), or (N, T, C, H, W) where they change with time, as it claims.
    ``first(n)``: reads the first n of them, 1 <= n <= N, and no more: uint8 of ``(n, *shape[1:])``, and their labels
    (n,) int64, or None if they are unknown. Frames and their order are the same every time. It raises ``InputError``
    of one line if the file is not usable. ``remark``: as of ``Data``.
    """

    where: Path
    shape: Shape
    first: Callable[[int], tuple[Images, Labels | None]]
    remark: str = ""

    def read(self, limit: int | None, wanted: Shape | None) -> Data:
        """The first ``limit``, or all, in the shape ``wanted``, if given.

        Raises ``InputError`` before anything is read if they do not fit, are fewer, or are too many bytes.
        """
        total, *found = self.shape
        shape = shaped(self.where, tuple(found), wanted)
        count = counted(self.where, total, limit)
        require_room(self.where, (count, *shape))
        images, labels = self.first(count)
        return Data(images.reshape(count, *shape), labels, self.remark)


def shaped(where: Path, found: Shape, wanted: Shape | None) -> Shape:
    """The shape that images of the shape ``found`` get: ``wanted``, if they fit it. Raises ``InputError`` if not."""
    if wanted is not None and not fits(found, wanted):
        axes = ", ".join(AXES[-len(wanted) :])
        raise InputError(f"{where}: images are {_extent(found)}; the model takes {_extent(wanted)} ({axes})")
    if 0 in found:
        raise InputError(f"{where}: images are {_extent(found)}; they must have pixels")
    return found if wanted is None else wanted


def fits(found: Shape, wanted: Shape) -> bool:
    """Whether the extents other than 1 are the same, or ``wanted`` is of n values, per step perhaps, and so many are.

    An image is laid out row by row, as frameworks flatten it.
    """
    if _without_ones(found) == _without_ones(wanted):
        return True
    steps, (*_, channels, height, width) = wanted[:-3], wanted
    a_vector = (channels, height) == (1, 1) or (height, width) == (1, 1)
    frame = found[len(steps) :]
    return a_vector and found[: len(steps)] == steps and math.prod(frame) == channels * height * width


def counted(where: Path, available: int, limit: int | None) -> int:
    """How many images to take. Raises ``InputError`` if there are fewer than ``limit``, or none."""
    if available == 0:
        raise InputError(f"{where}: holds no images; there must be at least one")
    if limit is not None and not 1 <= limit <= available:
        raise InputError(f"{where}: -n must be from 1 to {available}, the images there are, not {limit}")
    return limit or available


def _without_ones(shape: Shape) -> Shape:
    return tuple(extent for extent in shape if extent != 1)


def _extent(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "single values"
