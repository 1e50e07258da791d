"""The scale of each output channel, at which its weights become integers (``docs/numerics.md``, "From floats")."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hwsnn.errors import InputError
from hwsnn.float_network import FloatArray, FloatNeuron, FloatPopulation
from hwsnn.spec import MAX_GAIN, largest_weight
from hwsnn.spec.integers import Int64Array
from hwsnn.spec.neurons import SUBTRACTING

from .joint import Projections
from .rows import Part, whole

SCALE_SPAN = 256
"""Largest scale of a layer over its smallest: a channel that all but died in training must not widen every membrane."""
MOST_PARTS = MAX_GAIN
"""Parts of the finest step times the largest step in such parts, at most. It may be a gain; and with more parts, any
steps are multiples of them within single precision."""
_BY_CHANNEL = ("values", "exact", "capped", "gains")


@dataclass(frozen=True, eq=False)
class Scales:
    """The scale of each output channel, whether it keeps the channel's weights exactly, and whether the span limits it.

    All (channels,). ``gains``: (projections, channels). ``per_ones``: (projections,), the input of each that stands
    for 1; the scale is that of projections from values, if there are any.
    """

    values: FloatArray
    exact: npt.NDArray[np.bool_]
    capped: npt.NDArray[np.bool_]
    gains: Int64Array
    per_ones: FloatArray

    def of(self, port: int) -> FloatArray:
        """What a weight of projection ``port`` is multiplied by, to be rounded: (channels, 1, 1, 1)."""
        count = _per_one(self.per_ones) / self.per_ones[port]
        return np.asarray(self.values * count / self.gains[port])[:, np.newaxis, np.newaxis, np.newaxis]

    def units(self, fraction_bits: int) -> FloatArray:
        """What 1 becomes in the currents of each channel, which are in 2^-F of a weight: (channels,)."""
        with np.errstate(over="ignore"):
            return np.asarray(self.values * np.float64(_per_one(self.per_ones) * (1 << fraction_bits)))


@dataclass(frozen=True, eq=False)
class _Rows:
    """Scales of rows of weights, not all zero; all (rows,).

    ``coarsest`` and ``finest``: the smallest and the largest scale that keep a row's weights exactly; where there is
    none, 0 and the scale itself. ``multiples``: (projections, rows), what a projection's step becomes at the coarsest.
    ``plain``: whether those that are rounded have gains of 1.
    """

    scale: FloatArray
    coarsest: FloatArray
    finest: FloatArray
    multiples: Int64Array
    projections: Projections
    plain: bool


def layer_scales(
    layer: FloatPopulation, bits: int, per_ones: Sequence[float], *, compared: bool, leaks: bool
) -> Scales:
    """The scales of a layer whose weights become integers of ``bits`` bits.

    ``per_ones``: of each projection, what its inputs count by. ``compared``: whether its membranes are compared with
    each other, and need one scale for all channels. ``leaks``: whether floors of a leak want a fine unit. Raises
    ``InputError`` if there are no weights to scale.
    """
    channels, per_one = len(layer.bias), _per_one(per_ones)
    count = 1 if compared or not layer.neuron.fires else channels
    parts = [
        Part.of(projection.weight.reshape(count, -1), per_one / its, bits)
        for projection, its in zip(layer.projections, per_ones, strict=True)
    ]
    _require_weights(layer, parts, bits)
    with np.errstate(over="ignore"):
        others = np.stack(beside_weights(layer), axis=1) * per_one
    scales = Scales(*_of_rows(layer, parts, others.reshape(count, -1), bits, leaks), np.array(per_ones))
    if not np.isfinite(scales.values).all():
        raise InputError(f"layer {layer.name!r}: its weights are too small to scale; none exceeds 1e-305")
    if count == channels:
        return scales
    by_channel = {name: np.repeat(getattr(scales, name), channels, axis=-1) for name in _BY_CHANNEL}
    return replace(scales, **by_channel)


def _per_one(per_ones: Iterable[float]) -> float:
    """That of values, which all count alike; of spikes if there are no values."""
    return next((float(one) for one in per_ones if one != 1), 1.0)


def beside_weights(layer: FloatPopulation) -> list[FloatArray]:
    """What else a scale turns into integers: biases, what spikes take off, initial membranes and lower bounds."""
    neuron = layer.neuron
    taken = [neuron.threshold] if isinstance(neuron, FloatNeuron) and neuron.reset in SUBTRACTING else []
    return [layer.bias, *taken, *(values for values in (neuron.initial, neuron.floor) if values is not None)]


def _require_weights(layer: FloatPopulation, parts: Sequence[Part], bits: int) -> None:
    if not any(part.live.any() for part in parts):
        raise InputError(f"layer {layer.name!r}: every weight is zero; there is nothing to build")
    for part in parts:
        if bits == 1 and not part.live.all():
            raise InputError(
                f"layer {layer.name!r}: every weight of channel {int(part.live.argmin())} is zero, and a weight of "
                "1 bit is 1 or -1; leave that channel out, or use 2 bits"
            )


def _of_rows(
    layer: FloatPopulation, parts: Sequence[Part], others: FloatArray, bits: int, leaks: bool
) -> tuple[FloatArray, npt.NDArray[np.bool_], npt.NDArray[np.bool_], Int64Array]:
    """The scale of each row, whether it is exact, whether the span limits it, and the gains (projections, rows)."""
    rows = len(others)
    live = np.any([part.live for part in parts], axis=0)
    scale, exact, capped = np.empty(rows), np.empty(rows, bool), np.empty(rows, bool)
    gains = np.ones((len(parts), rows), np.int64)
    its = [part.taken(live) for part in parts]
    found = _scales(its, others[live], bits, leaks)
    smallest = np.inf if bits == 1 else found.finest.min()
    scale[live], exact[live], capped[live] = _within_span(found, smallest)
    gains[:, live] = _gains(found, its, scale[live], exact[live], bits)
    if not live.all():
        # Any scale keeps weights of 0: these take the one that suits what they have instead.
        instead = [Part.of(np.stack([layer.bias, _threshold(layer)], axis=1)[~live], 1.0, bits)]
        scale[~live], exact[~live], capped[~live] = _within_span(_scales(instead, others[~live], bits, leaks), smallest)
    return scale, exact, capped, gains


def _threshold(layer: FloatPopulation) -> FloatArray:
    assert isinstance(layer.neuron, FloatNeuron)  # the membranes of others are compared
    return layer.neuron.threshold


def _scales(parts: Sequence[Part], others: FloatArray, bits: int, leaks: bool) -> _Rows:
    """The scales of rows of weights, not all zero. ``others`` (rows, any): what else a scale turns into integers."""
    largest, count = largest_weight(bits), len(others)
    scale, coarsest, multiples = np.empty(count), np.zeros(count), np.ones((len(parts), count), np.int64)
    finest = np.empty(count)
    stepped = np.all([(part.steps.peak > 0) | ~part.live for part in parts], axis=0)
    for row in np.flatnonzero(stepped):
        there = [port for port, part in enumerate(parts) if part.live[row]]
        common = _common([float(parts[port].steps.scale[row]) for port in there])
        if common is None:
            stepped[row] = False
            continue
        multiples[there, row] = common.multiples
        most = max(
            largest // (int(parts[port].steps.peak[row]) * multiple)
            for port, multiple in zip(there, common.multiples, strict=True)
        )
        most = max(min(most, MAX_GAIN // max(common.multiples)), 1)
        coarsest[row] = common.scale
        with np.errstate(over="ignore", invalid="ignore"):
            finest[row] = coarsest[row] * most
            scale[row] = coarsest[row] * _parts_of_a_step(others[row] * coarsest[row], most, leaks)
    rough = np.flatnonzero(~stepped)
    projections, plain = Projections(parts, bits), len(parts) == 1
    if len(rough):
        joint = projections.scales(rough)
        scale[rough] = finest[rough] = joint.scale
        plain = joint.plain
    return _Rows(scale, coarsest, finest, multiples, projections, plain)


@dataclass(frozen=True)
class _Common:
    """``scale``: at which all steps become integers, the coarsest; ``multiples``: these integers."""

    scale: float
    multiples: list[int]


def _common(scales: Sequence[float]) -> _Common | None:
    """Of steps that become 1 at ``scales``; None if they have no common part that is large enough."""
    finest = max(scales)
    parts = 1
    while True:
        with np.errstate(over="ignore", invalid="ignore"):
            multiples = parts * finest / np.array(scales)
        if not parts * multiples.max() <= MOST_PARTS:
            return None
        if whole(multiples).all():
            return _Common(parts * finest, [round(multiple) for multiple in multiples.tolist()])
        parts += 1


def _parts_of_a_step(others: FloatArray, most: int, leaks: bool) -> int:
    """The number of parts, at most ``most``, into which a step is divided; ``others`` are given in steps.

    The fewest that make all of them integers; for a leak, whose floors want a fine unit, halved as often as possible.
    If nothing makes them integers, the most.
    """
    fitting = (parts for parts in range(1, most + 1) if whole(others * parts).all())
    parts = next(fitting, most)
    return parts << ((most // parts).bit_length() - 1) if leaks else parts


def _within_span(rows: _Rows, smallest: float) -> tuple[FloatArray, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """The scales, at most ``SCALE_SPAN`` times the smallest of the layer, whether each is exact, and whether limited.

    Exact ones divide their steps less for that, by halves, while they can. The smallest is that of the finest: a step
    that was not divided is no reason to take bits from the other channels.
    """
    most = SCALE_SPAN * smallest
    scale = np.minimum(rows.scale, most)
    exact = (rows.coarsest > 0) & (rows.coarsest <= most) & np.isfinite(rows.scale)
    parts = np.rint(rows.scale[exact] / rows.coarsest[exact])
    halvings = np.ceil(np.log2(rows.scale[exact] / scale[exact]))
    scale[exact] = rows.coarsest[exact] * np.maximum(parts // 2**halvings, 1)
    return scale, exact, rows.scale > most


def _gains(
    found: _Rows, parts: Sequence[Part], scale: FloatArray, exact: npt.NDArray[np.bool_], bits: int
) -> Int64Array:
    """The gains (projections, rows) at the scales that are built: the smallest that keep exact weights."""
    gains = np.ones((len(parts), len(scale)), np.int64)
    if not found.plain:
        gains = found.projections.gains(np.arange(len(scale)), scale)
    largest = largest_weight(bits)
    for row in np.flatnonzero(exact):
        divided = round(float(scale[row] / found.coarsest[row]))
        for port, part in enumerate(parts):
            if part.live[row]:
                step = int(found.multiples[port, row]) * divided
                gains[port, row] = _smallest_gain(step, largest // int(part.steps.peak[row]))
    return gains


def _smallest_gain(step: int, most: int) -> int:
    """The smallest factor of ``step`` that leaves at most ``most`` of it for the weights."""
    return next(gain for gain in range(-(-step // most), step + 1) if step % gain == 0)
