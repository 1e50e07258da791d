"""Trained networks in float64, by the sentences about what a neuron does, step by step. Independent of the product."""

from __future__ import annotations

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
from hwsnn.spec import MaxPool, Readout, Sum


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
    before = "pixels"
    values = {before: inputs}
    for layer in network.layers:

        def source(name: str | None, before: str = before) -> FloatArray:
            return values[before if name is None else name]

        if isinstance(layer, Sum):
            values[layer.name] = np.sum([source(name) for name in layer.sources], axis=0)
        elif isinstance(layer, MaxPool):
            values[layer.name] = _spiking_pool(layer, source(layer.source))
        else:
            values[layer.name] = _population(layer, [source(one.source) for one in layer.forward], found)
        found.spikes[layer.name] = values[layer.name]
        before = layer.name
    return found


def _population(layer: FloatPopulation, inputs: list[FloatArray], found: Simulated) -> FloatArray:
    """Its numbers of spikes; ``inputs``: of the projections without delay, in their order."""
    neuron = _Neuron(layer.neuron)
    currents, spikes, membranes = [], [], []
    for t in range(inputs[0].shape[1]):
        now = iter(inputs)
        total = layer.bias[:, None, None] + np.zeros(1)
        for one in layer.projections:
            if one.delay == 0:
                total = total + _weighted(one, next(now)[:, t])
            elif t > 0:
                total = total + _weighted(one, spikes[-1])
        currents.append(total if layer.pool is None else _largest(total, layer.pool.size, layer.pool.stride))
        n, u = neuron.step(currents[-1])
        spikes.append(n)
        membranes.append(u)
    found.currents[layer.name], found.membranes[layer.name] = np.stack(currents, axis=1), np.stack(membranes, axis=1)
    return np.stack(spikes, axis=1)


def _weighted(one: AnyFloatProjection, x: FloatArray) -> FloatArray:
    """What a projection makes of a step's input, (N, C, H, W)."""
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


class _Neuron:
    """Neurons with their state."""

    def __init__(self, neuron: FloatNeuron | FloatIntegrator) -> None:
        self._neuron = neuron
        self._s: Any = 0.0
        self._v: Any = 0.0 if neuron.initial is None else _by_channel(neuron.initial)
        self._n: Any = 0.0
        self._ever: Any = False

    def step(self, current: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The numbers of spikes and the membranes u, (N, C, H, W) each."""
        neuron, v, n = self._neuron, self._v, self._n
        beta = _by_channel(neuron.beta)
        self._s = s = current if neuron.alpha is None else _by_channel(neuron.alpha) * self._s + current
        if isinstance(neuron, FloatIntegrator):
            u = v = beta * v + s
            n = np.zeros_like(u)
        else:
            theta = _by_channel(neuron.threshold)
            match neuron.reset:
                case "subtract" | "zero" | "none":
                    u = beta * v + s
                    n = _count(neuron, u) * (1 - self._ever) if neuron.once else _count(neuron, u)
                    v = {"subtract": u - n * theta, "zero": np.where(n > 0, 0.0, u), "none": u}[neuron.reset]
                case "late-subtract":
                    u = v = beta * v + s - n * theta
                    n = _count(neuron, u)
                case "late-zero":
                    u = v = (1 - n) * (beta * v + s)
                    n = _count(neuron, u)
                case "undelayed-subtract":
                    u = beta * v + s - _count(neuron, v) * theta
                    n = _count(neuron, u)
                    v = beta * v + s - n * theta
            self._ever = np.maximum(self._ever, n > 0)
        self._v = v if neuron.floor is None else np.maximum(v, _by_channel(neuron.floor))
        self._n = n
        return n, u


def _by_channel(values: Any) -> Any:
    return values[:, None, None] if isinstance(values, np.ndarray) else values


def _count(neuron: FloatNeuron, u: FloatArray) -> FloatArray:
    """How many multiples of the threshold are reached."""
    theta = _by_channel(neuron.threshold)
    multiples = [k * theta for k in range(1, neuron.spikes + 1)]
    reached = [u > one if neuron.compare == "greater" else u >= one for one in multiples]
    return np.asarray(np.sum(reached, axis=0, dtype=np.float64))
