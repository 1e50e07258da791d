"""Size limits of a network, in memory and in work per image.

A model file is untrusted, and a kilobyte of it can describe any number of membranes. The limits are far beyond the
capacity of an FPGA, and such that the reference still runs an image in seconds: VGG-16 without its fully connected
layers is within them, on 224x224 pixels at T = 8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import TypeAlias

from hwsnn import spec
from hwsnn.float_network import FloatLayer
from hwsnn.spec import graph
from hwsnn.spec.checks import assert_never
from hwsnn.spec.populations import AbstractPopulation

Layer: TypeAlias = spec.Layer | FloatLayer

MOST_LAYERS = 256
MOST_PORTS = 1024
"""Inputs of all layers."""
MOST_WEIGHTS = 1 << 24
"""Weights of a network: four times as many as the block memories of the largest device hold, at 8 bits."""
MOST_VALUES = 1 << 23
"""Pixels, membranes or spikes of a layer per step, its border included."""
MOST_VALUES_AN_IMAGE = 1 << 27
MOST_POSITIONS_AN_IMAGE = 1 << 23
"""Positions times steps of all layers: about the number of beats in hardware."""
MOST_CHANNELS_AN_IMAGE = 1 << 20
"""Channels times steps of all layers: the range of the membranes is computed for each."""
MOST_WINDOW_VALUES = 1 << 27
"""Inputs of all windows of a layer per step."""
MOST_WINDOW_VALUES_AN_IMAGE = 1 << 31
MOST_ROW_VALUES = 1 << 24
"""Inputs of a row of windows per step."""
MOST_POOLED = 1 << 12
"""Positions of a pool's window."""


def require_bounded(layers: Sequence[Layer], shapes: Sequence[spec.Shape], timesteps: int) -> None:
    """Raise ``ValueError`` unless ``layers`` are within the limits.

    ``shapes``: the input's, then the one after each layer.
    """
    _require("the layers", len(layers), MOST_LAYERS)
    connected = graph.edges(layers)
    _require("the inputs of all layers", sum(map(len, connected)), MOST_PORTS)
    populations = [layer for layer in layers if isinstance(layer, AbstractPopulation)]
    weights = sum(projection.synapses for layer in populations for projection in layer.projections)
    _require("the weights", weights, MOST_WEIGHTS)
    _require("the pixels", prod(shapes[0]), MOST_VALUES)
    values, positions, windows = prod(shapes[0]), prod(shapes[0][1:]), 0
    for layer, edges in zip(layers, connected, strict=True):
        name = f"of layer {layer.name!r}"
        for window, before, after in _parts(layer, [shapes[edge.source + 1] for edge in edges]):
            inputs, (height, width) = before[0] * prod(window.size), window.padded(before[1:])
            _require(f"the inputs {name}, with their border,", before[0] * height * width, MOST_VALUES)
            _require(f"the outputs {name}", prod(after), MOST_VALUES)
            _require(f"the inputs of a row of windows {name}", after[2] * inputs, MOST_ROW_VALUES)
            _require(f"the inputs of all windows {name}", after[1] * after[2] * inputs, MOST_WINDOW_VALUES)
            values += prod(after)
            positions += height * width
            windows += after[1] * after[2] * inputs
    _require("the values of all layers and time steps", values * timesteps, MOST_VALUES_AN_IMAGE)
    _require("the positions of all layers and time steps", positions * timesteps, MOST_POSITIONS_AN_IMAGE)
    _require("the inputs of all windows and time steps", windows * timesteps, MOST_WINDOW_VALUES_AN_IMAGE)
    channels = sum(shape[0] for shape in shapes)
    _require("the channels of all layers and time steps", channels * timesteps, MOST_CHANNELS_AN_IMAGE)


def _parts(layer: Layer, inputs: list[spec.Shape]) -> Iterator[tuple[spec.Window, spec.Shape, spec.Shape]]:
    """The windows of a layer with the shapes before and after them: of its weights, then of its pool, or of a sum."""
    match layer:
        case AbstractPopulation():
            for projection, before in zip(layer.projections, inputs, strict=True):
                after = projection.output_shape(before)
                yield projection.window, before, after
            if layer.pool is not None:
                yield _pooled(layer.name, layer.pool, after)
        case spec.MaxPool():
            yield _pooled(layer.name, layer.window, inputs[0])
        case spec.Sum():
            for shape in inputs:
                yield spec.Window((1, 1)), shape, shape
        case _:
            raise assert_never(layer)


def _pooled(name: str, pool: spec.Window, before: spec.Shape) -> tuple[spec.Window, spec.Shape, spec.Shape]:
    _require(f"the positions in a window of layer {name!r}", prod(pool.size), MOST_POOLED)
    return pool, before, (before[0], *pool.positions(name, before[1:]))


def _require(what: str, count: int, most: int) -> None:
    if count > most:
        raise ValueError(f"{what} must be at most {most:,}, not {count:,}")
