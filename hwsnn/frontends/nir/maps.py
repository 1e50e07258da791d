"""The linear nodes of a NIR graph as maps: ``docs/nir.md`` specifies the result of each."""

from __future__ import annotations

import math

import numpy as np

from hwsnn.float_network import FloatArray
from hwsnn.spec import Pair

from .. import linear
from .graph_file import Node
from .place import Place

KINDS = ("Conv1d", "Conv2d", "Linear", "Affine", "SumPool2d", "AvgPool2d", "Scale")
"""The types of the nodes."""


def linear_map(node: Node, place: Place, work: linear.Work) -> linear.Linear:
    """``node`` behind ``place``, which it must fit."""
    match node.type:
        case "Conv1d" | "Conv2d":
            return _conv(node, place, work)
        case "Linear" | "Affine":
            return _dense(node, place)
        case "Scale":
            return linear.Scale(node.name, place.per_element(node, "scale"))
    size, stride, padding = node.pair("kernel_size", 1), node.pair("stride", 1), node.pair("padding", 0)
    if place.flat:
        raise node.error(f"takes an image, but gets {place}")
    factor = 1.0 if node.type == "SumPool2d" else 1.0 / math.prod(size)
    return linear.PoolMap(node.name, size, stride, padding, factor)


def _conv(node: Node, place: Place, work: linear.Work) -> linear.ConvMap:
    """A convolution; one of a row, whose kernel is one row high."""
    row = node.type == "Conv1d"
    weight = node.numbers("weight", 3)[:, :, np.newaxis] if row else node.numbers("weight", 4)
    groups, *_ = node.integers("groups", 1) if "groups" in node.values else (1,)
    if len(weight) % groups:
        raise node.error(f"its {len(weight)} output channels must divide into its {groups} groups")
    if place.flat or weight.shape[1] * groups != place.shape[0] or (row and place.shape[1] != 1):
        takes = f"{weight.shape[1] * groups} channels of {'a row' if row else 'an image'}"
        raise node.error(f"takes {takes}, but gets {place}")
    bias = _bias(node, len(weight))
    dilation = _pair(node, "dilation", 1, row, 1) if "dilation" in node.values else (1, 1)
    weight = linear.dilated(node.name, weight, dilation, work)
    stride = _pair(node, "stride", 1, row, 1)
    weight, padding = _padded(node, weight, stride, row)
    return linear.ConvMap(node.name, weight, bias, stride, padding, groups)


def _pair(node: Node, key: str, low: int, row: bool, other: int) -> Pair:
    """The (vertical, horizontal) integers under ``key``; of a row only the latter is there, the former is ``other``."""
    if not row:
        return node.pair(key, low)
    value = node.integers(key, low)
    if len(value) != 1:
        raise node.error(f"{key!r} must be one integer, not {len(value)}")
    return other, value[0]


def _padded(node: Node, weight: FloatArray, stride: Pair, row: bool) -> tuple[FloatArray, Pair]:
    """Weights and padding, the same on both sides, for the node's ``padding``: integers, ``valid`` or ``same``."""
    padding = node.values.get("padding")
    if not isinstance(padding, str):
        return weight, _pair(node, "padding", 0, row, 0)
    if padding == "valid":
        return weight, (0, 0)
    if padding != "same":
        raise node.error(f"'padding' must be integers, 'same' or 'valid', not {padding[:40]!r}")
    if stride != (1, 1):
        raise node.error(f"'padding' can be 'same' only for a stride of 1, not {stride}")
    # An even window needs one more zero below and to the right than above: a zero row of weights on top evens that out.
    height, width = weight.shape[2:]
    odd = np.pad(weight, ((0, 0), (0, 0), (1 - height % 2, 0), (1 - width % 2, 0)))
    return odd, (height // 2, width // 2)


def _dense(node: Node, place: Place) -> linear.DenseMap:
    weight = node.numbers("weight", 2)
    if not place.flat and place.shape[:2] != (1, 1):
        raise node.error(f"takes a flat input, but gets {place}; put a Flatten before it")
    if weight.shape[1] != math.prod(place.shape):
        raise node.error(f"takes {weight.shape[1]} inputs, but gets {place}")
    weight = weight.reshape(len(weight), *place.shape)
    return linear.DenseMap(node.name, weight, _bias(node, len(weight)))


def _bias(node: Node, outputs: int) -> FloatArray:
    """The node's bias, zeros if it has none."""
    if "bias" not in node.values:
        return np.zeros(outputs)
    bias = node.numbers("bias")
    if bias.shape != (outputs,):
        raise node.error(f"'bias' must have shape {(outputs,)}, not {bias.shape}")
    return bias
