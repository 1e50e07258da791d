"""What a value of the input counts as: ``(value * input_scale - mean) / std``, folded into the layers that take it.

Exactly: into the weights of their projections from the input, and their biases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from hwsnn import spec
from hwsnn.errors import InputError
from hwsnn.float_network import (
    AnyFloatProjection,
    FloatArray,
    FloatConv,
    FloatDense,
    FloatLayer,
    FloatNetwork,
    FloatPopulation,
)
from hwsnn.spec.graph import INPUT_INDEX
from hwsnn.spec.integers import IntArray

from .report import InputReport
from .rows import whole

PerChannel: TypeAlias = float | Sequence[float]
"""A number for all channels of the input, or one for each."""


@dataclass(frozen=True, eq=False)
class FoldedInput:
    """A network whose layers take the values of the input as they come.

    ``per_one``: the value that stands for 1. ``zero``: (channels,), the value that stands for 0, with which projections
    from the input pad; None for zeros. ``report``: None if nothing was normalized.
    """

    network: FloatNetwork
    per_one: float
    zero: IntArray | None = None
    report: InputReport | None = None

    def per_ones(self, index: int) -> tuple[float, ...]:
        """The input that stands for 1, of each port of layer ``index``."""
        return tuple(self.per_one if edge.source == INPUT_INDEX else 1.0 for edge in self.network.edges[index])

    def padding_values(self, index: int) -> tuple[IntArray | None, ...]:
        """What the projections of layer ``index`` pad with, None for zeros."""
        layer = self.network.layers[index]
        assert isinstance(layer, FloatPopulation)
        return tuple(
            self.zero if edge.source == INPUT_INDEX and any(projection.padding) else None
            for projection, edge in zip(layer.projections, self.network.edges[index], strict=True)
        )


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
    channels, height, width = network.input_shape
    if not encoder.timed or (channels, height) != (1, 1):
        return network
    layers = list(network.layers)
    for index, layer, ports in _taking_input(network):
        ones = [layer.projections[port] for port in ports] if isinstance(layer, FloatPopulation) else []
        if not isinstance(layer, FloatPopulation) or not all(isinstance(one, FloatDense) for one in ones):
            return network
        wide = [replace(one, weight=one.weight.reshape(-1, width, 1, 1)) for one in ones]
        layers[index] = _with_projections(layer, dict(zip(ports, wide, strict=True)))
    mean, std = (None if value is None else np.repeat(value, width) for value in (network.mean, network.std))
    return replace(network, input_shape=(width, 1, 1), layers=tuple(layers), mean=mean, std=std)


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
    if network.input_scale is not None:
        per_one = 1 / network.input_scale
        if not np.isfinite(per_one):
            raise InputError(f"input scale must be at least 1e-308, not {network.input_scale!r}")
        per_one = float(np.rint(per_one)) if whole(np.array(per_one)) else per_one
    channels = network.input_shape[0]
    mean = np.zeros(channels) if network.mean is None else network.mean
    std = np.ones(channels) if network.std is None else network.std
    layers, padded = list(network.layers), list[str]()
    for index, layer, ports in _taking_input(network):
        if not isinstance(layer, FloatPopulation):
            raise InputError(f"layer {layer.name!r}: a layer that takes mean, std or input scale must have weights")
        layers[index] = _folded(layer, ports, mean, std)
        padded += [layer.name for port in ports if any(layer.projections[port].padding)]
    padding = _padding(padded[0], mean * per_one, largest) if padded else None
    missed = 0.0 if padding is None else float(np.abs((padding / per_one - mean) / std).max())
    report = InputReport(
        scale=1 / per_one,
        mean=tuple(mean.tolist()),
        std=tuple(std.tolist()),
        padding=None if padding is None else tuple(padding.tolist()),
        padding_missed=missed,
    )
    folded = replace(network, layers=tuple(layers))
    return FoldedInput(folded, per_one, padding if padding is not None and padding.any() else None, report)


def _taking_input(network: FloatNetwork) -> Iterator[tuple[int, FloatLayer, list[int]]]:
    """The layers that take the input, each with its index and the ports where it does."""
    for index, (layer, edges) in enumerate(zip(network.layers, network.edges, strict=True)):
        ports = [port for port, edge in enumerate(edges) if edge.source == INPUT_INDEX]
        if ports:
            yield index, layer, ports


def _folded(layer: FloatPopulation, ports: Sequence[int], mean: FloatArray, std: FloatArray) -> FloatPopulation:
    """The layer, whose ``ports`` take the input, on values as they come."""
    bias, folded = layer.bias, dict[int, AnyFloatProjection]()
    try:
        for port in ports:
            one = layer.projections[port]
            with np.errstate(over="ignore", invalid="ignore"):  # the result is checked
                weight = _by_input(one, 1 / std) * one.weight
                bias = bias - (_by_input(one, mean) * weight).sum(axis=(1, 2, 3))
            folded[port] = replace(one, weight=weight)
        return replace(_with_projections(layer, folded), bias=bias)
    except ValueError as error:
        raise InputError(f"{error}; mean and std are too far from 1 for it") from None


def _with_projections(layer: FloatPopulation, ones: Mapping[int, AnyFloatProjection]) -> FloatPopulation:
    """The layer with ``ones``, by port, in place of its own."""
    projections = tuple(ones.get(port, own) for port, own in enumerate(layer.projections))
    return replace(layer, projections=projections)


def _by_input(one: AnyFloatProjection, values: FloatArray) -> FloatArray:
    """Values of the input's channels where the weights have theirs: (out channels, in channels of a group, 1, 1)."""
    groups = one.groups if isinstance(one, FloatConv) else 1
    by_output = np.repeat(values.reshape(groups, -1), one.out_channels // groups, axis=0)
    return by_output[:, :, np.newaxis, np.newaxis]


def _padding(layer: str, zero: FloatArray, largest: int) -> IntArray:
    """The values nearest to ``zero``, what normalizes to 0, for ``layer``, which pads."""
    padding = np.rint(zero)
    outside = (padding < 0) | (padding > largest)
    if outside.any():
        channel = int(np.flatnonzero(outside)[0])
        raise InputError(
            f"layer {layer!r}: pads with what normalizes to 0, which is {zero[channel]:.6g} in channel {channel}, "
            f"outside the values from 0 to {largest}; train without padding in the first layer, or with another mean"
        )
    return padding.astype(np.int32)
