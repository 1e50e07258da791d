"""Two pixels per cycle: the network that hardware for pairs of neighbouring columns computes.

A beat then has columns 2m and 2m + 1: all channels of the left one, then all of the right one. So a pair is a pixel of
twice the channels in an image of half the width, and a layer on pairs is an ordinary layer on such pixels: a
convolution has a filter for each of its two output columns, with zeros where a column is not its own. From the first
pool or stride on that takes two columns together, and behind a fully connected layer, beats are single columns again.

Rows of an odd number of pixels have one more at their end. Nobody reads it: no window of a real output does, and the
weights of a fully connected layer are 0 there. Where padding follows, it must be 0, as it is in the input.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from hwsnn.errors import InputError
from hwsnn.spec import (
    INPUT_INDEX,
    MAX_EXTENT,
    AnyProjection,
    Conv,
    Dense,
    Layer,
    MaxPool,
    Network,
    Population,
    Shape,
    Sum,
    Window,
)
from hwsnn.spec.checks import assert_never

from .folding import Folding

_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True, eq=False)
class PairConv(Conv):
    """A convolution whose input beats are pairs. ``right``: as of ``Window``, in pairs like all its widths."""

    right: int = 0

    @property
    def window(self) -> Window:
        return Window(self.kernel, self.stride, self.padding, self.right)


@dataclass(frozen=True)
class PairPool(MaxPool):
    """A pool whose input beats are pairs; its output is of single columns.

    ``size``, ``stride``, ``right``: in pairs. ``columns``: of each row of its window, which count.
    """

    columns: int = 2
    right: int = 0

    @property
    def window(self) -> Window:
        return Window(self.size, self.stride, right=self.right)

    def output_shape(self, *shapes: Shape) -> Shape:
        channels, rows, columns = super().output_shape(*shapes)
        return channels // 2, rows, columns


def pool_inputs(layer: MaxPool) -> int:
    """Inputs of a pool's output, per channel and step."""
    return layer.size[0] * (layer.columns if isinstance(layer, PairPool) else layer.size[1])


def as_built(network: Network, folding: Folding) -> Network:
    """The network that the hardware of ``folding`` computes, as of ``with_pixels``."""
    return with_pixels(network, folding.pixels_per_cycle)


def with_pixels(network: Network, pixels_per_cycle: int) -> Network:
    """``network`` itself, or for two pixels per cycle that of its pairs of columns, of the same layers by name.

    Raises ``InputError`` where a network cannot take two, or nothing is gained.
    """
    return network if pixels_per_cycle == 1 else _Pairs(network).network()


def require_whole_pairs(network: Network, pixels_per_cycle: int) -> None:
    """Raise ``InputError`` where a frame's bytes, one row right behind the other, are not whole beats of pixels.

    On a link nothing stands for the column behind the end of an odd row.
    """
    width = network.input_shape[2]
    if width % pixels_per_cycle:
        raise InputError(
            f"{network.name}: two pixels per cycle on a board must have rows of an even number of pixels, not {width}; "
            "use one pixel per cycle"
        )


def column_pairs(values: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """(..., C, H, W) as (..., 2C, H, ceil(W / 2)): channels of the left columns, then of the right ones, the last 0."""
    if values.shape[-1] % 2:
        values = np.concatenate([values, np.zeros_like(values[..., :1])], axis=-1)
    return np.concatenate([values[..., 0::2], values[..., 1::2]], axis=-3)


class _Pairs:
    """The layers of a network on pairs, one after the other."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._paired = {INPUT_INDEX: True}

    def network(self) -> Network:
        network, (channels, height, width) = self._network, self._network.input_shape
        if not network.encoder.held:
            raise self._refusal(f"the encoding must be direct, not {network.encoder.kind}")
        if width == 1:
            raise self._refusal("rows must be of more than one pixel")
        self._require_channels("the input", channels)
        layers = []
        for index, layer in enumerate(network.layers):
            paired = {self._paired[edge.source] for edge in network.edges[index] if not edge.delay}
            if len(paired) > 1:
                raise self._refusal(f"layer {layer.name!r} must not join pairs of columns and single ones")
            self._paired[index] = False
            layers.append(self._layer(index, layer) if paired == {True} else layer)
        return replace(network, input_shape=(2 * channels, height, -(-width // 2)), layers=tuple(layers))

    def _refusal(self, why: str) -> InputError:
        return InputError(f"{self._network.name}: for two pixels per cycle {why}; use one pixel per cycle")

    def _require_channels(self, of: str, channels: int) -> None:
        """Those of a pair are twice as many."""
        if 2 * channels > MAX_EXTENT:
            raise self._refusal(f"the channels of {of} must be at most {MAX_EXTENT // 2}, not {channels}")

    def _layer(self, index: int, layer: Layer) -> Layer:
        match layer:
            case Sum():
                self._paired[index] = True
                return layer
            case MaxPool():
                return self._pool(index, layer)
            case Population():
                return self._population(index, layer)
            case _:
                raise assert_never(layer)

    def _pool(self, index: int, layer: MaxPool) -> MaxPool:
        (rows, columns), (down, across) = layer.size, layer.stride
        if across % 2:
            raise self._refusal(f"the horizontal stride of the pool {layer.name!r} must be even, not {across}")
        size, stride = (rows, -(-columns // 2)), (down, across // 2)
        right = self._right(index, 0, size[1], stride[1])
        return PairPool(layer.name, size, stride, layer.mode, layer.source, columns, right)

    def _right(self, index: int, port: int, size: int, stride: int, border: int = 0) -> int:
        """``Window.right`` of a layer on pairs, by the outputs that there are."""
        network = self._network
        pairs, columns = -(-network.input_shapes(index)[port][2] // 2), network.shapes[index + 1][2]
        outputs = -(-columns // 2) if self._paired[index] else columns
        return (outputs - 1) * stride + size - pairs - 2 * border

    def _population(self, index: int, layer: Population) -> Population:
        width = self._network.shapes[index + 1][2]
        if layer.pool is not None:
            raise self._refusal(f"layer {layer.name!r} must not pool its currents")
        strides = {projection.stride[1] for projection in layer.forward}
        self._paired[index] = width > 1 and strides == {1}
        if width > 1 and not self._paired[index] and any(stride % 2 for stride in strides):
            given = " and ".join(map(str, sorted(strides)))
            raise self._refusal(f"horizontal strides of layer {layer.name!r} must all be 1, or all even, not {given}")
        if self._paired[index]:
            self._require_channels(f"layer {layer.name!r}", layer.out_channels)
        projections = tuple(
            self._projection(index, port, projection) for port, projection in enumerate(layer.projections)
        )
        if not self._paired[index]:
            return replace(layer, projections=projections)
        return replace(layer, projections=projections, bias=np.tile(layer.bias, 2), neuron=layer.neuron.repeated(2))

    def _projection(self, index: int, port: int, projection: AnyProjection) -> AnyProjection:
        if projection.delay and not self._paired[index]:
            return projection
        if isinstance(projection, Dense):
            return replace(projection, weight=column_pairs(projection.weight), weight_bits=_with_zeros(projection))
        if projection.groups > 1:
            raise self._refusal(f"the convolution {projection.name!r} must have one group, not {projection.groups}")
        width = self._network.input_shapes(index)[port][2]
        from_input = self._network.edges[index][port].source == INPUT_INDEX
        if width % 2 and projection.padding[1] and (not from_input or projection.padding_values is not None):
            raise self._refusal(f"rows that layer {projection.name!r} pads must be of an even number, not {width}")
        return self._convolution(index, port, projection)

    def _convolution(self, index: int, port: int, layer: Conv) -> PairConv:
        """An odd padding begins in the middle of a pair: the filters are a column wider then."""
        outputs, inputs, height, width = layer.weight.shape
        columns, stride = 2 if self._paired[index] else 1, max(layer.stride[1] // 2, 1)
        border = -(-layer.padding[1] // 2)
        offset = 2 * border - layer.padding[1]
        pairs = (offset + columns + width - 2) // 2 + 1
        weight = np.zeros((columns, outputs, inputs, height, 2 * pairs), layer.weight.dtype)
        for column in range(columns):
            weight[column, ..., offset + column : offset + column + width] = layer.weight
        return PairConv(
            layer.name,
            column_pairs(weight.reshape(columns * outputs, inputs, height, 2 * pairs)),
            _with_zeros(layer),
            _repeated(layer.gain, columns),
            (layer.stride[0], stride),
            (layer.padding[0], border),
            padding_values=_repeated(layer.padding_values, 2),
            right=self._right(index, port, pairs, stride, border),
            source=layer.source,
            delay=layer.delay,
        )


def _with_zeros(projection: AnyProjection) -> int:
    """The weight bits of a projection if some weights are 0: those of 1 bit never are."""
    return max(projection.weight_bits, 2)


def _repeated(values: npt.NDArray[_Number] | None, times: int) -> npt.NDArray[_Number] | None:
    return None if values is None else np.tile(values, times)
