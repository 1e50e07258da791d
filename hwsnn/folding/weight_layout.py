"""The numbers of a layer with weights in the order in which its folded hardware uses them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwsnn.spec import Conv, Dense

from .folding import LayerFold

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LayerParameters:
    """A layer's numbers by position p, output group g, input fold k, output lane and slice entry.

    ``weights``: (P, G, F, lanes, L), ``bias``: (G, lanes); int64. What is missing where a part does not divide its
    channel count has weight 0 and bias 0.
    """

    weights: Int64Array
    bias: Int64Array


def folded_parameters(layer: Conv | Dense, fold: LayerFold) -> LayerParameters:
    """The parameters of ``layer`` folded as ``fold`` says, in the orders of ``docs/streams.md``.

    Parts larger than their channel count are cut down to it.
    """
    outputs, channels = layer.weight.shape[:2]
    lanes, entries = min(fold.cout_par, outputs), min(fold.cin_par, channels)
    groups, folds = -(-outputs // lanes), -(-channels // entries)
    padded = np.zeros((groups * lanes, folds * entries, *layer.weight.shape[2:]), np.int64)
    padded[:outputs, :channels] = layer.weight
    parts = padded.reshape(groups, lanes, folds, entries, -1)  # (g, lane, channel fold, entry, pixel or tap)
    if isinstance(layer, Conv):
        weights = parts.transpose(0, 2, 1, 4, 3).reshape(1, groups, folds, lanes, -1)
    else:
        weights = parts.transpose(4, 0, 2, 1, 3)
    bias = np.zeros(groups * lanes, np.int64)
    bias[:outputs] = layer.bias
    return LayerParameters(np.ascontiguousarray(weights), bias.reshape(groups, lanes))
