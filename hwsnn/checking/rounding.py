"""By how much the rounding of a layer's numbers can have moved one of its membranes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwsnn.float_network import Decay, FloatArray, FloatNeuron
from hwsnn.quantization.leaks import LEAK_ROUNDING, built_betas, floors
from hwsnn.quantization.rows import whole
from hwsnn.spec import AnyProjection, Conv, Leak, Window

from .counterparts import Counterpart

FLOAT_ROUNDING = 1e-5
"""Of a membrane: what single precision may add to any difference."""


@dataclass(frozen=True)
class Rounding:
    """``parts``: what is rounded, in words. ``most``: how far that can move u from the threshold, in the module's unit.

    ``threshold``: in that unit too, to compare with.
    """

    parts: tuple[str, ...]
    most: float
    threshold: float


def rounding(
    layer: Counterpart,
    inputs: Sequence[npt.NDArray[np.uint8]],
    u: FloatArray,
    spikes: FloatArray,
    neuron: tuple[int, ...],
) -> Rounding:
    """Of ``neuron`` (channel, row, column) after the steps of ``inputs`` (T, C, H, W), those of each projection.

    ``u`` and ``spikes``: (T,), its own in the module until then.
    """
    channel, source, built = neuron[0], layer.source.neuron, layer.built.neuron
    assert isinstance(source, FloatNeuron)
    channels = len(layer.unit)
    unit = float(layer.unit[channel])
    theta = float(source.threshold[channel])
    beta, beta_off, beta_floor = _decay(source.beta, built.leak, channels, channel, unit)
    alpha = alpha_off = alpha_floor = 0.0
    if source.alpha is not None and built.synapse is not None:
        alpha, alpha_off, alpha_floor = _decay(source.alpha, built.synapse.leak, channels, channel, unit)
    taken = 0.0 if getattr(built, "sub", None) is None else _missed(theta * unit, unit)
    initial = 0.0 if source.initial is None else _missed(float(source.initial[channel]) * unit, unit)
    bias = _missed(float(layer.source.bias[channel]) * unit, unit)
    threshold = _missed(theta * unit, unit)
    floor = 0.0 if source.floor is None else _missed(float(source.floor[channel]) * unit, unit)
    moved_s, moved = 0.0, initial
    size = np.abs(np.append(u[:1], u))
    for step, current in enumerate(_current_errors(layer, inputs, neuron)):
        moved_s = alpha * moved_s + current + bias + alpha_floor + alpha_off * (size[step] + size[step + 1])
        before = spikes[step - 1] * taken if step else 0.0
        moved = beta * (moved + before) + beta_floor + beta_off * size[step] + moved_s + floor
    parts = {
        f"weights of {layer.built.projections[0].weight_bits} bits": not layer.scales.exact[channel],
        "bias": bias > 0,
        "threshold": threshold > 0,
        "what a spike takes off": taken > 0,
        "initial membrane": initial > 0,
        "lower bound": floor > 0,
        "decay": beta_off + alpha_off > 0,
        "floors of the leak": beta_floor + alpha_floor > 0,
    }
    most = moved + (threshold + 1 / unit if any(parts.values()) else 0.0) + FLOAT_ROUNDING * float(size.max() + theta)
    return Rounding(tuple(name for name, is_so in parts.items() if is_so), most, theta)


def _missed(value: float, unit: float) -> float:
    """By how much a number of ``value`` units misses an integer, in the module's unit."""
    return 0.0 if whole(np.array(value)) else abs(value - float(np.rint(value))) / unit


def _decay(asked: Decay, built: Leak, channels: int, channel: int, unit: float) -> tuple[float, float, float]:
    """The decay of ``channel``, by how much what is built misses it, and what a floor takes off at most."""
    beta = float(np.broadcast_to(np.asarray(asked), (channels,))[channel])
    off = abs(float(built_betas(built, channels)[channel]) - beta)
    floored = bool(np.broadcast_to(floors(built, channels), (channels,))[channel])
    return beta, off if off >= LEAK_ROUNDING else 0.0, 1 / unit if floored else 0.0


def _current_errors(layer: Counterpart, inputs: Sequence[npt.NDArray[np.uint8]], neuron: tuple[int, ...]) -> FloatArray:
    """By how much rounded weights move the input current of ``neuron`` at each step, (T,), in the module's unit.

    Behind a pool: that of the position of the pool that moves most.
    """
    _, row, column = neuron
    pool = layer.built.pool or Window((1, 1), (1, 1))
    errors = np.zeros(len(inputs[0]))
    for down in range(pool.size[0]):
        for across in range(pool.size[1]):
            at = (row * pool.stride[0] + down, column * pool.stride[1] + across)
            moved = sum(_moved(layer, port, given, neuron[0], at) for port, given in enumerate(inputs))
            errors = np.maximum(errors, np.abs(moved))
    return errors


def _moved(
    layer: Counterpart, port: int, inputs: npt.NDArray[np.uint8], channel: int, at: tuple[int, int]
) -> FloatArray:
    """What the rounded weights of a projection add to the sum of ``channel`` at its output position ``at``, (T,)."""
    one, source = layer.built.projections[port], layer.source.projections[port]
    scale = layer.scales.of(port)[channel]
    off = (one.weight[channel] / scale - source.weight[channel]) / layer.scales.per_ones[port]
    window, groups = one.window, one.in_channels // one.weight.shape[1]
    group = channel // (one.weight.shape[0] // groups) * off.shape[0]
    padded = _padded(one, inputs)[:, group : group + off.shape[0]]
    top, left = at[0] * window.stride[0], at[1] * window.stride[1]
    seen = padded[:, :, top : top + off.shape[1], left : left + off.shape[2]]
    return np.asarray((seen * off).sum(axis=(1, 2, 3)))


def _padded(one: AnyProjection, inputs: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    down, across = one.window.padding
    steps, channels, height, width = inputs.shape
    padded = np.zeros((steps, channels, height + 2 * down, width + 2 * across), np.uint8)
    if isinstance(one, Conv) and one.padding_values is not None:
        padded[:] = one.padding_values[:, np.newaxis, np.newaxis]
    padded[:, :, down : down + height, across : across + width] = inputs
    return padded
