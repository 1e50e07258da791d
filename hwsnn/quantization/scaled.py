"""The weights of a trained network in the unit of the integers that were made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwsnn.float_network import FloatArray, FloatNetwork, FloatPopulation
from hwsnn.spec import SPIKE_READOUTS, Network
from hwsnn.spec.integers import Int64Array

from .fractions import has_floors
from .inputs import folded_input, vector_of_channels
from .scales import layer_scales


@dataclass(frozen=True, eq=False)
class ScaledWeights:
    """Of all projections of a layer: ``floats`` times their scales, and the ``integers`` of them, (weights,)."""

    floats: FloatArray
    integers: Int64Array


def scaled_weights(source: FloatNetwork, network: Network) -> dict[str, ScaledWeights]:
    """Of each layer with weights; ``network``: what ``quantize`` made of ``source`` without changing its readings.

    Raises ``ValueError`` where the layers are not the same.
    """
    seen = folded_input(vector_of_channels(source, network.encoder), network.encoder, network.pixel_bits)
    found = {}
    for index, built in network.populations():
        layer = seen.network.layers[index]
        if not isinstance(layer, FloatPopulation) or layer.name != built.name:
            raise ValueError(f"layer {built.name!r} must be that of the trained network, not {layer.name!r}")
        scales = layer_scales(
            layer,
            built.projections[0].weight_bits,
            seen.per_ones(index),
            compared=index == len(network.layers) - 1 and network.readout not in SPIKE_READOUTS,
            leaks=has_floors(layer),
        )
        floats = [(one.weight * scales.of(port)).ravel() for port, one in enumerate(layer.projections)]
        integers = [one.weight.astype(np.int64).ravel() for one in built.projections]
        found[built.name] = ScaledWeights(np.concatenate(floats), np.concatenate(integers))
    return found
