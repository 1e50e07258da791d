"""Networks by hand: loops over Python integers, written from ``docs/numerics.md`` alone, sharing no code with hwsnn."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TypeAlias

import numpy as np

from hwsnn.spec import Conv, Leak, MaxPool, MultiplyLeak, Network, Neuron, Population, Shape, ShiftLeak

Plane: TypeAlias = dict[tuple[int, int, int], int]
"""A value for each (channel, row, column)."""


def run(network: Network, image: np.ndarray) -> tuple[int, list[int], dict[str, list[Plane]]]:
    """The answer, the scores, and the values on every boundary at every step, of one image (C, H, W)."""
    values = {"encoder": encode(network, image)}
    now, shape = values["encoder"], network.input_shape
    for layer in network.layers:
        if isinstance(layer, MaxPool):
            now, shape = pool(layer, now, shape)
        else:
            now, shape = weighted(layer, now, shape)
        values[layer.name] = now
    classes = range(shape[0])
    if network.readout == "count":
        scores = [sum(step[c, 0, 0] for step in now) for c in classes]
    else:
        scores = [now[-1][c, 0, 0] for c in classes]
    return scores.index(max(scores)), scores, values


def encode(network: Network, image: np.ndarray) -> list[Plane]:
    channels, height, width = network.input_shape
    largest, timesteps = 2**network.pixel_bits - 1, network.timesteps
    steps: list[Plane] = [{} for _ in range(timesteps)]
    for c in range(channels):
        random = poisson_numbers(network, c) if network.encoder.kind == "poisson" else iter(())
        for y, x in product(range(height), range(width)):
            p = int(image[c, y, x])
            for t in range(timesteps):
                if network.encoder.kind == "direct":
                    value = p
                elif network.encoder.kind == "uniform":
                    value = int((t + 1) * p // largest > t * p // largest)
                elif network.encoder.kind == "poisson":
                    value = int(next(random) < p)
                else:
                    spike_step = (2 * (largest - p) * (timesteps - 1) + largest) // (2 * largest)
                    value = int(p > 0 and t == spike_step)
                steps[t][c, y, x] = value
    return steps


def poisson_numbers(network: Network, channel: int) -> Iterator[int]:
    """r of pixel after pixel, step after step, from one bit at a time of x^31 + x^28 + 1."""
    seed = network.encoder.seed ^ ((channel * 0x9E3779B1) % 2**31)
    if seed == 0:
        seed = 1
    past = [(seed >> (30 - i)) % 2 for i in range(31)]
    while True:
        r = 0
        for _ in range(network.pixel_bits):
            past.append(past[-31] ^ past[-28])
            del past[0]
            r = 2 * r + past[-1]
        yield r


def weighted(layer: Population, inputs: list[Plane], shape: Shape) -> tuple[list[Plane], Shape]:
    """Spikes at every step; of an integrator, the membranes at every step."""
    _, height, width = shape
    outputs, inputs_of_a_group, kernel_height, kernel_width = layer.projection.weight.shape
    (sy, sx), (py, px) = (layer.stride, layer.padding) if isinstance(layer, Conv) else ((1, 1), (0, 0))
    outputs_of_a_group = outputs * inputs_of_a_group // shape[0]
    rows, columns = (height + 2 * py - kernel_height) // sy + 1, (width + 2 * px - kernel_width) // sx + 1
    weights = layer.projection.weight.tolist()
    result: list[Plane] = [{} for _ in inputs]
    for o, y, x in product(range(outputs), range(rows), range(columns)):
        v = 0
        for t, step in enumerate(inputs):
            current = int(layer.bias[o])
            for c, i, j in product(range(inputs_of_a_group), range(kernel_height), range(kernel_width)):
                seen = o // outputs_of_a_group * inputs_of_a_group + c
                current += weights[o][c][i][j] * step.get((seen, y * sy + i - py, x * sx + j - px), 0)
            u = saturate(leaked(layer.neuron.leak, v) + current, layer.neuron.membrane_bits)
            v = u
            if isinstance(layer.neuron, Neuron):
                threshold = int(layer.neuron.threshold[o])
                spike = u >= threshold
                if spike and layer.neuron.reset == "subtract":
                    assert layer.neuron.sub is not None
                    v = u - int(layer.neuron.sub[o])
                elif spike and layer.neuron.reset == "zero":
                    v = 0
                result[t][o, y, x] = int(spike)
            else:
                result[t][o, y, x] = v
    return result, (outputs, rows, columns)


def leaked(leak: Leak, v: int) -> int:
    if isinstance(leak, ShiftLeak):
        return v - v // int(2**leak.shift)
    if isinstance(leak, MultiplyLeak):
        return v * leak.multiplier // int(2**leak.shift)
    return v


def saturate(u: int, bits: int) -> int:
    half = int(2 ** (bits - 1))
    return max(-half, min(half - 1, u))


def pool(layer: MaxPool, inputs: list[Plane], shape: Shape) -> tuple[list[Plane], Shape]:
    channels, height, width = shape
    (kernel_height, kernel_width), (sy, sx) = layer.size, layer.stride
    rows, columns = (height - kernel_height) // sy + 1, (width - kernel_width) // sx + 1
    result: list[Plane] = [{} for _ in inputs]
    for c, y, x in product(range(channels), range(rows), range(columns)):
        window = [(c, y * sy + i, x * sx + j) for i in range(kernel_height) for j in range(kernel_width)]
        counts = [0] * len(window)
        for t, step in enumerate(inputs):
            counts = [count + step[entry] for count, entry in zip(counts, window, strict=True)]
            if layer.mode == "or":
                result[t][c, y, x] = int(any(step[entry] for entry in window))
            else:
                result[t][c, y, x] = step[window[counts.index(max(counts))]]
    return result, (channels, rows, columns)
