"""Trained networks in float64, by the sentences about what a neuron does, step by step. Independent of the product.

Only the names of sources come from it: a source is what its name says, or the layer before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hwsnn.float_network import (
    AnyFloatProjection,
    FloatArray,
    FloatConv,
    FloatIntegrator,
    FloatNetwork,
    FloatNeuron,
    FloatPopulation,
)
from hwsnn.spec import INPUT, MaxPool, Readout, Sum


@dataclass
class Simulated:
    """Of every layer the numbers of spikes (N, T, C, H, W); of populations the input currents, and the membranes u.

    u: before the reset.
    """

    spikes: dict[str, FloatArray] = field(default_factory=dict)
    currents: dict[str, FloatArray] = field(default_factory=dict)
    membranes: dict[str, FloatArray] = field(default_factory=dict)

    def scores(self, layer: str, readout: Readout) -> FloatArray:
        """The scores (N, classes) of the last layer."""
        if readout in ("count", "first"):
            n = self.spikes[layer][..., 0, 0]
            if readout == "count":
                return np.asarray(n.sum(axis=1))
            first = (n > 0).argmax(axis=1)
            return np.where(n.any(axis=1), n.shape[1] - first, 0)
        u = self.membranes[layer][..., 0, 0]
        if readout == "membrane":
            return np.asarray(u[:, -1])
        return np.asarray(u.sum(axis=1) if readout == "sum" else u.max(axis=1))


def normalized(network: FloatNetwork, values: Any, default_scale: float) -> FloatArray:
    """What integer values (..., C, H, W) count as; ``default_scale`` where the network does not say."""
    channels = (-1, 1, 1)
    mean = 0.0 if network.mean is None else network.mean.reshape(channels)
    std = 1.0 if network.std is None else network.std.reshape(channels)
    scale = default_scale if network.input_scale is None else network.input_scale
    return np.asarray((values * scale - mean) / std)


def simulate(network: FloatNetwork, inputs: FloatArray) -> Simulated:
    """Run on ``inputs`` (N, T, C, H, W), normalized; padding is 0."""
    found = Simulated()
    given = {INPUT: inputs}
    before = INPUT
    for layer in network.layers:
        sources = [given[port.source or before] for port in layer.ports if not port.delay]
        if isinstance(layer, MaxPool):
            x = _spiking_pool(layer, sources[0])
        elif isinstance(layer, Sum):
            x = np.sum(sources, axis=0)
        else:
            x, found.currents[layer.name], found.membranes[layer.name] = _populated(layer, sources)
        found.spikes[layer.name] = given[layer.name] = x
        before = layer.name
    return found


def _populated(layer: FloatPopulation, sources: list[FloatArray]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Numbers of spikes, input currents and membranes u of every step, (N, T, C, H, W) each."""
    forward = [projection for projection in layer.projections if not projection.delay]
    recurrent = [projection for projection in layer.projections if projection.delay]
    steps = []
    for t in range(sources[0].shape[1]):
        parts = [_weighed(one, x[:, t]) for one, x in zip(forward, sources, strict=True)]
        currents = np.sum(parts, axis=0) + layer.bias[:, None, None]
        steps.append(currents if layer.pool is None else _largest(currents, layer.pool.size, layer.pool.stride))

    def current(t: int, n: FloatArray) -> FloatArray:
        """That of step t, behind n spikes in the step before."""
        return np.asarray(steps[t] + sum(_weighed(projection, n) for projection in recurrent))

    return _fire(layer.neuron, current, len(steps), np.zeros_like(steps[0]))


def _weighed(one: AnyFloatProjection, x: FloatArray) -> FloatArray:
    """The sums (N, C, H, W) of one step."""
    if not isinstance(one, FloatConv):
        return np.asarray(np.tensordot(x, one.weight, axes=((1, 2, 3), (1, 2, 3)))[:, :, None, None])
    (py, px), (sy, sx) = one.padding, one.stride
    x = np.pad(x, ((0, 0), (0, 0), (py, py), (px, px)))
    seen = np.lib.stride_tricks.sliding_window_view(x, one.kernel, axis=(2, 3))[:, :, ::sy, ::sx]
    inputs, outputs = one.weight.shape[1], len(one.weight) // one.groups
    parts = [
        np.einsum(
            "ncyxij,ocij->noyx",
            seen[:, group * inputs : (group + 1) * inputs],
            one.weight[group * outputs : (group + 1) * outputs],
        )
        for group in range(one.groups)
    ]
    return np.concatenate(parts, axis=1)


def _largest(x: FloatArray, size: tuple[int, int], stride: tuple[int, int]) -> FloatArray:
    windows = np.lib.stride_tricks.sliding_window_view(x, size, axis=(-2, -1))
    return np.asarray(windows[..., :: stride[0], :: stride[1], :, :].max(axis=(-2, -1)))


def _spiking_pool(pool: MaxPool, x: FloatArray) -> FloatArray:
    if pool.mode == "or":
        return _largest(x, pool.size, pool.stride)
    windows = np.lib.stride_tricks.sliding_window_view(x, pool.size, axis=(-2, -1))
    windows = windows[..., :: pool.stride[0], :: pool.stride[1], :, :]
    windows = windows.reshape(*windows.shape[:-2], -1)
    winners = windows.cumsum(axis=1).argmax(axis=-1)
    return np.asarray(np.take_along_axis(windows, winners[..., None], axis=-1)[..., 0])


def _fire(
    neuron: FloatNeuron | FloatIntegrator,
    current: Callable[[int, FloatArray], FloatArray],
    steps: int,
    zero: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """As ``_populated``. ``current``: that of a step, from the spikes of the step before; ``zero``: of its shape."""

    def by_channel(values: Any) -> Any:
        return values[:, None, None] if isinstance(values, np.ndarray) else values

    beta, alpha = by_channel(neuron.beta), by_channel(neuron.alpha)
    v = zero if neuron.initial is None else zero + by_channel(neuron.initial)
    s, n, ever = zero, zero, zero > 0
    spikes, currents, membranes = [], [], []
    for t in range(steps):
        i = current(t, n)
        s = i if alpha is None else alpha * s + i
        if isinstance(neuron, FloatIntegrator):
            u = v = beta * v + s
        else:
            theta = by_channel(neuron.threshold)

            def count(u: FloatArray) -> FloatArray:
                reached = [
                    u > k * theta if neuron.compare == "greater" else u >= k * theta  # noqa: B023
                    for k in range(1, neuron.spikes + 1)
                ]
                return np.asarray(np.sum(reached, axis=0, dtype=np.float64))

            match neuron.reset:
                case "subtract" | "zero" | "none":
                    u = beta * v + s
                    n = count(u) * ~ever if neuron.once else count(u)
                    v = {"subtract": u - n * theta, "zero": np.where(n > 0, 0.0, u), "none": u}[neuron.reset]
                case "late-subtract":
                    u = v = beta * v + s - n * theta
                    n = count(u)
                case "late-zero":
                    u = v = (1 - n) * (beta * v + s)
                    n = count(u)
                case "undelayed-subtract":
                    u = beta * v + s - count(v) * theta
                    n = count(u)
                    v = beta * v + s - n * theta
            ever = ever | (n > 0)
        if neuron.floor is not None:
            v = np.maximum(v, by_channel(neuron.floor))
        spikes.append(n)
        currents.append(i)
        membranes.append(u)
    return np.stack(spikes, axis=1), np.stack(currents, axis=1), np.stack(membranes, axis=1)
