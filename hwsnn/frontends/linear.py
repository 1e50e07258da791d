"""Linear maps between two layers of neurons, and the exact folding of consecutive ones into one.

Shapes are (channels, height, width). A map that cannot be folded exactly is an ``InputError`` that names the node.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias

import numpy as np

from hwsnn.float_network import FloatArray

from ..errors import InputError
from ..spec import Pair, Shape, Window
from ..spec.checks import assert_never

MAX_WEIGHTS = 1 << 24
"""Maximum weights of one layer, zeros included: a limit on the cost of a small but hostile file."""
MAX_EXPANDED = 4 * MAX_WEIGHTS
"""Maximum weights of all layers, zeros and intermediate results included."""
MAX_PRODUCTS = 1 << 34
"""Maximum multiplications in matrix products for folding a network: some seconds."""
ELEMENTWISE = 16
"""The cost of an element-wise multiplication in those units: memory is slower than arithmetic."""
LEAST_PRODUCTS = 1 << 18
"""The minimum cost of a loop iteration in those units."""


@dataclass(frozen=True, eq=False)
class ConvMap:
    """A convolution. ``weight``: (out, in / groups, kernel height, kernel width); ``bias``: (out,)."""

    name: str
    weight: FloatArray
    bias: FloatArray
    stride: Pair
    padding: Pair
    groups: int = 1

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
    """A factor for every element, and an ``offset`` added to it, None for zeros.

    Both are of the input's shape, or (channels or 1, 1, 1) if they are the same over space.
    """

    name: str
    factor: FloatArray
    offset: FloatArray | None = None


@dataclass(frozen=True)
class MaxMap:
    """The largest of a window of each channel, without padding. Not linear: only positive factors commute with it."""

    name: str
    window: Pair
    stride: Pair

    padding: ClassVar[Pair] = (0, 0)


Spatial: TypeAlias = ConvMap | PoolMap | Scale
Linear: TypeAlias = Spatial | DenseMap
Map: TypeAlias = Linear | MaxMap


def is_gain(one: Map) -> bool:
    """Whether a map is no more than a positive factor of each channel: the largest of a window commutes with it."""
    return (
        isinstance(one, Scale)
        and one.offset is None
        and one.factor.shape[1:] == (1, 1)
        and bool((one.factor > 0).all())
    )


class Work:
    """The rest of a network's budget: every map may be small, but there may be thousands of them."""

    def __init__(self) -> None:
        self._weights = MAX_EXPANDED
        self._products = MAX_PRODUCTS

    def zeros(self, name: str, shape: tuple[int, ...]) -> FloatArray:
        """An array for the weights of node ``name``. Raises ``InputError`` if that would be too large."""
        self.take(name, math.prod(shape))
        return np.zeros(shape)

    def take(self, name: str, size: int) -> None:
        """Charge ``size`` weights of node ``name``. Raises ``InputError`` if there are too many."""
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

    def multiply(self, name: str, steps: int, products: int) -> None:
        """Charge ``steps`` loop iterations by their multiplications. Raises ``InputError`` if they take too long."""
        self._products -= steps * max(products, LEAST_PRODUCTS)
        if self._products < 0:
            raise InputError(
                f"node {name!r}: folding it and the nodes before it would take more than {MAX_PRODUCTS:,} "
                "multiplications; use smaller windows, or neurons between linear nodes"
            )


def regrouped(conv: ConvMap, groups: int, work: Work) -> ConvMap:
    """The same convolution in ``groups`` that its own are parts of, with zeros for the weights between those."""
    if groups == conv.groups:
        return conv
    parts, outputs, inputs = conv.groups // groups, len(conv.weight) // conv.groups, conv.weight.shape[1]
    spread = work.zeros(conv.name, (groups, parts, outputs, parts, inputs, *conv.window))
    part = np.arange(parts)
    spread[:, part, :, part] = conv.weight.reshape(groups, parts, outputs, inputs, *conv.window).swapaxes(0, 1)
    return replace(conv, weight=spread.reshape(len(conv.weight), -1, *conv.window), groups=groups)


def dilated(name: str, weight: FloatArray, dilation: Pair, work: Work) -> FloatArray:
    """The weights with the zeros of a dilation between them."""
    if dilation == (1, 1):
        return weight
    (dy, dx), (height, width) = dilation, weight.shape[2:]
    spread = work.zeros(name, (*weight.shape[:2], (height - 1) * dy + 1, (width - 1) * dx + 1))
    spread[:, :, ::dy, ::dx] = weight
    return spread


def output_shape(linear: Map, shape: Shape) -> Shape:
    """The output shape of ``linear`` for the input ``shape``, which must fit."""
    match linear:
        case DenseMap():
            return len(linear.weight), 1, 1
        case Scale():
            return shape
        case PoolMap() | MaxMap():
            channels = shape[0]
        case ConvMap():
            channels = len(linear.weight)
        case _:
            assert_never(linear)
    height, width = (
        _positions(*axis) for axis in zip(shape[1:], linear.window, linear.stride, linear.padding, strict=True)
    )
    return channels, height, width


def _positions(extent: int, size: int, stride: int, padding: int) -> int:
    return (extent + 2 * padding - size) // stride + 1


def fold(name: str, maps: Sequence[Map], shape: Shape, work: Work) -> tuple[ConvMap | DenseMap, Window | None]:
    """One map equal to ``maps``, applied one after the other to an input of ``shape``; and a pool behind it.

    Without maps the result is a convolution that passes its input on. ``name`` is the node the result belongs to.
    """
    before = list[Linear]()
    for position, pool in enumerate(maps):
        if isinstance(pool, MaxMap):
            folded = _fold_linear(name, before, shape, work)
            assert isinstance(folded, ConvMap), "a flat output has no windows"
            return _behind_pool(folded, pool, maps[position + 1 :], work), Window(pool.window, pool.stride)
        before.append(pool)
    return _fold_linear(name, before, shape, work), None


def _behind_pool(folded: ConvMap, pool: MaxMap, after: Sequence[Map], work: Work) -> ConvMap:
    """``folded`` before ``pool`` with the maps that come ``after`` it: only factors that are not negative commute."""
    for behind in after:
        if not isinstance(behind, Scale):
            raise InputError(
                f"node {behind.name!r}: follows the pool {pool.name!r}, whose largest values no weights can stand for; "
                "put neurons between the two"
            )
        factors, offsets = _factors(behind, len(folded.weight))
        if (factors < 0).any():
            raise InputError(
                f"node {behind.name!r}: has negative factors, which make a minimum of the pool {pool.name!r} before "
                "it; make them positive, and turn the weights before the pool"
            )
        folded = _scaled(folded, factors, offsets, work)
    return folded


def _fold_linear(name: str, maps: Sequence[Linear], shape: Shape, work: Work) -> ConvMap | DenseMap:
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
    """``dense`` with ``first``, whose input is ``shape``, folded into it by propagating every weight back."""
    match first:
        case Scale():
            work.multiply(dense.name, 1, dense.weight.size * ELEMENTWISE)
            offset = 0.0 if first.offset is None else (dense.weight * first.offset).sum(axis=(1, 2, 3))
            return DenseMap(dense.name, dense.weight * first.factor, dense.bias + offset)
        case ConvMap():
            kernel = regrouped(first, 1, work).weight
            products = max(shape[0], ELEMENTWISE)

            def seen(i: int, j: int) -> FloatArray:
                weights: FloatArray = np.einsum("omyx,mc->ocyx", dense.weight, kernel[:, :, i, j], optimize=True)
                return weights

            bias = dense.bias + dense.weight.sum(axis=(2, 3)) @ first.bias
        case PoolMap():
            products = ELEMENTWISE

            def seen(i: int, j: int) -> FloatArray:
                return dense.weight * first.factor

            bias = dense.bias
        case _:
            assert_never(first)
    (rows, columns), (sy, sx), (py, px) = dense.weight.shape[2:], first.stride, first.padding
    padded = work.zeros(dense.name, (len(dense.weight), shape[0], shape[1] + 2 * py, shape[2] + 2 * px))
    work.multiply(dense.name, math.prod(first.window), dense.weight.size * products)
    for i, j in np.ndindex(*first.window):
        padded[:, :, i : i + rows * sy : sy, j : j + columns * sx : sx] += seen(i, j)
    return DenseMap(dense.name, padded[:, :, py : py + shape[1], px : px + shape[2]], bias)


def _after_dense(dense: DenseMap, second: Linear, work: Work) -> DenseMap:
    match second:
        case Scale():
            work.multiply(second.name, 1, dense.weight.size * ELEMENTWISE)
            factors, offsets = _factors(second, len(dense.weight))
            weight = dense.weight * factors[:, np.newaxis, np.newaxis, np.newaxis]
            return DenseMap(dense.name, weight, dense.bias * factors + offsets)
        case ConvMap() | PoolMap():
            raise InputError(f"node {second.name!r}: takes an image, but gets the flat output of node {dense.name!r}")
        case DenseMap():
            matrix = second.weight[:, :, 0, 0]
        case _:
            assert_never(second)
    work.zeros(second.name, (len(second.weight), *dense.weight.shape[1:]))
    work.multiply(second.name, len(second.weight), dense.weight.size)
    return DenseMap(second.name, np.tensordot(matrix, dense.weight, axes=1), matrix @ dense.bias + second.bias)


def _fold_to_conv(name: str, maps: Sequence[Spatial], shapes: Sequence[Shape], work: Work) -> ConvMap:
    folded = None
    for linear, before in zip(maps, shapes, strict=False):
        if folded is None:
            folded = _as_conv(linear, before[0], work)
        elif isinstance(linear, Scale):
            folded = _scaled(folded, *_factors(linear, before[0]), work)
        else:
            folded = _compose(folded, _as_conv(linear, before[0], work), shapes[0], work)
    return _diagonal(name, np.ones((shapes[0][0], 1, 1)), work) if folded is None else folded


def _as_conv(linear: Spatial, channels: int, work: Work) -> ConvMap:
    bias = np.zeros(channels)
    match linear:
        case ConvMap():
            return linear
        case PoolMap():
            kernels: FloatArray = np.broadcast_to(linear.factor, (channels, *linear.window))
            stride, padding = linear.stride, linear.padding
        case Scale():
            factors, bias = _factors(linear, channels)
            kernels = factors[:, np.newaxis, np.newaxis]
            stride, padding = (1, 1), (0, 0)
        case _:
            assert_never(linear)
    return replace(_diagonal(linear.name, kernels, work, stride, padding), bias=bias)


def _factors(scale: Scale, channels: int) -> tuple[FloatArray, FloatArray]:
    """The factor and the offset of each channel."""
    found = []
    for values in (scale.factor, np.zeros((1, 1, 1)) if scale.offset is None else scale.offset):
        if (values != values[:, :1, :1]).any():
            raise InputError(
                f"node {scale.name!r}: its factors must be the same over a channel's height and width to be folded "
                "into a convolution; they differ"
            )
        found.append(np.broadcast_to(values[:, 0, 0], (channels,)))
    return found[0], found[1]


def _scaled(conv: ConvMap, factors: FloatArray, offsets: FloatArray, work: Work) -> ConvMap:
    work.multiply(conv.name, 1, conv.weight.size * ELEMENTWISE)
    weight = conv.weight * factors[:, np.newaxis, np.newaxis, np.newaxis]
    return replace(conv, weight=weight, bias=conv.bias * factors + offsets)


def _diagonal(name: str, kernels: FloatArray, work: Work, stride: Pair = (1, 1), padding: Pair = (0, 0)) -> ConvMap:
    """A depthwise convolution. ``kernels``: (channels, kernel height, kernel width)."""
    weight = work.zeros(name, (len(kernels), 1, *kernels.shape[1:]))
    weight[:, 0] = kernels
    return ConvMap(name, weight, np.zeros(len(kernels)), stride, padding, groups=len(kernels))


def _compose(first: ConvMap, second: ConvMap, shape: Shape, work: Work) -> ConvMap:
    """``second`` after ``first``, whose input is ``shape``."""
    _check_padding(first, second, shape, work)
    groups = math.gcd(first.groups, second.groups)
    first, second = regrouped(first, groups, work), regrouped(second, groups, work)
    between = second.weight.shape[1]  # channels of a group
    (sy, sx), (height, width), (rows, columns) = first.stride, first.window, second.window
    weight = work.zeros(
        second.name,
        (len(second.weight), first.weight.shape[1], (rows - 1) * sy + height, (columns - 1) * sx + width),
    )
    products = first.weight[0].size * max(between, ELEMENTWISE)
    work.multiply(second.name, rows * columns, len(second.weight) * products)
    matrices = second.weight.reshape(groups, -1, *second.weight.shape[1:])
    inner = first.weight.reshape(groups, between, -1)
    for i, j in np.ndindex(rows, columns):
        taps = (matrices[..., i, j] @ inner).reshape(len(weight), *first.weight.shape[1:])
        weight[:, :, i * sy : i * sy + height, j * sx : j * sx + width] += taps
    bias = matrices.sum(axis=(3, 4)) @ first.bias.reshape(groups, between, 1)
    return ConvMap(
        second.name,
        weight,
        second.bias + bias.reshape(-1),
        (sy * second.stride[0], sx * second.stride[1]),
        (first.padding[0] + second.padding[0] * sy, first.padding[1] + second.padding[1] * sx),
        groups,
    )


def _check_padding(first: ConvMap, second: ConvMap, shape: Shape, work: Work) -> None:
    """Refuse padding of ``second`` that would not stay zero when ``first`` is folded into it.

    In place of a padded zero, the folded map sees the output of ``first`` there: its bias, and the part of the image
    under its window.
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
