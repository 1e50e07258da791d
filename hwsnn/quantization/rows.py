"""Rows of weights as integers: the scale that fits a row best, the step of which it has multiples, what rounding costs.

A row has the weights of a projection into one output channel, or into all of them where they have one scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwsnn.float_network import FloatArray
from hwsnn.spec import largest_weight

CLIP_LEVELS = np.linspace(1.0, 0.5, 40)
"""The candidates for a scale: with each, the largest integer stands for this fraction of the largest weight."""
STEP_ROUNDING = 1e-4
"""Steps by which a weight may miss a multiple of its channel's step and still be one: single precision, and some."""
ROUNDING, MOST_ROUNDING = 1e-6, 0.02
"""A product this close to an integer, relative and absolute, counts as that integer: within single precision."""
FIRST_WEIGHTS = 16
"""Weights of a channel that are tried first: most channels have no step, and a few weights show it."""


class Steps(NamedTuple):
    """The step of which every weight of a row is a multiple, the coarsest; both (rows,).

    ``peak``: the largest weight in steps, 0 where there is no such step. ``scale``: at which the step becomes 1.
    """

    peak: npt.NDArray[np.int64]
    scale: FloatArray


@dataclass(frozen=True, eq=False)
class Part:
    """The weights of one projection of a population, in rows.

    ``rows``: (rows, weights), per value of its input that stands for 1 / ``count`` of what the scale is for. ``live``:
    (rows,), which are not all zero. ``steps``: of those; ``peak`` is 0 for the others.
    """

    rows: FloatArray
    count: float
    live: npt.NDArray[np.bool_]
    steps: Steps

    @classmethod
    def of(cls, weight: FloatArray, count: float, bits: int) -> Part:
        """Of weights (rows, weights) that become integers of ``bits`` bits, and inputs that count by ``count``."""
        rows = weight if count == 1 else weight * count
        live = np.asarray(rows.any(axis=1))
        steps = Steps(np.zeros(len(rows), np.int64), np.zeros(len(rows)))
        if live.any():
            steps.peak[live], steps.scale[live] = steps_of(rows[live], bits)
        return cls(rows, count, live, steps)

    def taken(self, rows: npt.NDArray[Any]) -> Part:
        """Some of the rows."""
        return Part(self.rows[rows], self.count, self.live[rows], Steps(*(values[rows] for values in self.steps)))


def whole(values: FloatArray) -> npt.NDArray[np.bool_]:
    """Which of the values are integers but for what single precision leaves open; infinite ones are none."""
    with np.errstate(invalid="ignore"):
        missed = np.abs(values - np.rint(values))
    return np.asarray(missed <= np.minimum(ROUNDING * np.abs(values), MOST_ROUNDING))


def rounded(weight: FloatArray, scale: FloatArray, bits: int) -> FloatArray:
    """The integers of ``bits`` bits that ``weight`` becomes at ``scale``, which broadcasts to it."""
    if bits == 1:
        return np.where(weight < 0, -1.0, 1.0)
    largest = largest_weight(bits)
    return np.asarray(np.clip(np.rint(weight * scale), -largest, largest))


def fitting_scales(rows: FloatArray, bits: int) -> FloatArray:
    """For each row of weights, not all zero, the scale at which integers of ``bits`` bits fit it best.

    Weights of 1 bit are signs: 1 stands for the mean magnitude.
    """
    if bits > 1:
        return best_scales(rows, largest_weight(bits))
    with np.errstate(over="ignore"):
        return np.asarray(1 / np.abs(rows).mean(axis=1))


def best_scales(rows: FloatArray, largest: int) -> FloatArray:
    """For each row of weights (rows, weights), not all zero, the scale at which integers up to ``largest`` fit it best.

    Of the candidates (``CLIP_LEVELS``) the one of the smallest squared error, the least clipping one among equals.
    """
    peaks = np.abs(rows).max(axis=1, keepdims=True)
    smallest = np.full(len(rows), np.inf)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        best: FloatArray = largest / peaks[:, 0]
        for level in CLIP_LEVELS:
            scales = largest / (peaks * level)
            restored = np.clip(np.rint(rows * scales), -largest, largest) / scales
            error = (((restored - rows) / peaks) ** 2).sum(axis=1)
            better = error < smallest
            best[better], smallest[better] = scales[better, 0], error[better]
    return best


def steps_of(rows: FloatArray, bits: int) -> Steps:
    """The steps of rows of weights, not all zero, that integers of ``bits`` bits can keep exactly."""
    sizes = np.abs(rows)
    with np.errstate(over="ignore"):
        if bits > 1:
            peak = peaks_in_steps(rows, largest_weight(bits))
            return Steps(peak, peak / sizes.max(axis=1))
        means = sizes.mean(axis=1, keepdims=True)
        alike = (np.abs(sizes - means) <= STEP_ROUNDING * means).all(axis=1)
        return Steps(alike.astype(np.int64), 1 / means[:, 0])


def peaks_in_steps(rows: FloatArray, largest: int) -> npt.NDArray[np.int64]:
    """For each row of weights, not all zero, how many steps its largest weight has, from 1 to ``largest``.

    The step is the coarsest of which every weight of the row is a multiple; 0 where there is none.
    """
    parts = rows / np.abs(rows).max(axis=1, keepdims=True)
    steps = np.zeros(len(rows), np.int64)
    for count in range(1, largest + 1):
        left = np.flatnonzero(steps == 0)
        left = left[_multiples(parts[left, :FIRST_WEIGHTS] * count)]
        steps[left[_multiples(parts[left] * count)]] = count
    return steps


def _multiples(weights: FloatArray) -> npt.NDArray[np.bool_]:
    """For each row of weights in steps, whether all of them are multiples."""
    return np.asarray((np.abs(weights - np.rint(weights)) <= STEP_ROUNDING).all(axis=1))
