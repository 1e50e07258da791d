"""The order of a layer's weights and biases in its folded hardware."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from hwsnn.spec import Conv, Dense, Population
from hwsnn.spec.checks import unknown_kind
from hwsnn.spec.integers import Int64Array, IntArray

from .folding import LayerFold


@dataclass(frozen=True, eq=False)
class LayerParameters:
    """A layer's numbers by position p, output group g, input fold k, output lane and slice entry.

    ``weights``: (P, G, F, lanes, L), ``bias``: (G, lanes); int64. If a parallelism does not divide its channel count,
    the rest is padded with weight 0 and bias 0. Weights are times the gain of their output channel.
    """

    weights: Int64Array
    bias: Int64Array


def folded_parameters(layer: Population, fold: LayerFold) -> LayerParameters:
    """The parameters of ``layer`` folded as ``fold`` says, in the orders of ``docs/streams.md``.

    Parts larger than their channel count are cut down to it.
    """
    matrices = by_position(layer.projection)
    positions, outputs, channels, taps = matrices.shape
    lanes, entries = min(fold.cout_par, outputs), min(fold.cin_par, channels)
    groups, folds = -(-outputs // lanes), -(-channels // entries)
    padded = np.zeros((positions, groups * lanes, folds * entries, taps), np.int64)
    padded[:, :outputs, :channels] = matrices
    parts = padded.reshape(positions, groups, lanes, folds, entries, taps)
    weights = parts.transpose(0, 1, 3, 2, 5, 4).reshape(positions, groups, folds, lanes, -1)
    bias = np.zeros(groups * lanes, np.int64)
    bias[:outputs] = layer.bias
    return LayerParameters(np.ascontiguousarray(weights), bias.reshape(groups, lanes))


@singledispatch
def by_position(layer: object) -> IntArray:
    """The weights of each position whose sums make up an output, (positions, out channels, in channels, taps)."""
    raise unknown_kind("the order of the weights", layer)


@by_position.register
def _(layer: Conv) -> IntArray:
    """The weights between groups are zeros: a fold takes the same input channels for all outputs."""
    outputs, inputs = layer.out_channels // layer.groups, layer.in_channels // layer.groups
    full = np.zeros((layer.groups, outputs, layer.groups, inputs, layer.taps), np.int64)
    group = np.arange(layer.groups)
    full[group, :, group] = layer.gained.reshape(layer.groups, outputs, inputs, layer.taps)
    return full.reshape(1, layer.out_channels, layer.in_channels, layer.taps)


@by_position.register
def _(layer: Dense) -> IntArray:
    pixels: IntArray = layer.gained.reshape(layer.out_channels, layer.in_channels, -1, 1).transpose(2, 0, 1, 3)
    return pixels
