"""How many fraction bits a layer has: as many as keep the floors of its leaks small against its thresholds."""

from __future__ import annotations

import numpy as np

from hwsnn import spec
from hwsnn.float_network import FloatArray, FloatNeuron, FloatPopulation

from .leaks import built_betas, choose_leak, floors

FLOOR = 0.5
"""What a floor takes off on average, in units of a membrane."""
LARGEST_SHARE = 0.01
"""Of the threshold: by how much floors may move a membrane."""
ERROR_SHARE = 0.25
"""Of the weights' RMS error: floors that are smaller do not matter beside it."""


def has_floors(layer: FloatPopulation) -> bool:
    """Whether a leak of the layer has memory and loses something to its floors."""
    decays = [layer.neuron.beta] + ([] if layer.neuron.alpha is None else [layer.neuron.alpha])
    return any(floors(choose_leak(decay), np.size(decay)).any() for decay in decays)


def share_of_floors(layer: FloatPopulation, unit: FloatArray, timesteps: int) -> float:
    """By how much floors move a membrane within ``timesteps`` steps on average, as a share of what decides.

    That is the threshold; of integrators the root of the sum of the squares of a channel's weights. The median of the
    channels. ``unit``: (channels,), what 1 becomes without fraction bits.
    """
    if not has_floors(layer):
        return 0.0
    neuron, channels = layer.neuron, len(layer.bias)
    leak = choose_leak(neuron.beta)
    beta, lost = built_betas(leak, channels), np.where(floors(leak, channels), FLOOR, 0.0)
    alpha: FloatArray = np.zeros(channels)
    lost_s: FloatArray = np.zeros(channels)
    if neuron.alpha is not None:
        synapse = choose_leak(neuron.alpha)
        alpha, lost_s = built_betas(synapse, channels), np.where(floors(synapse, channels), FLOOR, 0.0)
    s: FloatArray = np.zeros(channels)
    v: FloatArray = np.zeros(channels)
    for _ in range(timesteps):
        s = alpha * s + lost_s
        v = beta * v + lost + s
    if isinstance(neuron, FloatNeuron):
        decides = neuron.threshold * unit
    else:
        decides = np.sqrt((layer.projection.weight**2).sum(axis=(1, 2, 3))) * unit
    live = decides > 0
    return float(np.median(v[live] / decides[live])) if live.any() else 0.0


def fraction_bits(share: float, rms_error: float) -> int:
    """The fewest fraction bits that bring ``share`` to what is small enough; ``rms_error``: that of the weights."""
    allowed = max(LARGEST_SHARE, ERROR_SHARE * rms_error)
    wanted = int(np.ceil(np.log2(max(share / allowed, 1))))
    return min(wanted, spec.MAX_FRACTION_BITS)
