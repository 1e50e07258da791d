"""One layer alone, on inputs that are given: its spikes, and the membranes that decide them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwsnn.spec import Network, Population
from hwsnn.spec.integers import Int64Array

from .layers import PopulationLayer, stage
from .steps import Bytes, channels_last, image_first


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """``spikes``: (N, T, C, H, W) uint8. ``membranes``: u of each step, likewise, int64; None without neurons."""

    spikes: Bytes
    membranes: Int64Array | None


def of_layer(network: Network, index: int, *inputs: Bytes) -> LayerTrace:
    """Layer ``index`` of ``network`` on ``inputs`` (N, T, C, H, W), spikes or values of the input, at every step.

    One for each of its ports without delay.
    """
    layer, largest_inputs = network.layers[index], network.largest_inputs(index)
    steps = [channels_last(given).swapaxes(0, 1) for given in inputs]
    if not isinstance(layer, Population):
        return LayerTrace(image_first(stage(layer, largest_inputs, network.timesteps)(*steps)), None)
    membranes, spikes = [], []
    for step in PopulationLayer(layer, largest_inputs, network.timesteps).over(*steps):
        membranes.append(step.u.astype(np.int64))
        spikes.append(step.spikes.view(np.uint8))
    return LayerTrace(image_first(np.stack(spikes)), image_first(np.stack(membranes)))
