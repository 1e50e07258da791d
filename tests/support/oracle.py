"""Networks by hand: loops over Python integers, written from ``docs/numerics.md`` alone, sharing no code with hwsnn."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TypeAlias

import numpy as np

from hwsnn.spec import (
    ChannelLeak,
    Conv,
    Leak,
    MaxPool,
    MultiplyLeak,
    Network,
    Neuron,
    Pair,
    Population,
    Shape,
    ShiftLeak,
)

Place: TypeAlias = tuple[int, int, int]
"""(channel, row, column)."""
Plane: TypeAlias = dict[Place, int]
"""A value for each place."""


def run(network: Network, image: np.ndarray) -> tuple[int, list[int], dict[str, list[Plane]]]:
    """The answer, the scores, and the values on every boundary at every step, of one frame.

    Behind the last layer, where its membranes are read, the values are its u.
    """
    values = {"encoder": encode(network, image)}
    now, shape = values["encoder"], network.input_shape
    for layer in network.layers:
        if isinstance(layer, MaxPool):
            now, shape = pool(layer, now, shape)
        else:
            currents, shape = input_currents(layer, now, shape)
            spikes, membranes = neurons(layer, currents)
            reads_membranes = layer is network.layers[-1] and network.readout in ("membrane", "sum", "max")
            now = membranes if reads_membranes else spikes
        values[layer.name] = now
    scores = [score(network.readout, [step[c, 0, 0] for step in now]) for c in range(shape[0])]
    return scores.index(max(scores)), scores, values


def score(readout: str, steps: list[int]) -> int:
    """Of one class, from its numbers of spikes or its u at every step."""
    if readout in ("count", "sum"):
        return sum(steps)
    if readout == "first":
        for t, spikes in enumerate(steps):
            if spikes > 0:
                return len(steps) - t
        return 0
    if readout == "max":
        return max(steps)
    assert readout == "membrane"
    return steps[-1]


def encode(network: Network, image: np.ndarray) -> list[Plane]:
    channels, height, width = network.input_shape
    largest, timesteps = 2**network.pixel_bits - 1, network.timesteps
    steps: list[Plane] = [{} for _ in range(timesteps)]
    for c in range(channels):
        random = poisson_numbers(network, c) if network.encoder.kind == "poisson" else iter(())
        for y, x, t in product(range(height), range(width), range(timesteps)):
            p = int(image[t, c, y, x] if network.encoder.kind == "steps" else image[c, y, x])
            if network.encoder.kind in ("direct", "steps"):
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


def input_currents(layer: Population, inputs: list[Plane], shape: Shape) -> tuple[list[Plane], Shape]:
    """The currents at every step and their shape, behind the pool if the layer has one."""
    projection = layer.projection
    _, height, width = shape
    outputs, inputs_of_a_group, kernel_height, kernel_width = projection.weight.shape
    (sy, sx), (py, px), fillers = (1, 1), (0, 0), None
    if isinstance(projection, Conv):
        (sy, sx), (py, px), fillers = projection.stride, projection.padding, projection.padding_values
    outputs_of_a_group = outputs * inputs_of_a_group // shape[0]
    rows, columns = (height + 2 * py - kernel_height) // sy + 1, (width + 2 * px - kernel_width) // sx + 1
    weights = projection.weight.tolist()
    result: list[Plane] = [{} for _ in inputs]
    for o, y, x in product(range(outputs), range(rows), range(columns)):
        gain = 1 if projection.gain is None else int(projection.gain[o])
        for t, step in enumerate(inputs):
            total = 0
            for c, i, j in product(range(inputs_of_a_group), range(kernel_height), range(kernel_width)):
                seen = o // outputs_of_a_group * inputs_of_a_group + c
                outside = 0 if fillers is None else int(fillers[seen])
                total += weights[o][c][i][j] * step.get((seen, y * sy + i - py, x * sx + j - px), outside)
            result[t][o, y, x] = int(layer.bias[o]) + 2**layer.fraction_bits * gain * total
    if layer.pool is None:
        return result, (outputs, rows, columns)
    windows = list(windows_of((outputs, rows, columns), layer.pool.size, layer.pool.stride))
    pooled = [{place: max(step[entry] for entry in window) for place, window in windows} for step in result]
    return pooled, shape_of(windows)


def neurons(layer: Population, currents: list[Plane]) -> tuple[list[Plane], list[Plane]]:
    """The numbers of spikes, and u, at every step."""
    spikes: list[Plane] = [{} for _ in currents]
    membranes: list[Plane] = [{} for _ in currents]
    for place in currents[0]:
        of_neuron = one_neuron(layer, place[0], [step[place] for step in currents])
        for t, (n, u) in enumerate(of_neuron):
            spikes[t][place], membranes[t][place] = n, u
    return spikes, membranes


def one_neuron(layer: Population, o: int, currents: list[int]) -> Iterator[tuple[int, int]]:
    """n and u of a neuron of channel o, step after step."""
    neuron = layer.neuron
    bits, reset, sub, thresholds, once = neuron.membrane_bits, "none", 0, list[int](), False
    if isinstance(neuron, Neuron):
        reset, once = neuron.reset, neuron.once
        sub = 0 if neuron.sub is None else int(neuron.sub[o])
        thresholds = [int(neuron.threshold[o])]
        if neuron.further is not None:
            thresholds += [int(row[o]) for row in neuron.further]
    v = 0 if neuron.initial is None else int(neuron.initial[o])
    s = last_n = 0
    silent = False
    for current in currents:
        s = (
            current
            if neuron.synapse is None
            else saturate(leaked(neuron.synapse.leak, s, o) + current, neuron.synapse.bits)
        )
        whole = leaked(neuron.leak, v, o) + s
        if reset == "late-subtract":
            u = saturate(whole - last_n * sub, bits)
        elif reset == "late-zero" and last_n == 1:
            u = 0
        elif reset == "undelayed-subtract" and v >= thresholds[0]:
            u = saturate(whole - sub, bits)
        else:
            u = saturate(whole, bits)
        n = 0 if silent else sum(u >= threshold for threshold in thresholds)
        silent = once and (silent or n == 1)
        if reset == "zero" and n > 0:
            v = 0
        elif reset == "subtract":
            v = u - n * sub
        elif reset == "undelayed-subtract":
            v = saturate(whole - n * sub, bits)
        else:
            v = u
        if neuron.floor is not None:
            v = max(v, int(neuron.floor[o]))
        last_n = n
        yield n, u


def leaked(leak: Leak, v: int, o: int = 0) -> int:
    """leak(v) in channel o."""
    if isinstance(leak, ShiftLeak):
        return v - v // int(2**leak.shift)
    if isinstance(leak, MultiplyLeak):
        return v * leak.multiplier // int(2**leak.shift)
    if isinstance(leak, ChannelLeak):
        return v * int(leak.multipliers[o]) // int(2**leak.shift)
    return v


def saturate(u: int, bits: int) -> int:
    half = int(2 ** (bits - 1))
    return max(-half, min(half - 1, u))


def pool(layer: MaxPool, inputs: list[Plane], shape: Shape) -> tuple[list[Plane], Shape]:
    windows = list(windows_of(shape, layer.size, layer.stride))
    result: list[Plane] = [{} for _ in inputs]
    for place, window in windows:
        counts = [0] * len(window)
        for t, step in enumerate(inputs):
            counts = [count + step[entry] for count, entry in zip(counts, window, strict=True)]
            if layer.mode == "or":
                result[t][place] = int(any(step[entry] for entry in window))
            else:
                result[t][place] = step[window[counts.index(max(counts))]]
    return result, shape_of(windows)


def windows_of(shape: Shape, size: Pair, stride: Pair) -> Iterator[tuple[Place, list[Place]]]:
    """Every window of a pool: its own place, and those of its entries, row by row."""
    channels, height, width = shape
    rows, columns = (height - size[0]) // stride[0] + 1, (width - size[1]) // stride[1] + 1
    for c, y, x in product(range(channels), range(rows), range(columns)):
        entries = [(c, y * stride[0] + i, x * stride[1] + j) for i in range(size[0]) for j in range(size[1])]
        yield (c, y, x), entries


def shape_of(windows: list[tuple[Place, list[Place]]]) -> Shape:
    channel, row, column = windows[-1][0]
    return channel + 1, row + 1, column + 1
