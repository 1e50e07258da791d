"""Resources of a layer on a device, estimated from its weights in milliseconds.

The large parts are counted as the hardware is built: one look-up table per bit of a table and per bit of an adder, each
as wide as the weights make it. Four lanes are counted for all. ``docs/performance.md`` has the error against synthesis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatch
from math import prod

import numpy as np

from hwsnn.folding.column_pairs import pool_inputs
from hwsnn.folding.distributed_arithmetic import bits_per_table, by_significance, in_block_memory
from hwsnn.folding.fold_shape import FoldShape, fold_shapes
from hwsnn.folding.folding import LUTRAM_WORDS, Folding, LayerFold, Sums, common_steps, port_name
from hwsnn.folding.input_beats import joined_steps, pixel_beats
from hwsnn.folding.leak_products import pe_adders
from hwsnn.folding.pipeline_depths import synaptic_step
from hwsnn.folding.synaptic_sums import SynapticSums, synaptic_sums
from hwsnn.folding.weight_layout import sampled_weights
from hwsnn.spec import AnyNeuron, AnyProjection, Inputs, MaxPool, Network, Neuron, Population, Sum
from hwsnn.spec.checks import unknown_kind
from hwsnn.spec.integers import Int64Array, signed_width, unsigned_width
from hwsnn.spec.neurons import SEVERAL

from .devices import Device

SAMPLED_LANES = 4
PIXEL_TABLES = 0.66
"""Fraction that synthesis leaves of tables and trees of pixels with one row of weights: measured on conv1 of
``models/mnist``, 40,587 of 61,824 look-up tables."""
QUEUE = 150
"""Look-up tables of a layer's queue, counters and flow control: measured on the pools of the shipped models."""
EDGE_QUEUE = 40
"""Look-up tables of the counters of a queue behind a fork, which has no other flow control."""
BLOCK_BITS = 36
"""Bits of a block memory's word at 512 words."""
LATE_AMOUNTS = ("late-subtract", "undelayed-subtract")
"""Resets that take their amount off the current."""
STEP_CLOCKS = 4
"""Approximate cycles between the currents of consecutive time steps: to leak by a shift, add, fire and reset."""
LUTRAM_BITS = 14
"""Bits of ``LUTRAM_WORDS`` words that eight look-up tables of UltraScale+ hold."""


@dataclass(frozen=True)
class Cost:
    """Look-up tables, flip-flops and block memories of 18 kbit; no DSP slices, as products are made of adders."""

    lut: int = 0
    ff: int = 0
    bram18: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.lut + other.lut, self.ff + other.ff, self.bram18 + other.bram18)

    def times(self, count: int) -> Cost:
        """The cost of ``count`` of them."""
        return Cost(self.lut * count, self.ff * count, self.bram18 * count)

    def shares(self, device: Device) -> dict[str, float]:
        """The resources in percent of those of a device."""
        return {
            "lut": 100 * self.lut / device.lut,
            "ff": 100 * self.ff / device.ff,
            "bram36": 100 * self.bram18 / device.bram18,
            "dsp": 0.0,
        }

    def described(self, device: Device) -> str:
        """The resources and their shares of a device, in words."""
        shares = self.shares(device)
        return (
            f"{self.lut:,} LUT ({shares['lut']:.1f} %), {self.ff:,} FF ({shares['ff']:.1f} %), "
            f"{self.bram18 / 2:g} BRAM36 ({shares['bram36']:.1f} %), 0 DSP"
        )


def layer_cost(network: Network, index: int, fold: LayerFold, steps: tuple[int, ...], device: Device) -> Cost:
    """Approximate resources of layer ``index`` with its windows and neurons, and a short queue.

    ``steps``: time steps per beat of each of its inputs; the fold is ignored where there are no weights.
    """
    return cost(network.layers[index], network, index, fold, steps, device)


@singledispatch
def cost(layer: object, network: Network, index: int, fold: LayerFold, steps: tuple[int, ...], device: Device) -> Cost:
    """``layer_cost`` of each kind of layer."""
    raise unknown_kind("the cost", layer)


@cost.register(Population)
def _(layer: Population, network: Network, index: int, fold: LayerFold, steps: tuple[int, ...], device: Device) -> Cost:
    t_par, several = min(fold.t_par, network.timesteps), len(layer.projections) - 1
    total, shapes = Cost(QUEUE, layer.out_channels * t_par), fold_shapes(layer, fold)
    for port, shape in enumerate(shapes):
        total += _projection(network, index, port, shape, fold, steps[port], device)
    if several:
        added = several * shapes[0].lanes * t_par * network.current_range(index).width
        total += Cost(added, 2 * added)  # what is added waits for the slowest
    if fold.interleave > 1:
        total += _turns(network, index, fold, steps[0])
    return total + _neurons(network, index, shapes[0], t_par, fold.interleave)


@cost.register(MaxPool)
def _(layer: MaxPool, network: Network, index: int, fold: LayerFold, steps: tuple[int, ...], device: Device) -> Cost:
    (beat_channels, _, width), channels, (each,) = network.input_shapes(index)[0], network.shapes[index + 1][0], steps
    inputs, bits = pool_inputs(layer), channels * each
    window = Cost(QUEUE, bits) + _window(beat_channels * each, layer.size, width, network.timesteps // each)
    if layer.mode == "or":
        return window + Cost(bits * -(-inputs // 6), bits)
    count = network.timesteps.bit_length()
    return window + Cost(bits * inputs * 3 * count, bits * inputs * 2 * (count + 1))


@cost.register(Sum)
def _(layer: Sum, network: Network, index: int, fold: LayerFold, steps: tuple[int, ...], device: Device) -> Cost:
    common = common_steps(set(steps), network)
    entries, total = network.shapes[index + 1][0] * common, Cost(QUEUE)
    for inputs, each in zip(network.inputs(index), steps, strict=True):
        total += _joined(entries // common * inputs.bits, each, common) + Cost(0, 2 * entries * inputs.bits)
    added = (len(steps) - 1) * entries * network.outputs(index).bits
    return total + Cost(added, added)


def _projection(
    network: Network,
    index: int,
    port: int,
    shape: FoldShape,
    fold: LayerFold,
    steps: int,
    device: Device,
) -> Cost:
    """The synapses of a projection, with their windows."""
    layer, inputs = network.population(index), network.inputs(index)[port]
    projection = layer.projections[port]
    channels, height, width = network.input_shapes(index)[port]
    t_par, total = min(fold.t_par, network.timesteps), Cost()
    joined = joined_steps(network, index, port, fold, steps)
    bits = channels * inputs.bits * joined
    copies = 1 if inputs.held else t_par - fold.logic_steps
    forms: list[tuple[Sums, int]] = [("lut6", fold.logic_steps), (fold.sums, copies)]
    for sums, count in forms:
        if count > 0:
            if sums == "adders":
                synapses = _shared_adders(synaptic_sums(network, index, fold)[port][0])
            else:
                synapses = _synapses(projection, shape, inputs, sums, device)
            total += (synapses + _rings(layer, projection, shape)).times(count)
    total += _joined(channels * inputs.bits, steps, joined)
    window = projection.window if layer.pool is None else layer.window
    if projection.delay:
        total += Cost(0, bits)  # the spikes that come back
    elif projection.sliding:
        beats = pixel_beats(network, index, port, joined)
        total += _window(bits, window.size, window.padded((height, width))[1], beats)
    turned = shape.input_folds * shape.section_sets > 1 or joined > t_par
    taps = prod(window.size) if projection.sliding else 1
    total += Cost(taps * bits if turned else 0, taps * bits)
    if layer.windows > 1:
        sections = shape.sections * shape.cin_par * inputs.bits * (1 if inputs.held else t_par)
        total += Cost(-(-(layer.windows - 1) // 3) * sections * projection.taps)  # takes a window out of the pool
    return total


def _joined(step_bits: int, steps: int, joined: int) -> Cost:
    """A register to join beats in, and a skid buffer; nothing where beats stay as they are."""
    bits = step_bits * joined
    return Cost(2 * bits, 3 * bits) if joined != steps else Cost()


def total_cost(network: Network, layers: Mapping[str, LayerFold], device: Device) -> Cost:
    """Approximate resources of a network with these folds."""
    any_fold, folding = LayerFold(1, 1), Folding(layers, {}, {})
    return sum(
        (
            layer_cost(network, index, layers.get(layer.name, any_fold), folding.steps_in(network, index), device)
            for index, layer in enumerate(network.layers)
        ),
        Cost(),
    )


def edge_cost(network: Network, folding: Folding) -> Cost:
    """Approximate resources of the queues behind forks, which are as deep as another way is long."""
    total = Cost()
    for index, edges in enumerate(network.edges):
        for port, edge in enumerate(edges):
            depth = folding.edge_depths.get(port_name(network, index, port))
            if depth is not None:
                channels, values = network.shapes[edge.source + 1][0], network.outputs(edge.source)
                bits = channels * values.bits * folding.beat_steps(network, edge.source)
                total += Cost(EDGE_QUEUE, bits) + _memory(bits, depth)
    return total


def _window(bits: int, kernel: tuple[int, int], width: int, beats: int) -> Cost:
    memory = _memory((kernel[0] - 1) * bits, width * max(beats, 1))
    return memory + Cost(0, kernel[0] * kernel[1] * bits + kernel[0] * bits)


def _memory(bits: int, depth: int) -> Cost:
    """A memory of ``depth`` words of ``bits`` bits."""
    words = -(-depth // LUTRAM_WORDS)
    if words <= 4:
        return Cost(lut=8 * -(-bits // LUTRAM_BITS) * words)
    return Cost(bram18=-(-bits // BLOCK_BITS))


def _synapses(projection: AnyProjection, shape: FoldShape, inputs: Inputs, form: Sums, device: Device) -> Cost:
    weights = sampled_weights(projection, shape, SAMPLED_LANES)
    positions, entries = len(weights), weights.shape[-1]
    rows, lanes, sections = prod(weights.shape[:3]), shape.lanes, shape.sections
    sampled = weights.reshape(rows, -1, entries)
    scale = lanes / sampled.shape[1]
    accumulated = _sums(projection, shape, positions)
    block, table_bits = in_block_memory(rows, form), bits_per_table(rows, form)
    planes = np.abs(sampled)[..., None] << np.arange(inputs.bits)
    zeros = np.broadcast_to(np.arange(inputs.bits), planes.shape[2:])
    if table_bits and by_significance(rows, form):
        planes, zeros = planes.swapaxes(2, 3), zeros.T
    planes = planes.reshape(rows, sampled.shape[1], -1)
    used = planes.any(axis=(0, 1))
    planes, zeros = planes[:, :, used], zeros.reshape(-1)[used]
    if not table_bits:
        words = int(_widths(np.abs(sampled)).sum() * scale) + lanes * entries
        adders, registers = _tree(planes, zeros)
        memory = -(-words // BLOCK_BITS) * -(-rows // 512)
        gated = int(_widths(planes).sum() * scale)
        return Cost(int(adders * scale), int(registers * scale) + words + gated, memory) + _sums(
            projection, shape, positions
        )
    tables = -(-planes.shape[2] // table_bits)
    rest = tables * table_bits - planes.shape[2]
    padded, least = np.pad(planes, ((0, 0), (0, 0), (0, rest))), np.pad(zeros, (0, rest), constant_values=inputs.bits)
    sums = padded.reshape(rows, sampled.shape[1], tables, table_bits).sum(axis=3)
    zeros = least.reshape(tables, table_bits).min(axis=1)
    widths = np.maximum(_widths(sums) - zeros, 0)  # (lanes, tables)
    adders, registers = _tree(sums, zeros)
    simple = PIXEL_TABLES if inputs.held and rows == 1 and not block else 1
    cost = Cost(int(adders * scale * simple), int(registers * scale * simple))
    address = table_bits + (rows - 1).bit_length()
    if block:
        memories = sections * int(np.ceil(widths.sum(axis=0) * scale / sections / BLOCK_BITS).sum())
        cost += Cost(0, int(widths.sum() * scale) + address * tables * sections, memories)
    else:
        look_ups = 1 << max(address - device.lut_inputs, 0)
        bits = int(widths.sum() * scale * simple)
        cost += Cost(bits * look_ups, bits + address * tables * sections)
    return cost + accumulated


def _shared_adders(sums: SynapticSums) -> Cost:
    """Each adder with its register, those in which numbers wait for the other summand, and the adders of the biases."""
    graph = sums.adder_graph
    inputs = len(graph.stages) - len(graph.adders)
    ends, last = list(graph.stages), graph.depth
    for number, adder in enumerate(graph.adders, inputs):
        for node in (adder.left, adder.right):
            ends[node] = max(ends[node], graph.stages[number] - 1)
    for total in graph.totals:
        if total.node is not None:
            ends[total.node] = last
    widths = [_narrowest(*graph.bounds(node)) for node in range(len(ends))]
    registers = sum(width * (1 + end - start) for width, end, start in zip(widths, ends, graph.stages, strict=True))
    # The carry out of the longer summand is a bit of the sum that takes no look-up table.
    adders = sum(
        min(width - adder.shift, max(widths[adder.left] - adder.shift, widths[adder.right]))
        for width, adder in zip(widths[inputs:], graph.adders, strict=True)
    )
    low, high = sums.bounds
    totals = sum(_narrowest(*ends) for ends in zip(low.min(axis=0).tolist(), high.max(axis=0).tolist(), strict=True))
    return Cost(adders + totals, registers + totals)


def _narrowest(low: int, high: int) -> int:
    """Bits for integers from ``low`` to ``high``: with a sign only where one is negative."""
    return signed_width(low, high) if low < 0 else unsigned_width(high)


def _widths(largest: Int64Array) -> Int64Array:
    """Bits of the largest number of all rows, over the first axis."""
    return np.asarray(np.ceil(np.log2(largest.max(axis=0) + 1)), np.int64)


def _tree(terms: Int64Array, zeros: Int64Array) -> tuple[int, int]:
    """Bits of the adders, and of the registers, that add up (rows, lanes, terms).

    ``zeros``: how many of each term's lowest bits are always 0. Those of one need no adder for the other's.
    """
    adders = registers = 0
    while terms.shape[2] > 1:
        pairs = 2 * (terms.shape[2] // 2)
        left, right = zeros[:pairs:2], zeros[1:pairs:2]
        terms = np.concatenate([terms[:, :, :pairs:2] + terms[:, :, 1:pairs:2], terms[:, :, pairs:]], axis=2)
        zeros = np.concatenate([np.minimum(left, right), zeros[pairs:]])
        widths = _widths(terms)
        adders += int(np.maximum(widths[:, : pairs // 2] - np.maximum(left, right), 0).sum())
        registers += int(np.maximum(widths - zeros, 0).sum())
    return adders, registers


def _sums(projection: AnyProjection, shape: FoldShape, positions: int) -> Cost:
    """The base that joins each lane's tree, and the accumulators over slices and positions."""
    bits = shape.lanes * _sum_bits(projection)
    accumulators = int(shape.input_folds > 1) + 2 * int(positions > 1)
    return Cost(bits * (1 + accumulators), bits * (1 + accumulators))


def _sum_bits(projection: AnyProjection) -> int:
    """Approximate bits of a current."""
    low, high = projection.sums(1)
    return int((high - low).max()).bit_length() + 1


def _rings(layer: Population, projection: AnyProjection, shape: FoldShape) -> Cost:
    """What keeps the largest current of each lane over the windows of a pool."""
    if layer.windows == 1:
        return Cost()
    groups, bits = shape.output_folds, shape.lanes * _sum_bits(projection)
    # A comparison and a choice; two numbers that are compared, and the larger one.
    memory = 8 * -(-bits // LUTRAM_BITS) if groups > 2 else 0
    return Cost(2 * bits + memory, (4 if groups == 2 else 3) * bits)


def _turns(network: Network, index: int, fold: LayerFold, steps: int) -> Cost:
    """The interleavers of windows and of beats where ``fold.interleave`` pixels take turns."""
    (inputs,), projection = network.inputs(index), network.population(index).projection
    t_par = min(fold.t_par, network.timesteps)
    words = 2 * fold.interleave * -(-network.timesteps // t_par)
    windows = projection.taps * projection.in_channels * inputs.bits * (1 if inputs.held else t_par)
    beats = network.shapes[index + 1][0] * t_par * network.outputs(index).bits
    several = not inputs.held and joined_steps(network, index, 0, fold, steps) > t_par
    cost = _memory(windows, words) + _memory(beats, words) + Cost(0, windows + beats)
    return cost + Cost(windows if several else 0)


def _neurons(network: Network, index: int, shape: FoldShape, t_par: int, interleave: int) -> Cost:
    groups, lanes = shape.output_folds, shape.lanes
    neuron, current = network.population(index).neuron.padded(groups * lanes), network.current_range(index).width
    saturating, passes = network.saturating(index), -(-network.timesteps // t_par)
    # The membrane is not needed after the last step of the last pass, and there is none before the first.
    steps = t_par - (passes == 1), t_par
    bits = sum(variable.bits for variable in neuron.state)
    places = groups * interleave
    cost = _memory(lanes * bits, places) if passes > 1 and places > 1 else Cost()
    synapse = synaptic_step(neuron)
    if synapse is not None:
        cost += _steps(synapse, "s" in saturating, current, groups, lanes, steps)
        current = synapse.membrane_bits
    return cost + _steps(neuron, "v" in saturating, current, groups, lanes, steps)


def _steps(neuron: AnyNeuron, saturates: bool, current: int, groups: int, lanes: int, steps: tuple[int, int]) -> Cost:
    """``steps``: those with a state before them, and all."""
    leaky_steps, every_step = steps
    reset = neuron.reset if isinstance(neuron, Neuron) else None
    several, fires, floor = neuron.spikes.bit_length() > 1, int(neuron.fires), int(neuron.floor is not None)
    leaks = pe_adders(neuron.leak, groups)
    leak = leaky_steps * lanes * int(leaks.sum()) // len(leaks)
    # An undelayed reset computes u with and without the reset amount, and compares v before the step as well.
    sums = 2 if reset == "undelayed-subtract" else 1
    comparisons = sums * (neuron.spikes + floor) + sums - 1 + (floor if reset == "subtract" and not several else 0)
    amounts = int(reset in LATE_AMOUNTS)
    # Of several spikes the amount of each bit of their number is taken off.
    further = neuron.spikes.bit_length() - 1 if reset == "subtract" else 0
    adders = leaky_steps * (sums + amounts + further) + every_step * (sums * saturates + comparisons)
    # If a spike subtracts the threshold, the difference of the comparison serves for both; and the carry chain's own
    # gates subtract a constant. Late resets are gates of the next sum.
    tables = {tuple(values.tolist()) for name, values in neuron.constants.items() if "synapse" not in name}
    resets = leaky_steps * (len(tables) if groups > 1 else int(reset in SEVERAL))
    # Registers of a membrane's width: one per adder, one before a step, and the two that a reset selects from.
    registers = leaky_steps * (sums + amounts + further + 1) + every_step * (sums * (2 * fires + saturates) + floor)
    bits, delays = neuron.membrane_bits, leaky_steps * STEP_CLOCKS * current
    return Cost(bits * (lanes * (adders + resets) + leak), lanes * delays + bits * (lanes * registers + leak))
