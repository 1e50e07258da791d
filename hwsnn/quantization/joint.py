"""One scale for several projections of a population, whose gains make up for the difference between their weights.

A projection at gain g is rounded at 1/g of the scale. It is at its best near a scale of its own; so of a scale that is
too coarse something is lost, and a scale that is finer than it need be widens membranes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hwsnn.float_network import FloatArray
from hwsnn.spec import MAX_GAIN, largest_weight
from hwsnn.spec.integers import Int64Array

from .rows import Part, fitting_scales, rounded

MOST_ERROR = 2.0
"""Times the squared error of a projection at its own scale: half a bit is no reason for a finer one."""
MOST_ADDED, SMALL_ERROR = 0.1**2, 0.01**2
"""Of the squared weights of all projections: what may be added to an error, and what is always small enough."""
FINER = (1, 2, 4, 8, 16, 32, 64, 128)
"""By how much the scale may be finer than the finest that a projection would have alone: gains come nearer to ratios
of weights."""


Rows: TypeAlias = npt.NDArray[np.intp]
"""Indices of rows."""


@dataclass(frozen=True, eq=False)
class JointScales:
    """``scale``: (rows,). ``plain``: whether all gains are 1."""

    scale: FloatArray
    plain: bool


class Projections:
    """``parts``: of the same rows, of which none is zero in all of them; ``bits``: of a weight."""

    def __init__(self, parts: Sequence[Part], bits: int) -> None:
        self._parts, self._bits = parts, bits
        if len(parts) == 1:
            return
        self._own = _own_scales(parts, bits)
        with np.errstate(over="ignore"):
            peak = np.max([np.abs(part.rows).max(axis=1) / part.count for part in parts], axis=0)
        self._norms = [(peak * part.count)[:, np.newaxis] for part in parts]
        squares = [((part.rows / norm) ** 2).sum(axis=1) for part, norm in zip(parts, self._norms, strict=True)]
        self._power = np.sum(squares, axis=0)

    def scales(self, rows: Rows) -> JointScales:
        """The scales of ``rows`` at which the squared errors of their weights are small enough.

        As fine as they must be; without gains, if that does for the rows together.
        """
        together = fitting_scales(np.concatenate([part.rows[rows] for part in self._parts], axis=1), self._bits)
        if len(self._parts) == 1:
            return JointScales(together, True)
        own = self._errors(rows, [scale[rows] for scale in self._own])
        plain = self._errors(rows, [together for _ in self._parts])
        if (plain.mean(axis=1) <= _allowed(own.mean(axis=1))).all():
            return JointScales(together, True)
        return JointScales(self._with_gains(rows, _allowed(own)), False)

    def gains(self, rows: Rows, scale: FloatArray) -> Int64Array:
        """The gains (projections, rows) at ``scale``: of the two next to the ratio to its own scale the better one."""
        found = []
        for port, (part, own) in enumerate(zip(self._parts, self._own, strict=True)):
            low, high = _around(scale / own[rows])
            finer, coarser = (self._error(port, rows, scale / gain) for gain in (low, high))
            found.append(np.where(part.live[rows], np.where(coarser < finer, high, low), 1))
        return np.stack(found)

    def _with_gains(self, rows: Rows, allowed: FloatArray) -> FloatArray:
        """The coarsest candidates whose errors are ``allowed`` (projections, rows), or those of the least errors."""
        found, least = np.empty(len(rows)), np.full(len(rows), np.inf)
        left = np.arange(len(rows))
        for finer in FINER:
            coarsest = np.full(len(left), np.inf)
            for scale in self._candidates(rows[left], finer):
                errors = self._errors(rows[left], list(scale / self.gains(rows[left], scale)))
                enough = (errors <= allowed[:, left]).all(axis=0) & (scale < coarsest)
                coarsest[enough] = scale[enough]
                total = errors.sum(axis=0)
                better = total < least[left]
                found[left[better]], least[left[better]] = scale[better], total[better]
            done = np.isfinite(coarsest)
            found[left[done]] = coarsest[done]
            left = left[~done]
            if not len(left):
                break
        return found

    def _candidates(self, rows: Rows, finer: int) -> Iterator[FloatArray]:
        """Each projection's own scale, and the nearest at which another that has a step keeps its weights exactly."""
        for own in self._own:
            scale = finer * own[rows]
            yield scale
            for part, other in zip(self._parts, self._own, strict=True):
                if other is own:
                    continue
                for gain in _around(scale / other[rows]):
                    step = np.where(part.steps.peak[rows] > 0, part.steps.scale[rows] * gain, scale)
                    yield np.maximum(np.rint(scale / step), 1) * step

    def _errors(self, rows: Rows, scales: Sequence[FloatArray]) -> FloatArray:
        """The squared errors (projections, rows) relative to the squared weights of all projections."""
        return np.stack([self._error(port, rows, scale) / self._power[rows] for port, scale in enumerate(scales)])

    def _error(self, port: int, rows: Rows, scale: FloatArray) -> FloatArray:
        """The squared error of a projection, (rows,), where what counts as 1 counts alike in all of them."""
        weight, by_row = self._parts[port].rows[rows], scale[:, np.newaxis]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # of weights too small to scale
            restored = rounded(weight, by_row, self._bits) / by_row
            error = np.asarray((((restored - weight) / self._norms[port][rows]) ** 2).sum(axis=1))
        return np.where(self._parts[port].live[rows], error, 0)


def _allowed(own: FloatArray) -> FloatArray:
    """What the relative squared error may be where ``own`` is that at the projection's own scale."""
    return np.asarray(np.maximum(np.minimum(MOST_ERROR * own, own + MOST_ADDED), SMALL_ERROR))


def _own_scales(parts: Sequence[Part], bits: int) -> list[FloatArray]:
    """The scale of each row that each projection would have alone: the finest that keeps its steps, or the best."""
    found = np.zeros((len(parts), len(parts[0].rows)))
    for part, own in zip(parts, found, strict=True):
        stepped = part.steps.peak > 0
        own[stepped] = part.steps.scale[stepped] * (largest_weight(bits) // part.steps.peak[stepped])
        rough = part.live & ~stepped
        if rough.any():
            own[rough] = fitting_scales(part.rows[rough], bits)
    return [np.where(part.live, own, found.max(axis=0)) for part, own in zip(parts, found, strict=True)]


def _around(ratio: FloatArray) -> tuple[Int64Array, Int64Array]:
    """The gains next to a ratio of scales."""
    low, high = (np.clip(end, 1, MAX_GAIN).astype(np.int64) for end in (np.floor(ratio), np.ceil(ratio)))
    return low, high
