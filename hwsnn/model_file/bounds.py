"""What a network may ask for at most, of memory and of work for an image.

A model file is untrusted, and a kilobyte of it can describe any number of membranes. The bounds are far beyond what an
FPGA can hold or keep up with, and such that the reference still runs an image in seconds: VGG-16 without its fully
connected layers fits, on 224x224 pixels at T = 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TypeAlias

from hwsnn import spec
from hwsnn.float_network import FloatConv, FloatLayer
from hwsnn.spec import MaxPool

Layer: TypeAlias = spec.Layer | FloatLayer

MOST_LAYERS = 256
MOST_WEIGHTS = 1 << 24
"""Of a network: four times as many as lie in the block memories of the largest device, at 8 bits."""
MOST_VALUES = 1 << 23
"""Pixels, membranes or spikes of a layer at a step, its border included."""
MOST_VALUES_AN_IMAGE = 1 << 27
MOST_POSITIONS_AN_IMAGE = 1 << 23
"""Positions times steps of all layers: about the beats that move in hardware."""
MOST_CHANNELS_AN_IMAGE = 1 << 20
"""Channels times steps of all layers: how far membranes go is worked out for each."""
MOST_WINDOW_VALUES = 1 << 27
"""What all windows of a layer hold at a step."""
MOST_WINDOW_VALUES_AN_IMAGE = 1 << 31
MOST_ROW_VALUES = 1 << 24
"""What a row of windows holds at a step."""
MOST_POOLED = 1 << 12
"""Positions of a pool's window."""


def require_bounded(layers: Sequence[Layer], shapes: Sequence[spec.Shape], timesteps: int) -> None:
    """Raise ``ValueError`` unless ``layers`` ask for no more than the bounds.

    ``shapes``: the input's, then the one after each layer.
    """
    _require("the layers", len(layers), MOST_LAYERS)
    _require("the weights", sum(layer.weight.size for layer in layers if not isinstance(layer, MaxPool)), MOST_WEIGHTS)
    _require("the pixels", prod(shapes[0]), MOST_VALUES)
    values, positions, windows = prod(shapes[0]), prod(shapes[0][1:]), 0
    for layer, before, after in zip(layers, shapes[:-1], shapes[1:], strict=True):
        name = f"of layer {layer.name!r}"
        channels, height, width = before
        if isinstance(layer, MaxPool):
            _require(f"the positions in a window {name}", prod(layer.size), MOST_POOLED)
            window = channels * prod(layer.size)
        else:
            window = prod(layer.weight.shape[1:])
        if isinstance(layer, (spec.Conv, FloatConv)):
            height, width = height + 2 * layer.padding[0], width + 2 * layer.padding[1]
        _require(f"the inputs {name}, with their border,", channels * height * width, MOST_VALUES)
        _require(f"the outputs {name}", prod(after), MOST_VALUES)
        _require(f"the inputs of a row of windows {name}", after[2] * window, MOST_ROW_VALUES)
        _require(f"the inputs of all windows {name}", after[1] * after[2] * window, MOST_WINDOW_VALUES)
        values += prod(after)
        positions += height * width
        windows += after[1] * after[2] * window
    _require("the values of all layers and time steps", values * timesteps, MOST_VALUES_AN_IMAGE)
    _require("the positions of all layers and time steps", positions * timesteps, MOST_POSITIONS_AN_IMAGE)
    _require("the inputs of all windows and time steps", windows * timesteps, MOST_WINDOW_VALUES_AN_IMAGE)
    channels = sum(shape[0] for shape in shapes)
    _require("the channels of all layers and time steps", channels * timesteps, MOST_CHANNELS_AN_IMAGE)


def _require(what: str, count: int, most: int) -> None:
    if count > most:
        raise ValueError(f"{what} must be at most {most:,}, not {count:,}")
