"""The layers of a network, compiled where the kernels know them, else by the reference's functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hwsnn.reference.layers import PopulationLayer, stage
from hwsnn.reference.steps import Bytes, Steps
from hwsnn.spec import (
    INPUT_INDEX,
    ChannelLeak,
    Conv,
    MaxPool,
    MultiplyLeak,
    Network,
    Neuron,
    NoLeak,
    Population,
    ShiftLeak,
)
from hwsnn.spec.checks import assert_never
from hwsnn.spec.integers import Int64Array, IntArray, Range, signed_limits

from .kernels import Cells, Geometry, or_pool, pixel_layer, spike_layer

LANES = (64, 16)
"""How many channels the kernels take at once."""
BLOCK_BYTES = 1 << 14
"""Memory for the currents of the positions that are computed at once: small enough for the processor's first cache."""
INT8, INT16, INT32 = (Range(*signed_limits(bits)) for bits in (8, 16, 32))

Stage: TypeAlias = Callable[..., npt.NDArray[Any]]
"""From what the inputs of a layer give, (T, N, H, W, any), to what it gives: bytes of bits, or a number a channel.

Bits and membranes have channels filled up to whole blocks."""


def compiled_layer(network: Network, index: int) -> Stage | None:
    """Layer ``index`` in compiled code; None where the kernels do not know something of it."""
    match layer := network.layers[index]:
        case MaxPool(mode="or") if is_bits(network, network.edges[index][0].source):
            return _OrPool(layer)
        case Population() if _known(network, index, layer):
            return _CompiledPopulation(network, index)
        case _:
            return None


def reference_layer(network: Network, index: int) -> Stage:
    """Layer ``index`` by the reference's functions."""
    layer, largest = network.layers[index], network.largest_inputs(index)
    sources = [edge.source for edge in network.edges[index] if not edge.delay]
    run: Callable[..., npt.NDArray[Any]] = (
        stage(layer, largest, network.timesteps)
        if network.gives_spikes(index)
        else PopulationLayer(network.population(index), largest, network.timesteps).membranes
    )

    def numbers(source: int, given: npt.NDArray[Any]) -> Steps:
        return unpacked(given, network.shapes[source + 1][0]) if is_bits(network, source) else given

    def made(*inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        found = run(*map(numbers, sources, inputs))
        return packed(found) if network.gives_spikes(index) and is_bits(network, index) else found

    return made


def is_bits(network: Network, source: int) -> bool:
    """Whether what ``source`` gives is bits between layers here: spikes, one a step at most."""
    spikes = network.encoder.spikes if source == INPUT_INDEX else True
    return spikes and network.outputs(source).largest == 1


def channels_of(count: int) -> int:
    """``count`` channels filled up to whole blocks of lanes."""
    lanes = _lanes(count)
    return -(-count // lanes) * lanes


def packed(spikes: Steps) -> Bytes:
    """Spikes (T, N, H, W, C) of 0 or 1 as bits (T, N, H, W, bytes), the channels filled up."""
    bits = np.packbits(spikes, axis=-1, bitorder="little")
    missing = channels_of(spikes.shape[-1]) // 8 - bits.shape[-1]
    return np.pad(bits, [(0, 0)] * 4 + [(0, missing)]) if missing else np.ascontiguousarray(bits)


def unpacked(bits: Bytes, channels: int) -> Steps:
    """The spikes of ``packed``."""
    return np.unpackbits(bits, axis=-1, count=channels, bitorder="little")


def _lanes(count: int) -> int:
    """Those that take ``count`` channels with the least work: a block costs about 16 lanes beside its own."""
    return min(LANES, key=lambda lanes: -(-count // lanes) * (lanes + 16))


def _known(network: Network, index: int, layer: Population) -> bool:
    """Whether the kernels know the layer: one projection, of one group, and neurons whose state cannot saturate.

    They fire at most once a step, any number of times a frame, and have neither synaptic current nor lower bound.
    """
    if len(layer.projections) > 1 or layer.projection.in_channels != layer.projection.weight.shape[1]:
        return False
    neuron, source = layer.neuron, network.edges[index][0].source
    if neuron.synapse is not None or neuron.floor is not None or network.saturating(index):
        return False
    if isinstance(neuron, Neuron) and (
        neuron.spikes > 1 or neuron.once or neuron.reset not in ("subtract", "zero", "none")
    ):
        return False
    if not is_bits(network, source) and not _within(_weights(layer), INT16):
        return False
    return _within([network.current_range(index).low, network.current_range(index).high], INT32)


def _weights(layer: Population) -> Int64Array:
    return layer.projection.gained << layer.fraction_bits


def _within(values: IntArray | list[int], limits: Range) -> bool:
    return limits.low <= int(np.min(values)) and int(np.max(values)) <= limits.high


class _CompiledPopulation:
    """A population of one projection: sums of integers, and neurons with membranes of 32 bits."""

    def __init__(self, network: Network, index: int) -> None:
        layer = network.population(index)
        (edge,), ((inputs, *extent),) = network.edges[index], network.input_shapes(index)
        self._projection = projection = layer.projection
        self._spiking, self._fires = is_bits(network, edge.source), network.gives_spikes(index)
        self._timesteps, self._shape = network.timesteps, network.shapes[index + 1]
        values = projection.padding_values if isinstance(projection, Conv) else None
        self._inputs = inputs
        self._filler = np.zeros(inputs, np.int64) if values is None else values
        self._borders = projection.padding if not self._spiking or values is not None else (0, 0)
        lanes, reach = _lanes(layer.out_channels), network.current_range(index)
        self._channels = channels = channels_of(layer.out_channels)
        dtype = np.int16 if self._spiking and _within([reach.low, reach.high], INT16) else np.int32
        _, rows, columns = projection.output_shape((inputs, extent[0], extent[1]))
        _, out_rows, out_columns = self._shape
        steps = 1 if network.inputs(index)[0].held else network.timesteps
        (pool_size, pool_stride), pools = ((1, 1), (1, 1)), layer.pool is not None
        if layer.pool is not None:
            pool_size, pool_stride = layer.pool.size, layer.pool.stride
        a_row = steps * pool_stride[0] * columns * channels * np.dtype(dtype).itemsize
        padding = (0, 0) if any(self._borders) else projection.padding
        block_rows = out_rows if self._spiking else min(out_rows, max(1, BLOCK_BYTES // a_row))
        self._geometry = Geometry(
            *projection.kernel,
            *projection.stride,
            *padding,
            pools,
            *pool_size,
            *pool_stride,
            lanes,
            channels // lanes,
            rows,
            columns,
            out_rows,
            out_columns,
            block_rows,
        )
        weight = np.zeros((channels, *projection.weight.shape[1:]), np.int64)
        weight[: layer.out_channels] = _weights(layer)
        order = _order(projection.kernel[1], projection.stride[1])
        narrow = np.int8 if dtype == np.int16 and _within(weight, INT8) else dtype
        self._weights = _by_source(weight, order, narrow) if self._spiking else _paired(weight, lanes)
        whole = [extent[i] + 2 * self._borders[i] for i in (0, 1)]
        self._rows = _windows(whole[0], projection.kernel[0], projection.stride[0], padding[0], rows)
        across = _windows(whole[1], projection.kernel[1], projection.stride[1], padding[1], columns)
        firsts = np.arange(whole[1]) + padding[1] - across[:, 0] * projection.stride[1]
        counts = across[:, 1] - across[:, 0]
        self._columns = np.stack([across[:, 0], counts, order[np.where(counts > 0, firsts, 0)]], axis=1)
        self._bias = _filled(layer.bias, dtype)
        self._cells = _cells(layer, fires=self._fires)

    def __call__(self, inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        inputs = self._bordered(inputs)
        shape = (self._timesteps, inputs.shape[1], *self._shape[1:])
        bits = np.empty((*shape, self._channels // 8) if self._fires else (0,) * 5, np.uint8)
        membranes = np.empty((0,) * 5 if self._fires else (*shape, self._channels), np.int32)
        common = self._bias, self._geometry, self._cells, self._timesteps, bits, membranes
        if self._spiking:
            spike_layer(_words(inputs), self._weights, self._rows, self._columns, *common)
        else:
            steps, images, height, width, channels = inputs.shape
            behind = np.append(inputs, np.int16(0))  # the last pair of a row may reach over its end
            pixel_layer(behind, (steps, images, height, width * channels), channels, self._weights, *common)
        return bits if self._fires else membranes

    def _bordered(self, inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The inputs with their padding, where the kernels do not see to it: int16 where they are values."""
        if self._spiking and not any(self._borders):
            return inputs
        filler = packed(self._filler.astype(np.uint8).reshape(1, 1, 1, 1, -1)) if self._spiking else self._filler
        (down, across), (steps, images, height, width, channels) = self._borders, inputs.shape
        bordered = np.empty(
            (steps, images, height + 2 * down, width + 2 * across, channels), np.uint8 if self._spiking else np.int16
        )
        if any(self._borders):
            bordered[:] = filler
        bordered[:, :, down : down + height, across : across + width] = inputs
        return bordered


class _OrPool:
    """A spiking max-pool of bits: an or."""

    def __init__(self, layer: MaxPool) -> None:
        self._layer = layer

    def __call__(self, bits: Bytes) -> Bytes:
        layer, (steps, images, *extent, count) = self._layer, bits.shape
        pooled = np.empty((steps, images, *layer.window.positions(layer.name, (extent[0], extent[1])), count), np.uint8)
        or_pool(_words(bits), *layer.size, *layer.stride, _words(pooled))
        return pooled


def _words(bits: Bytes) -> npt.NDArray[Any]:
    return bits.view(np.uint64) if bits.shape[-1] % 8 == 0 else bits


def _windows(extent: int, size: int, stride: int, padding: int, count: int) -> Int64Array:
    """The windows with each input of a row or column, (extent, 2): the first of ``count``, and the end of them."""
    at = np.arange(extent) + padding
    first = np.maximum(0, -((size - 1 - at) // stride))
    return np.stack([first, np.maximum(first, np.minimum(count, at // stride + 1))], axis=1)


def _order(columns: int, stride: int) -> Int64Array:
    """The place of each column of a window among the weights of an input.

    An input at column x meets the columns x, x - stride, x - 2 stride... of neighbouring windows: those come in a row.
    """
    return np.argsort(np.lexsort((-np.arange(columns), np.arange(columns) % stride)))


def _by_source(weight: Int64Array, order: Int64Array, dtype: type[np.signedinteger[Any]]) -> IntArray:
    """Weights by input channel, row of the window, column in ``order``, output channel."""
    wide = np.empty((weight.shape[1], weight.shape[2], weight.shape[3], weight.shape[0]), dtype)
    wide[:, :, order] = weight.transpose(1, 2, 3, 0)
    return wide.reshape(-1)


def _paired(weight: Int64Array, lanes: int) -> IntArray:
    """Weights by block, row of the window, pair of inputs of the row (column, channel), lane, and input of the pair."""
    channels, inputs, rows, columns = weight.shape
    wide = np.zeros((channels, rows, -(-columns * inputs // 2) * 2), np.int16)
    wide[:, :, : columns * inputs] = weight.transpose(0, 2, 3, 1).reshape(channels, rows, -1)
    by_block = wide.reshape(channels // lanes, lanes, rows, -1, 2).transpose(0, 2, 3, 1, 4)
    return np.ascontiguousarray(by_block).reshape(-1)


def _cells(layer: Population, *, fires: bool) -> Cells:
    neuron, count = layer.neuron, layer.out_channels
    nothing: IntArray = np.zeros(count, np.int64)
    every: IntArray = np.full(count, -1)
    multiplier: IntArray
    match leak := neuron.leak:
        case NoLeak():
            shift, multiplier = 0, nothing
        case ShiftLeak():
            shift, multiplier = leak.shift, every
        case MultiplyLeak():
            shift, multiplier = leak.shift, nothing + leak.multiplier
        case ChannelLeak():
            shift, multiplier = leak.shift, leak.multipliers
        case _:
            raise assert_never(leak)
    threshold: IntArray = nothing
    keep: IntArray = every
    sub: IntArray = nothing
    if isinstance(neuron, Neuron):
        threshold = neuron.threshold
        keep = nothing if neuron.reset == "zero" else every
        sub = nothing if neuron.sub is None else neuron.sub
    return Cells(
        initial=_filled(nothing if neuron.initial is None else neuron.initial, np.int32),
        threshold=_filled(threshold, np.int32, INT32.high),
        keep=_filled(keep, np.int32),
        sub=_filled(sub, np.int32),
        multiplier=_filled(multiplier, np.int32),
        multiplies=isinstance(leak, (MultiplyLeak, ChannelLeak)),
        shift=shift,
        membranes=not fires,
    )


def _filled(values: IntArray, dtype: type[np.signedinteger[Any]], filler: int = 0) -> npt.NDArray[Any]:
    """``values`` by channel, up to whole blocks."""
    wide = np.full(channels_of(len(values)), filler, dtype)
    wide[: len(values)] = values
    return wide
