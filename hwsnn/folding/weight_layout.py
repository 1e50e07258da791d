"""The order of a projection's weights and biases in the folded hardware."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import singledispatch

import numpy as np

from hwsnn.spec import AnyProjection, Conv, Dense, Population
from hwsnn.spec.checks import unknown_kind
from hwsnn.spec.integers import Int64Array, IntArray

from .fold_shape import FoldShape, fold_shapes
from .folding import LayerFold


@dataclass(frozen=True, eq=False)
class ProjectionParameters:
    """A projection's numbers by position p, output group g, input fold k, output lane and slice entry.

    ``weights``: (P, G, F, lanes, L), ``bias``: (G, lanes); int64. If a parallelism does not divide its channel count,
    the rest is padded with weight 0 and bias 0. Weights are times the gain of their output channel. ``sections``: of a
    slice, each of L entries; lanes / sections consecutive lanes see the same one.
    """

    weights: Int64Array
    bias: Int64Array
    sections: int


def folded_parameters(layer: Population, fold: LayerFold) -> tuple[ProjectionParameters, ...]:
    """The parameters of each projection of ``layer`` in its ``fold_shapes``, in the orders of ``docs/streams.md``.

    The first projection has the biases of the layer; those of the others are 0.
    """
    none = np.zeros_like(layer.bias)
    return tuple(
        _folded(by_position(projection), none if number else layer.bias, shape)
        for number, (projection, shape) in enumerate(zip(layer.projections, fold_shapes(layer, fold), strict=True))
    )


def sampled_weights(projection: AnyProjection, shape: FoldShape, most: int) -> Int64Array:
    """The ``weights`` of a projection's ``ProjectionParameters`` for ``most`` of its lanes, evenly spaced, or all."""
    lanes = np.unique(np.linspace(0, shape.lanes - 1, min(shape.lanes, most)).astype(int))
    outputs = (np.arange(shape.output_folds)[:, None] * shape.lanes + lanes).reshape(-1)
    matrices = by_position(projection)
    there = outputs < matrices.shape[1]
    sampled = np.zeros((matrices.shape[0], len(outputs), *matrices.shape[2:]), np.int64)
    sampled[:, there] = matrices[:, outputs[there]]
    return _folded(sampled, np.zeros(len(outputs), np.int64), replace(shape, lanes=len(lanes))).weights


def _folded(matrices: IntArray, biases: IntArray, shape: FoldShape) -> ProjectionParameters:
    positions, outputs, channels, taps = matrices.shape
    groups, lanes, folds = shape.output_folds, shape.lanes, shape.input_folds
    padded = np.zeros((positions, groups * lanes, folds * shape.cin_par, taps), np.int64)
    padded[:, :outputs, :channels] = matrices
    parts = padded.reshape(positions, groups, lanes, folds, shape.cin_par, taps)
    weights = parts.transpose(0, 1, 3, 2, 5, 4).reshape(positions, groups, folds, lanes, -1)
    bias = np.zeros(groups * lanes, np.int64)
    bias[:outputs] = biases
    return ProjectionParameters(np.ascontiguousarray(weights), bias.reshape(groups, lanes), shape.sections)


@singledispatch
def by_position(layer: object) -> IntArray:
    """The weights of each position whose sums make up an output, (positions, out channels, in channels, taps).

    The input channels are those that an output sees: of a convolution, the channels of its group.
    """
    raise unknown_kind("the order of the weights", layer)


@by_position.register
def _(layer: Conv) -> IntArray:
    return layer.gained.reshape(1, *layer.weight.shape[:2], layer.taps)


@by_position.register
def _(layer: Dense) -> IntArray:
    pixels: IntArray = layer.gained.reshape(layer.out_channels, layer.in_channels, -1, 1).transpose(2, 0, 1, 3)
    return pixels
