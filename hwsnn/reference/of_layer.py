"""One layer alone, on inputs that are given: its spikes, and the membranes that decide them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwsnn.spec import MaxPool, Network
from hwsnn.spec.integers import Int64Array

from .layers import PopulationLayer, stage
from .steps import Bytes, channels_last, image_first


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """``spikes``: (N, T, C, H, W) uint8. ``membranes``: u of each step, likewise, int64; None of a pool."""

    spikes: Bytes
    membranes: Int64Array | None


def of_layer(network: Network, index: int, inputs: Bytes) -> LayerTrace:
    """Layer ``index`` of ``network`` on ``inputs`` (N, T, C, H, W), spikes or values of the input, at every step."""
    layer, steps = network.layers[index], channels_last(inputs).swapaxes(0, 1)
    if isinstance(layer, MaxPool):
        pooled = stage(layer, network.largest_inputs(index)[0], network.timesteps)(steps)
        return LayerTrace(image_first(pooled), None)
    membranes, spikes = [], []
    for step in PopulationLayer(layer, network.largest_inputs(index)[0], network.timesteps).over(steps):
        membranes.append(step.u.astype(np.int64))
        spikes.append(step.spikes.view(np.uint8))
    return LayerTrace(image_first(np.stack(spikes)), image_first(np.stack(membranes)))
