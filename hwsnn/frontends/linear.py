"""Linear maps between two layers of neurons, and folding a row of them into one, exactly.

Shapes are (channels, height, width). Whatever cannot be folded exactly is an ``InputError`` that names the node.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from hwsnn.float_network import FloatArray

from ..errors import InputError
from ..spec import Pair, Shape

MAX_WEIGHTS = 1 << 24
"""Most weights of one layer, zeros included: a bound on what a small but hostile file can ask for."""
MAX_EXPANDED = 4 * MAX_WEIGHTS
"""Most weights of all layers, zeros and intermediate results included."""
MAX_PRODUCTS = 1 << 34
"""Most multiplications in matrix products that folding a network may take: seconds."""
ELEMENTWISE = 16
"""As how many of those a multiplication element by element counts: memory is slower than arithmetic."""
LEAST_PRODUCTS = 1 << 18
"""As how many one step of a loop counts at least: its time, however little it multiplies."""


@dataclass(frozen=True, eq=False)
class ConvMap:
    """A convolution. ``weight``: (out channels, in channels, kernel height, kernel width); ``bias``: (out,)."""

    name: str
    weight: FloatArray
    bias: FloatArray
    stride: Pair
    padding: Pair

    @property
    def window(self) -> Pair:
        """(height, width) of the kernel."""
        return self.weight.shape[2], self.weight.shape[3]


@dataclass(frozen=True, eq=False)
class DenseMap:
    """A fully connected layer. ``weight``: (out, in channels, in height, in width); ``bias``: (out,)."""

    name: str
    weight: FloatArray
    bias: FloatArray


@dataclass(frozen=True)
class PoolMap:
    """A sum over windows of each channel, times ``factor``: 1 for a sum pool, 1 / (window size) for an average pool."""

    name: str
    window: Pair
    stride: Pair
    padding: Pair
    factor: float


@dataclass(frozen=True, eq=False)
class Scale:
    """A factor for every element: of the input's shape, or (channels or 1, 1, 1) where it is the same over space."""

    name: str
    factor: FloatArray


Spatial: TypeAlias = ConvMap | PoolMap | Scale
Map: TypeAlias = Spatial | DenseMap


class Work:
    """What is left of the bounds on a network, whose every map is small, but which may have thousands of them."""

    def __init__(self) -> None:
        self._weights = MAX_EXPANDED
        self._products = MAX_PRODUCTS

    def zeros(self, name: str, shape: tuple[int, ...]) -> FloatArray:
        """An array for the weights of node ``name``. Raises ``InputError`` where that would be too large."""
        size = math.prod(shape)
        if size > MAX_WEIGHTS:
            raise InputError(
                f"node {name!r}: would take {size:,} weights once expanded; at most {MAX_WEIGHTS:,} are read: use "
                "smaller windows, dilations or layers"
            )
        self._weights -= size
        if self._weights < 0:
            raise InputError(
                f"node {name!r}: with the nodes before it, would take more than {MAX_EXPANDED:,} weights once "
                "expanded; use fewer or smaller layers"
            )
        return np.zeros(shape)

    def multiply(self, name: str, steps: int, products: int) -> None:
        """Count ``steps`` of so many multiplications each. Raises ``InputError`` where that would take too long."""
        self._products -= steps * max(products, LEAST_PRODUCTS)
        if self._products < 0:
            raise InputError(
                f"node {name!r}: folding it and the nodes before it would take more than {MAX_PRODUCTS:,} "
                "multiplications; use smaller windows, or neurons between linear nodes"
            )


def ungrouped(name: str, weight: FloatArray, groups: int, work: Work) -> FloatArray:
    """The weights of a convolution in ``groups``, as one from all channels to all channels."""
    if groups == 1:
        return weight
    outputs, inputs = len(weight) // groups, weight.shape[1]
    dense = work.zeros(name, (len(weight), inputs * groups, *weight.shape[2:]))
    for group in range(groups):
        rows = slice(group * outputs, (group + 1) * outputs)
        dense[rows, group * inputs : (group + 1) * inputs] = weight[rows]
    return dense


def dilated(name: str, weight: FloatArray, dilation: Pair, work: Work) -> FloatArray:
    """The weights with the zeros between them that a dilation stands for."""
    if dilation == (1, 1):
        return weight
    (dy, dx), (height, width) = dilation, weight.shape[2:]
    spread = work.zeros(name, (*weight.shape[:2], (height - 1) * dy + 1, (width - 1) * dx + 1))
    spread[:, :, ::dy, ::dx] = weight
    return spread


def output_shape(linear: Map, shape: Shape) -> Shape:
    """The shape that ``linear`` makes of ``shape``, which it must fit."""
    if isinstance(linear, DenseMap):
        return len(linear.weight), 1, 1
    if isinstance(linear, Scale):
        return shape
    channels = shape[0] if isinstance(linear, PoolMap) else len(linear.weight)
    height, width = (
        _positions(*axis) for axis in zip(shape[1:], linear.window, linear.stride, linear.padding, strict=True)
    )
    return channels, height, width


def _positions(extent: int, size: int, stride: int, padding: int) -> int:
    return (extent + 2 * padding - size) // stride + 1


def fold(name: str, maps: Sequence[Map], shape: Shape, work: Work) -> ConvMap | DenseMap:
    """One map that does what ``maps`` do one after the other to an input of ``shape``.

    No maps at all make a convolution that passes its input on. ``name`` is the node the result belongs to.
    """
    shapes = [shape]
    for linear in maps:
        shapes.append(output_shape(linear, shapes[-1]))
    before: list[Spatial] = []
    for position, linear in enumerate(maps):
        if isinstance(linear, DenseMap):
            dense = linear
            for spatial, its_shape in zip(reversed(before), reversed(shapes[:position]), strict=True):
                dense = _dense_after(spatial, dense, its_shape, work)
            for after in maps[position + 1 :]:
                dense = _after_dense(dense, after, work)
            return dense
        before.append(linear)
    return _fold_to_conv(name, before, shapes, work)


def _dense_after(first: Spatial, dense: DenseMap, shape: Shape, work: Work) -> DenseMap:
    """``dense`` with ``first``, which takes ``shape``, pulled into it: every weight goes back to what it sees."""
    if isinstance(first, Scale):
        work.multiply(dense.name, 1, dense.weight.size * ELEMENTWISE)
        return DenseMap(dense.name, dense.weight * first.factor, dense.bias)
    (rows, columns), (sy, sx), (py, px) = dense.weight.shape[2:], first.stride, first.padding
    padded = work.zeros(dense.name, (len(dense.weight), shape[0], shape[1] + 2 * py, shape[2] + 2 * px))
    products = max(shape[0], ELEMENTWISE) if isinstance(first, ConvMap) else ELEMENTWISE
    work.multiply(dense.name, math.prod(first.window), dense.weight.size * products)
    for i, j in np.ndindex(*first.window):
        if isinstance(first, ConvMap):
            seen = np.einsum("omyx,mc->ocyx", dense.weight, first.weight[:, :, i, j], optimize=True)
        else:
            seen = dense.weight * first.factor
        padded[:, :, i : i + rows * sy : sy, j : j + columns * sx : sx] += seen
    bias = dense.bias
    if isinstance(first, ConvMap):
        bias = bias + dense.weight.sum(axis=(2, 3)) @ first.bias
    return DenseMap(dense.name, padded[:, :, py : py + shape[1], px : px + shape[2]], bias)


def _after_dense(dense: DenseMap, second: Map, work: Work) -> DenseMap:
    if isinstance(second, Scale):
        work.multiply(second.name, 1, dense.weight.size * ELEMENTWISE)
        factor = np.broadcast_to(second.factor, (len(dense.weight), 1, 1))
        return DenseMap(dense.name, dense.weight * factor[..., np.newaxis], dense.bias * factor[:, 0, 0])
    if not isinstance(second, DenseMap):
        raise InputError(f"node {second.name!r}: takes an image, but gets the flat output of node {dense.name!r}")
    work.zeros(second.name, (len(second.weight), *dense.weight.shape[1:]))
    work.multiply(second.name, len(second.weight), dense.weight.size)
    matrix = second.weight[:, :, 0, 0]
    return DenseMap(second.name, np.tensordot(matrix, dense.weight, axes=1), matrix @ dense.bias + second.bias)


def _fold_to_conv(name: str, maps: Sequence[Spatial], shapes: Sequence[Shape], work: Work) -> ConvMap:
    folded = None
    for linear, before in zip(maps, shapes, strict=False):
        if folded is None:
            folded = _as_conv(linear, before[0], work)
        elif isinstance(linear, Scale):
            folded = _scaled(folded, _factors(linear, before[0]), work)
        else:
            folded = _compose(folded, _as_conv(linear, before[0], work), shapes[0], work)
    return _diagonal(name, np.ones((shapes[0][0], 1, 1)), work) if folded is None else folded


def _as_conv(linear: Spatial, channels: int, work: Work) -> ConvMap:
    if isinstance(linear, ConvMap):
        return linear
    if isinstance(linear, PoolMap):
        kernels = np.broadcast_to(linear.factor, (channels, *linear.window))
        return _diagonal(linear.name, kernels, work, linear.stride, linear.padding)
    return _diagonal(linear.name, _factors(linear, channels)[:, np.newaxis, np.newaxis], work)


def _factors(scale: Scale, channels: int) -> FloatArray:
    """The factor of each channel."""
    if scale.factor.shape[1:] == (1, 1):
        return np.broadcast_to(scale.factor[:, 0, 0], (channels,))
    raise InputError(
        f"node {scale.name!r}: its factors must be the same over a channel's height and width to be folded into a "
        "convolution; they differ"
    )


def _scaled(conv: ConvMap, factors: FloatArray, work: Work) -> ConvMap:
    work.multiply(conv.name, 1, conv.weight.size * ELEMENTWISE)
    return replace(conv, weight=conv.weight * factors[:, np.newaxis, np.newaxis, np.newaxis], bias=conv.bias * factors)


def _diagonal(name: str, kernels: FloatArray, work: Work, stride: Pair = (1, 1), padding: Pair = (0, 0)) -> ConvMap:
    """A convolution of every channel by itself. ``kernels``: (channels, kernel height, kernel width)."""
    channels = len(kernels)
    weight = work.zeros(name, (channels, channels, *kernels.shape[1:]))
    weight[np.arange(channels), np.arange(channels)] = kernels
    return ConvMap(name, weight, np.zeros(channels), stride, padding)


def _compose(first: ConvMap, second: ConvMap, shape: Shape, work: Work) -> ConvMap:
    """``second`` after ``first``, which takes ``shape``."""
    _check_padding(first, second, shape, work)
    (sy, sx), (height, width), (rows, columns) = first.stride, first.window, second.window
    weight = work.zeros(
        second.name,
        (len(second.weight), first.weight.shape[1], (rows - 1) * sy + height, (columns - 1) * sx + width),
    )
    products = first.weight[0].size * max(len(first.weight), ELEMENTWISE)
    work.multiply(second.name, rows * columns, len(second.weight) * products)
    for i, j in np.ndindex(rows, columns):
        taps = np.tensordot(second.weight[:, :, i, j], first.weight, axes=1)
        weight[:, :, i * sy : i * sy + height, j * sx : j * sx + width] += taps
    return ConvMap(
        second.name,
        weight,
        second.bias + second.weight.sum(axis=(2, 3)) @ first.bias,
        (sy * second.stride[0], sx * second.stride[1]),
        (first.padding[0] + second.padding[0] * sy, first.padding[1] + second.padding[1] * sx),
    )


def _check_padding(first: ConvMap, second: ConvMap, shape: Shape, work: Work) -> None:
    """Refuse padding of ``second`` that is not zero any more once ``first`` is folded into it.

    The folded map sees, in place of a padded zero, what ``first`` would have given there: its bias, and whatever of
    the image lies under its window.
    """
    middle = output_shape(first, shape)
    for axis in (0, 1):
        if not second.padding[axis]:
            continue
        inner = middle[axis + 1]
        outputs = _positions(inner, second.window[axis], second.stride[axis], second.padding[axis])
        work.multiply(second.name, 1, outputs * second.window[axis] * ELEMENTWISE)
        windows = np.arange(outputs)[:, np.newaxis] * second.stride[axis] - second.padding[axis]
        seen = windows + np.arange(second.window[axis])
        starts = seen[(seen < 0) | (seen >= inner)] * first.stride[axis] - first.padding[axis]
        if starts.size and first.bias.any():
            raise InputError(
                f"node {second.name!r}: its padding cannot be folded exactly, as node {first.name!r} before it has a "
                "bias; put neurons between the two, or leave out the padding or the bias"
            )
        if ((starts < shape[axis + 1]) & (starts + first.window[axis] > 0)).any():
            raise InputError(
                f"node {second.name!r}: its padding cannot be folded exactly, as the windows of node {first.name!r} "
                "before it overlap the edge or leave rows or columns over; use sizes that divide, or no padding"
            )
