"""How many fraction bits a layer has: as many as keep small, against its thresholds, what is lost beside its weights.

That is what the floors of its leaks take off and, where no weight is rounded, what rounding does to all the rest.
"""

from __future__ import annotations

import numpy as np

from hwsnn import spec
from hwsnn.float_network import FloatArray, FloatNeuron, FloatPopulation
from hwsnn.spec.neurons import SUBTRACTING

from .leaks import LEAK_ROUNDING, built_betas, choose_leak, floors
from .rows import whole
from .scales import Scales, beside_weights

FLOOR = 0.5
"""What a floor takes off on average, in units of a membrane."""
LARGEST_SHARE = 0.01
"""Of the threshold: by how much floors may move a membrane beside weights that are rounded."""
LARGEST_ALONE = 0.0025
"""Of the threshold: by how much floors and rounding may move a membrane where no weight is rounded."""
ERROR_SHARE = 0.25
"""Of the weights' RMS error: floors that are smaller do not matter beside it."""
LARGEST_FLOAT = float(np.finfo(np.float64).max)
"""Stands for the share of a threshold so small that it has none."""
WORTH_EXACTNESS = 4
"""Fraction bits beyond those that are enough, if floors lose nothing at all with them."""


def has_floors(layer: FloatPopulation) -> bool:
    """Whether a leak of the layer has memory and loses something to its floors."""
    decays = [layer.neuron.beta] + ([] if layer.neuron.alpha is None else [layer.neuron.alpha])
    return any(floors(choose_leak(decay), np.size(decay)).any() for decay in decays)


def shares_moved(layer: FloatPopulation, scales: Scales, timesteps: int) -> FloatArray:
    """By how much floors and rounding move a membrane within ``timesteps`` steps, as a share of what decides.

    (MAX_FRACTION_BITS + 1,), with so many fraction bits. What decides is the threshold; of integrators the root of the
    sum of the squares of a channel's weights. The median of the channels that floors or rounding move at all: others,
    such as integrators beside leaks, lose nothing. Rounding counts where no weight is rounded.
    """
    neuron, channels, unit = layer.neuron, len(layer.bias), scales.units(0)
    finer = np.exp2(np.arange(spec.MAX_FRACTION_BITS + 1))[:, np.newaxis]

    def missed(values: FloatArray | None) -> FloatArray:
        if values is None or not scales.exact.all():
            return np.zeros((len(finer), channels))
        products = values * unit * finer
        return np.where(whole(products), 0.0, np.abs(products - np.rint(products))) / finer

    leak = choose_leak(neuron.beta)
    beta, lost = built_betas(leak, channels), np.where(floors(leak, channels), FLOOR, 0.0) / finer
    alpha: FloatArray = np.zeros(channels)
    into_s = missed(layer.bias)
    if neuron.alpha is not None:
        synapse = choose_leak(neuron.alpha)
        alpha = built_betas(synapse, channels)
        into_s += np.where(floors(synapse, channels), FLOOR, 0.0) / finer
    # The reset amount once: of the steps of a frame, most neurons fire in one or in none.
    taken = neuron.threshold if isinstance(neuron, FloatNeuron) and neuron.reset in SUBTRACTING else None
    v = missed(neuron.initial) + missed(neuron.floor) + missed(taken)
    s = np.zeros_like(v)
    for _ in range(timesteps):
        s = alpha * s + into_s
        v = beta * v + lost + s
    if isinstance(neuron, FloatNeuron):
        decides = neuron.threshold * unit
    else:
        decides = np.sqrt(sum((one.weight**2).sum(axis=(1, 2, 3)) for one in layer.projections)) * unit
    live = (decides > 0) & (v[0] > 0)
    if not live.any():
        return np.zeros(len(finer))
    with np.errstate(over="ignore"):
        return np.asarray(np.minimum(np.median(v[:, live] / decides[live], axis=1), LARGEST_FLOAT))


def bits_that_lose_nothing(
    layer: FloatPopulation, built: spec.Population, scales: Scales, unit: FloatArray, timesteps: int
) -> int | None:
    """The fraction bits with which no floor loses anything within the steps; None if something else is rounded.

    ``built``: the layer without fraction bits, whose unit is ``unit``. Each step takes as many bits as the decay has.
    """
    beside = np.stack([values * unit for values in beside_weights(layer)])
    if not (scales.exact.all() and whole(beside).all()):
        return None
    channels, a_step = len(layer.bias), np.zeros(len(layer.bias), np.int64)
    for decay in (layer.neuron.beta, layer.neuron.alpha):
        if decay is None:
            continue
        betas = built_betas(choose_leak(decay), channels)
        if (np.abs(betas - decay) >= LEAK_ROUNDING).any():
            return None
        a_step = np.maximum(a_step, [beta.as_integer_ratio()[1].bit_length() - 1 for beta in betas.tolist()])
    integers = [*(one.gained.reshape(channels, -1) for one in built.projections), np.rint(beside).T]
    common = np.gcd.reduce(np.concatenate(integers, axis=1).astype(np.int64), axis=1)
    halvings = np.log2(np.maximum(common & -common, 1)).astype(np.int64)
    steps = timesteps if layer.neuron.initial is not None else timesteps - 1
    missing = np.where(common > 0, a_step * steps - halvings, 0)
    return int(max(missing.max(), 0))


def fraction_bits(shares: FloatArray, rms_error: float, exact: int | None) -> int:
    """The fewest fraction bits at which ``shares``, of each number of bits, are small enough; if none is, the most.

    ``rms_error``: that of the weights, 0 if none is rounded. ``exact``: the bits with which floors lose nothing; they
    are worth ``WORTH_EXACTNESS`` more.
    """
    enough = shares <= max(LARGEST_SHARE if rms_error else LARGEST_ALONE, ERROR_SHARE * rms_error)
    wanted = int(enough.argmax()) if enough.any() else spec.MAX_FRACTION_BITS
    if exact is not None and exact <= min(wanted + WORTH_EXACTNESS, spec.MAX_FRACTION_BITS):
        return exact
    return wanted
