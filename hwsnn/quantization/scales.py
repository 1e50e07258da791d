"""The scale of each output channel, at which its weights become integers (``docs/numerics.md``, "From floats")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwsnn.errors import InputError
from hwsnn.float_network import FloatArray, FloatNeuron, FloatPopulation
from hwsnn.spec import largest_weight
from hwsnn.spec.neurons import SUBTRACTING

CLIP_LEVELS = np.linspace(1.0, 0.5, 40)
"""The candidates for a scale: with each, the largest integer stands for this fraction of the largest weight."""
SCALE_SPAN = 256
"""Largest scale of a layer over its smallest: a channel that all but died in training must not widen every membrane."""
STEP_ROUNDING = 1e-4
"""Steps by which a weight may miss a multiple of its channel's step and still be one: single precision, and some."""
ROUNDING, MOST_ROUNDING = 1e-6, 0.02
"""A product this close to an integer, relative and absolute, counts as that integer: within single precision."""
FIRST_WEIGHTS = 16
"""Weights of a channel that are tried first: most channels have no step, and a few weights show it."""


@dataclass(frozen=True, eq=False)
class Scales:
    """The scale of each output channel, whether it keeps the channel's weights exactly, and whether the span limits it.

    All (channels,).
    """

    values: FloatArray
    exact: npt.NDArray[np.bool_]
    capped: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Rows:
    """Scales of rows of weights, not all zero; all (rows,).

    ``coarsest`` and ``finest``: the smallest and the largest scale that keep a row's weights exactly; where there is
    none, 0 and the scale itself.
    """

    scale: FloatArray
    coarsest: FloatArray
    finest: FloatArray


def layer_scales(layer: FloatPopulation, bits: int, per_one: float, *, compared: bool, leaks: bool) -> Scales:
    """The scales of a layer whose weights become integers of ``bits`` bits; ``per_one`` is what its inputs count by.

    ``compared``: whether its membranes are compared with each other, and need one scale for all channels. ``leaks``:
    whether floors of a leak want a fine unit. Raises ``InputError`` if there are no weights to scale.
    """
    rows = layer.projection.weight.reshape(len(layer.bias), -1)
    live = np.asarray(rows.any(axis=1))
    if not live.any():
        raise InputError(f"layer {layer.name!r}: every weight is zero; there is nothing to build")
    compared = compared or not layer.neuron.fires
    if bits == 1:
        scales = _of_signs(layer.name, rows, compared)
    else:
        with np.errstate(over="ignore"):
            others = np.stack(beside_weights(layer), axis=1) * per_one
        largest = largest_weight(bits)
        scales = _of_all(rows, others, largest, leaks) if compared else _of_each(layer, rows, others, largest, leaks)
    if not np.isfinite(scales.values).all():
        raise InputError(f"layer {layer.name!r}: its weights are too small to scale; none exceeds 1e-305")
    return scales


def beside_weights(layer: FloatPopulation) -> list[FloatArray]:
    """What else a scale turns into integers: biases, what spikes take off, initial membranes and lower bounds."""
    neuron = layer.neuron
    taken = [neuron.threshold] if isinstance(neuron, FloatNeuron) and neuron.reset in SUBTRACTING else []
    return [layer.bias, *taken, *(values for values in (neuron.initial, neuron.floor) if values is not None)]


def _of_signs(name: str, rows: FloatArray, compared: bool) -> Scales:
    """Of weights of 1 bit: an integer of 1 stands for the mean magnitude of the channel, or of all of them."""
    sizes = np.abs(rows.reshape(1, -1) if compared else rows)
    with np.errstate(over="ignore", divide="ignore"):
        means = sizes.mean(axis=1, keepdims=True)
        if not means.all():
            empty = int(np.flatnonzero(means == 0)[0])
            raise InputError(
                f"layer {name!r}: every weight of channel {empty} is zero, and a weight of 1 bit is 1 or -1; leave "
                "that channel out, or use 2 bits"
            )
        exact = (np.abs(sizes - means) <= STEP_ROUNDING * means).all(axis=1)
        values = 1 / means[:, 0]
    return Scales(*(np.array(np.broadcast_to(one, (len(rows),))) for one in (values, exact, False)))


def _of_all(rows: FloatArray, others: FloatArray, largest: int, leaks: bool) -> Scales:
    """One scale for all channels."""
    one = _scales(rows.reshape(1, -1), others.reshape(1, -1), largest, leaks)
    kept, none = np.full(len(rows), one.coarsest[0] > 0), np.zeros(len(rows), bool)
    return Scales(np.full(len(rows), one.scale[0]), kept, none)


def _of_each(layer: FloatPopulation, rows: FloatArray, others: FloatArray, largest: int, leaks: bool) -> Scales:
    """The scale of each channel, those without weights included."""
    live = np.asarray(rows.any(axis=1))
    found = _scales(rows[live], others[live], largest, leaks)
    scales = Scales(np.empty(len(rows)), np.empty(len(rows), bool), np.empty(len(rows), bool))
    smallest = found.finest.min()
    _set(scales, live, found, smallest)
    if not live.all():
        # Any scale keeps weights of 0: these take the one that suits what they have instead.
        instead = np.stack([layer.bias, _threshold(layer)], axis=1)[~live]
        _set(scales, ~live, _scales(instead, others[~live], largest, leaks), smallest)
    return scales


def _threshold(layer: FloatPopulation) -> FloatArray:
    assert isinstance(layer.neuron, FloatNeuron)  # the membranes of others are compared
    return layer.neuron.threshold


def whole(values: FloatArray) -> npt.NDArray[np.bool_]:
    """Which of the values are integers but for what single precision leaves open; infinite ones are none."""
    with np.errstate(invalid="ignore"):
        missed = np.abs(values - np.rint(values))
    return np.asarray(missed <= np.minimum(ROUNDING * np.abs(values), MOST_ROUNDING))


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


def _scales(rows: FloatArray, others: FloatArray, largest: int, leaks: bool) -> _Rows:
    """The scales of rows of weights, not all zero. ``others`` (rows, any): what else a scale turns into integers."""
    steps = peaks_in_steps(rows, largest)
    scale, coarsest = np.empty(len(rows)), np.zeros(len(rows))
    rounded = steps == 0
    if rounded.any():
        scale[rounded] = best_scales(rows[rounded], largest)
    finest = scale.copy()
    for row in np.flatnonzero(steps):
        most = largest // int(steps[row])
        with np.errstate(over="ignore", invalid="ignore"):
            coarsest[row] = steps[row] / np.abs(rows[row]).max()
            finest[row] = coarsest[row] * most
            scale[row] = coarsest[row] * _parts_of_a_step(others[row] * coarsest[row], most, leaks)
    return _Rows(scale, coarsest, finest)


def _parts_of_a_step(others: FloatArray, most: int, leaks: bool) -> int:
    """The number of parts, at most ``most``, into which a step is divided; ``others`` are given in steps.

    The fewest that make all of them integers; for a leak, whose floors want a fine unit, halved as often as possible.
    If nothing makes them integers, the most.
    """
    fitting = (parts for parts in range(1, most + 1) if whole(others * parts).all())
    parts = next(fitting, most)
    return parts << ((most // parts).bit_length() - 1) if leaks else parts


def _set(scales: Scales, channels: npt.NDArray[np.bool_], rows: _Rows, smallest: float) -> None:
    """Put the scales of ``rows`` into ``channels``, at most ``SCALE_SPAN`` times the smallest of the layer.

    Exact ones divide their steps less for that, by halves, while they can. The smallest is that of the finest: a step
    that was not divided is no reason to take bits from the other channels.
    """
    most = SCALE_SPAN * smallest
    scale = np.minimum(rows.scale, most)
    exact = (rows.coarsest > 0) & (rows.coarsest <= most) & np.isfinite(rows.scale)
    parts = np.rint(rows.scale[exact] / rows.coarsest[exact])
    halvings = np.ceil(np.log2(rows.scale[exact] / scale[exact]))
    scale[exact] = rows.coarsest[exact] * np.maximum(parts // 2**halvings, 1)
    scales.values[channels], scales.exact[channels], scales.capped[channels] = scale, exact, rows.scale > most
