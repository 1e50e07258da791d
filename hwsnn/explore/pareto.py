"""The Pareto front: the points that no other point dominates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def front(points: npt.ArrayLike) -> list[int]:
    """The indices of the Pareto-optimal ``points`` (N, figures); larger figures are better.

    One point dominates another if it is at least as good in every figure and better in one. Of equal points the first
    is taken.
    """
    figures = np.asarray(points, np.float64)
    chosen = []
    for index, point in enumerate(figures):
        as_good = (figures >= point).all(axis=1)
        better = as_good & (figures > point).any(axis=1)
        equal_before = as_good[:index] & ~better[:index]
        if not better.any() and not equal_before.any():
            chosen.append(index)
    return chosen
