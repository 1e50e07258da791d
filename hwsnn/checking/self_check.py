"""A module beside the model that was just made of it, on a few random frames: a mistake in reading it shows at once."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from hwsnn.frontends.modules.build import ReadModule
from hwsnn.spec import Network
from hwsnn.spec.integers import Images

from .check import check
from .counterparts import CountedAs
from .result import CheckResult

FRAMES = 16
"""As many as the module takes in one batch."""
MOST_OPERATIONS = 1 << 33
"""Multiply-adds of all frames together, some seconds' worth; a larger network gets fewer frames, at least one."""
RATE = 0.2
"""The share of ones in values of steps that count as they are, as spikes do."""


def self_check(read: ReadModule, network: Network, counted: CountedAs) -> CheckResult:
    """The module that was ``read`` beside ``network`` on up to ``FRAMES`` random frames.

    Raises ``InputError`` if the two cannot be compared.
    """
    frames = max(1, min(FRAMES, MOST_OPERATIONS // _operations(network)))
    return check(read, network, _random_frames(network, frames, counted), counted=counted)


def summary(result: CheckResult) -> dict[str, Any]:
    """The figures as JSON values: ``differ`` has the number of values that differ, by layer."""
    differ = {layer.name: layer.differ for layer in result.layers}
    return {"images": result.images, "answers_agree": result.answers_agree, "differ": differ}


def _random_frames(network: Network, frames: int, counted: CountedAs) -> Images:
    """Of any pixels, or of ones and zeros where a step's values count as they are."""
    random, shape = np.random.default_rng(0), (frames, *network.frame_shape)
    if network.encoder.timed and counted.input_scale is None:
        return (random.random(shape) < RATE).astype(np.uint8)
    return random.integers(0, network.largest_pixel, shape, np.uint8, endpoint=True)


def _operations(network: Network) -> int:
    """Multiply-adds of a frame, pools left out, at least one."""
    a_step = sum(
        prod(one.output_shape(shape)) * prod(one.weight.shape[1:])
        for index, layer in network.populations()
        for one, shape in zip(layer.projections, network.input_shapes(index), strict=True)
    )
    return max(1, a_step * network.timesteps)
