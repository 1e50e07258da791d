"""What a value of the input counts as: ``(value * input_scale - mean) / std``, folded into the first layer, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from hwsnn import spec
from hwsnn.errors import InputError
from hwsnn.float_network import FloatArray, FloatConv, FloatDense, FloatNetwork, FloatPopulation
from hwsnn.spec.integers import IntArray

from .report import InputReport
from .scales import whole

PerChannel: TypeAlias = float | Sequence[float]
"""A number for all channels of the input, or one for each."""


@dataclass(frozen=True, eq=False)
class FoldedInput:
    """A network whose first layer takes the values as they come.

    ``per_one``: the value that stands for 1. ``padding_values``: (channels,), what the first layer pads with, None for
    zeros. ``report``: None if nothing was normalized.
    """

    network: FloatNetwork
    per_one: float
    padding_values: IntArray | None = None
    report: InputReport | None = None


def with_input(
    network: FloatNetwork, mean: PerChannel | None, std: PerChannel | None, input_scale: float | None
) -> FloatNetwork:
    """The network with these in place of its own. Raises ``InputError`` where they do not fit."""
    channels = network.input_shape[0]
    changed: dict[str, Any] = {} if input_scale is None else {"input_scale": float(input_scale)}
    for what, value in (("mean", mean), ("std", std)):
        if value is None:
            continue
        values = np.asarray(value, np.float64)
        if values.ndim == 1 and values.shape != (channels,):
            raise InputError(f"{what} must have one number, or one per channel, {channels}, not {len(values)}")
        changed[what] = np.array(np.broadcast_to(values, (channels,)))
    return replace(network, **changed)


def vector_of_channels(network: FloatNetwork, encoder: spec.Encoder) -> FloatNetwork:
    """The network with a row of values that change with time, before a fully connected layer, as channels of one pixel.

    So all values of a step come at once: a row would come pixel by pixel, each with all its steps.
    """
    first, (channels, height, width) = network.layers[0], network.input_shape
    if not encoder.timed or (channels, height) != (1, 1) or not isinstance(first, FloatPopulation):
        return network
    if not isinstance(first.projection, FloatDense):
        return network
    one = first.projection
    weight = one.weight.reshape(one.out_channels, width, 1, 1)
    layer = replace(first, projections=(replace(one, weight=weight),))
    mean, std = (None if value is None else np.repeat(value, width) for value in (network.mean, network.std))
    return replace(network, input_shape=(width, 1, 1), layers=(layer, *network.layers[1:]), mean=mean, std=std)


def folded_input(network: FloatNetwork, encoder: spec.Encoder, pixel_bits: int) -> FoldedInput:
    """The network with its normalization in the first layer. Raises ``InputError`` where that cannot be."""
    largest = (1 << pixel_bits) - 1
    per_one = float(largest) if encoder.held else 1.0
    if network.mean is None and network.std is None and network.input_scale is None:
        return FoldedInput(network, per_one)
    if encoder.spikes:
        raise InputError(
            f"network {network.name!r}: mean, std and input scale are of values, and encoding {encoder.kind!r} makes "
            "spikes of them; use encoding 'direct' or 'steps', or none of the three"
        )
    first = network.layers[0]
    if not isinstance(first, FloatPopulation):
        raise InputError(f"layer {first.name!r}: a first layer that takes mean, std or input scale must have weights")
    if network.input_scale is not None:
        per_one = 1 / network.input_scale
        if not np.isfinite(per_one):
            raise InputError(f"input scale must be at least 1e-308, not {network.input_scale!r}")
        per_one = float(np.rint(per_one)) if whole(np.array(per_one)) else per_one
    channels = network.input_shape[0]
    mean = np.zeros(channels) if network.mean is None else network.mean
    std = np.ones(channels) if network.std is None else network.std
    with np.errstate(over="ignore", invalid="ignore"):  # the result is checked
        weight = _by_input(first, 1 / std) * first.projection.weight
        bias = first.bias - (_by_input(first, mean) * weight).sum(axis=(1, 2, 3))
    try:
        layer = replace(first, projections=(replace(first.projection, weight=weight),), bias=bias)
    except ValueError as error:
        raise InputError(f"{error}; mean and std are too far from 1 for it") from None
    padding = _padding(first, mean * per_one, largest)
    missed = 0.0 if padding is None else float(np.abs((padding / per_one - mean) / std).max())
    report = InputReport(
        scale=1 / per_one,
        mean=tuple(mean.tolist()),
        std=tuple(std.tolist()),
        padding=None if padding is None else tuple(padding.tolist()),
        padding_missed=missed,
    )
    folded = replace(network, layers=(layer, *network.layers[1:]))
    return FoldedInput(folded, per_one, padding if padding is not None and padding.any() else None, report)


def _by_input(layer: FloatPopulation, values: FloatArray) -> FloatArray:
    """Values of the input's channels where the weights have theirs: (out channels, in channels of a group, 1, 1)."""
    one = layer.projection
    groups = one.groups if isinstance(one, FloatConv) else 1
    by_output = np.repeat(values.reshape(groups, -1), one.out_channels // groups, axis=0)
    return by_output[:, :, np.newaxis, np.newaxis]


def _padding(layer: FloatPopulation, zero: FloatArray, largest: int) -> IntArray | None:
    """The values nearest to ``zero``, what normalizes to 0, where the layer pads."""
    one = layer.projection
    if not (isinstance(one, FloatConv) and any(one.padding)):
        return None
    padding = np.rint(zero)
    outside = (padding < 0) | (padding > largest)
    if outside.any():
        channel = int(np.flatnonzero(outside)[0])
        raise InputError(
            f"layer {layer.name!r}: pads with what normalizes to 0, which is {zero[channel]:.6g} in channel {channel}, "
            f"outside the values from 0 to {largest}; train without padding in the first layer, or with another mean"
        )
    return padding.astype(np.int32)
