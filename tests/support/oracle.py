"""Networks by hand: loops over Python integers, written from ``docs/numerics.md`` alone, sharing no code with hwsnn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import NamedTuple, TypeAlias

import numpy as np

from hwsnn.spec import (
    AnyNeuron,
    AnyProjection,
    ChannelLeak,
    Conv,
    Layer,
    Leak,
    MaxPool,
    MultiplyLeak,
    Network,
    Neuron,
    Pair,
    Population,
    Shape,
    ShiftLeak,
    Sum,
)

Place: TypeAlias = tuple[int, int, int]
"""(channel, row, column)."""
Plane: TypeAlias = dict[Place, int]
"""A value for each place."""


def run(network: Network, image: np.ndarray) -> tuple[int, list[int], dict[str, list[Plane]]]:
    """The answer, the scores, and the values on every boundary at every step, of one frame.

    Behind the last layer, where its membranes are read, the values are its u.
    """
    values, shapes, before = {"pixels": encode(network, image)}, {"pixels": network.input_shape}, "pixels"
    for layer in network.layers:
        sources = [source or before for source in forward_sources(layer)]
        inputs, seen = [values[source] for source in sources], [shapes[source] for source in sources]
        if isinstance(layer, MaxPool):
            made, shape = pool(layer, inputs[0], seen[0])
        elif isinstance(layer, Sum):
            made, shape = [total(step) for step in zip(*inputs, strict=True)], seen[0]
        else:
            spikes, membranes, shape = population(layer, inputs, seen)
            reads_membranes = layer is network.layers[-1] and network.readout in ("membrane", "sum", "max")
            made = membranes if reads_membranes else spikes
        values[layer.name], shapes[layer.name], before = made, shape, layer.name
    scores = [score(network.readout, [step[c, 0, 0] for step in made]) for c in range(shape[0])]
    return scores.index(max(scores)), scores, {"encoder": values.pop("pixels"), **values}


def forward_sources(layer: Layer) -> list[str | None]:
    """What a layer reads at the same step, by name; None for the layer before it."""
    if isinstance(layer, MaxPool):
        return [layer.source]
    if isinstance(layer, Sum):
        return list(layer.sources)
    return [projection.source for projection in layer.projections if projection.delay == 0]


def total(planes: Sequence[Plane]) -> Plane:
    return {place: sum(plane[place] for plane in planes) for place in planes[0]}


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


def population(
    layer: Population, inputs: list[list[Plane]], shapes: list[Shape]
) -> tuple[list[Plane], list[Plane], Shape]:
    """The numbers of spikes and u at every step, and their shape; ``inputs`` of the projections without delay."""
    currents, spikes, membranes, shape = list[Plane](), list[Plane](), list[Plane](), shapes[0]
    running: dict[Place, Iterator[Moment]] = {}
    for step in zip(*inputs, strict=True):
        arriving, of_step = iter(zip(step, shapes, strict=True)), list[Plane]()
        for projection in layer.projections:
            if projection.delay == 0:
                plane, extent = next(arriving)
                summed, shape = sums(projection, plane, extent)
                of_step.append(summed)
            elif spikes:
                of_step.append(sums(projection, spikes[-1], shape_of(spikes[-1]))[0])
        current = {place: int(layer.bias[place[0]]) + 2**layer.fraction_bits * n for place, n in total(of_step).items()}
        if layer.pool is not None:
            windows = list(windows_of(shape, layer.pool.size, layer.pool.stride))
            current = {place: max(current[entry] for entry in window) for place, window in windows}
        currents.append(current)
        if not running:
            running = {place: one_neuron(layer.neuron, place[0], arriving_at(place, currents)) for place in current}
        moments = {place: next(neuron) for place, neuron in running.items()}
        spikes.append({place: moment.n for place, moment in moments.items()})
        membranes.append({place: moment.u for place, moment in moments.items()})
    return spikes, membranes, shape_of(spikes[0])


def sums(projection: AnyProjection, plane: Plane, shape: Shape) -> tuple[Plane, Shape]:
    """The sums of a projection times its gain, at one step, and their shape."""
    _, height, width = shape
    outputs, inputs_of_a_group, kernel_height, kernel_width = projection.weight.shape
    (sy, sx), (py, px), fillers = (1, 1), (0, 0), None
    if isinstance(projection, Conv):
        (sy, sx), (py, px), fillers = projection.stride, projection.padding, projection.padding_values
    outputs_of_a_group = outputs * inputs_of_a_group // shape[0]
    rows, columns = (height + 2 * py - kernel_height) // sy + 1, (width + 2 * px - kernel_width) // sx + 1
    weights = projection.weight.tolist()
    result: Plane = {}
    for o, y, x in product(range(outputs), range(rows), range(columns)):
        summed = 0
        for c, i, j in product(range(inputs_of_a_group), range(kernel_height), range(kernel_width)):
            seen = o // outputs_of_a_group * inputs_of_a_group + c
            outside = 0 if fillers is None else int(fillers[seen])
            summed += weights[o][c][i][j] * plane.get((seen, y * sy + i - py, x * sx + j - px), outside)
        result[o, y, x] = summed * (1 if projection.gain is None else int(projection.gain[o]))
    return result, (outputs, rows, columns)


def arriving_at(place: Place, currents: list[Plane]) -> Iterator[int]:
    """The currents of a neuron, each when it is there."""
    return (current[place] for current in currents)


class Moment(NamedTuple):
    """A neuron in a step: the synaptic current, the membrane before the reset, the spikes, the membrane after it."""

    s: int
    u: int
    n: int
    v: int


def one_neuron(neuron: AnyNeuron, o: int, currents: Iterable[int]) -> Iterator[Moment]:
    """A neuron of channel o, step after step."""
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
        yield Moment(s, u, n, v)


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
    return result, shape_of(result[0])


def windows_of(shape: Shape, size: Pair, stride: Pair) -> Iterator[tuple[Place, list[Place]]]:
    """Every window of a pool: its own place, and those of its entries, row by row."""
    channels, height, width = shape
    rows, columns = (height - size[0]) // stride[0] + 1, (width - size[1]) // stride[1] + 1
    for c, y, x in product(range(channels), range(rows), range(columns)):
        entries = [(c, y * stride[0] + i, x * stride[1] + j) for i in range(size[0]) for j in range(size[1])]
        yield (c, y, x), entries


def shape_of(plane: Plane) -> Shape:
    channels, rows, columns = (1 + max(place[axis] for place in plane) for axis in range(3))
    return channels, rows, columns
