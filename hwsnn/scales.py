"""The scale of each output channel, at which its weights become integers (``docs/numerics.md``, "From floats")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import InputError
from .spec import Reset
from .trained import Conv, Dense, FloatArray, Integrator, Neuron

CLIP_LEVELS = np.linspace(1.0, 0.5, 40)
"""The candidates for a scale: each lets the largest integer stand for this part of the largest weight."""
SCALE_SPAN = 256
"""Largest scale of a layer over its smallest: a channel that all but died in training must not widen every membrane."""
STEP_ROUNDING = 1e-4
"""Steps by which a weight may miss a multiple of its channel's step and still be one: single precision, and some."""
ROUNDING, MOST_ROUNDING = 1e-6, 1e-3
"""A product this close to an integer, of itself and at most, is that integer: single precision says it no better."""
FIRST_WEIGHTS = 16
"""Weights of a channel that are looked at before all of them: most channels have no step, and these show it."""


@dataclass(frozen=True, eq=False)
class Scales:
    """The scale of each output channel, and whether it keeps the channel's weights exactly; both (channels,)."""

    values: FloatArray
    exact: npt.NDArray[np.bool_]


def layer_scales(layer: Conv | Dense, largest: int, largest_input: int, reset: Reset | None, *, leaks: bool) -> Scales:
    """The scales of a layer whose weights become integers up to ``largest``, and its inputs up to ``largest_input``.

    ``reset``: in place of the layer's own. ``leaks``: whether floors of a leak want a fine unit. An integrator has one
    scale for all its channels: their membranes are compared with each other. Raises ``InputError`` where there are no
    weights to scale.
    """
    rows = layer.weight.reshape(len(layer.weight), -1)
    live = rows.any(axis=1)
    if not live.any():
        raise InputError(f"layer {layer.name!r}: every weight is zero; there is nothing to build")
    beside = [layer.bias]
    if isinstance(layer.neuron, Neuron) and (reset or layer.neuron.reset) == "subtract":
        beside.append(layer.neuron.threshold)
    others = np.stack(beside, axis=1) * largest_input
    if isinstance(layer.neuron, Integrator):
        scale, coarsest = _scales(rows.reshape(1, -1), others.reshape(1, -1), largest, leaks)
        scales = Scales(np.full(len(rows), scale[0]), np.full(len(rows), coarsest[0] > 0))
    else:
        values, coarsest = np.empty(len(rows)), np.zeros(len(rows))
        values[live], coarsest[live] = _scales(rows[live], others[live], largest, leaks)
        values[~live] = values[live].min()
        scales = _within_span(values, coarsest)
    if not np.isfinite(scales.values).all():
        raise InputError(f"layer {layer.name!r}: its weights are too small to scale; none exceeds 1e-305")
    return scales


def whole(values: FloatArray) -> npt.NDArray[np.bool_]:
    """Which of the values are integers but for what single precision leaves open."""
    return np.asarray(np.abs(values - np.rint(values)) <= np.minimum(ROUNDING * np.abs(values), MOST_ROUNDING))


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


def _scales(rows: FloatArray, others: FloatArray, largest: int, leaks: bool) -> tuple[FloatArray, FloatArray]:
    """For each row of weights, not all zero, its scale, and the coarsest one that keeps them exactly, 0 for none.

    ``others`` (rows, any): what else the scale turns into integers.
    """
    steps = peaks_in_steps(rows, largest)
    scales, coarsest = np.empty(len(rows)), np.zeros(len(rows))
    rounded = steps == 0
    if rounded.any():
        scales[rounded] = best_scales(rows[rounded], largest)
    for row in np.flatnonzero(steps):
        with np.errstate(over="ignore", invalid="ignore"):
            coarsest[row] = steps[row] / np.abs(rows[row]).max()
            scales[row] = coarsest[row] * _parts_of_a_step(
                others[row] * coarsest[row], largest // int(steps[row]), leaks
            )
    return scales, coarsest


def _parts_of_a_step(others: FloatArray, most: int, leaks: bool) -> int:
    """Into how many parts, ``most`` at most, a step is divided; ``others`` are given in steps.

    As few as make all of them integers; a leak, whose floors want a fine unit, halves those parts as often as it can.
    Where nothing makes them integers, as many as can be.
    """
    fitting = (parts for parts in range(1, most + 1) if whole(others * parts).all())
    parts = next(fitting, most)
    return parts << ((most // parts).bit_length() - 1) if leaks else parts


def _within_span(values: FloatArray, coarsest: FloatArray) -> Scales:
    """Scales at most ``SCALE_SPAN`` times the smallest one; exact ones divide their steps less, while they can."""
    most = SCALE_SPAN * values.min()
    exact = (coarsest > 0) & (coarsest <= most) & np.isfinite(values)
    values = np.minimum(values, most)
    values[exact] = coarsest[exact] * np.floor(values[exact] / coarsest[exact] * (1 + ROUNDING))
    return Scales(values, exact)
