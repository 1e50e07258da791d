"""The numbers of a layer with weights in the order in which its folded hardware uses them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwsnn.spec import Conv, Dense, Neuron

from .folding import LayerFold

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LayerParameters:
    """A layer's numbers by position p, output group g, input fold k, output lane and slice entry.

    ``weights``: (P, G, F, lanes, L); ``bias``, ``thresholds`` and ``subs``: (G, lanes); all int64. What is missing
    where a part does not divide its channel count has weight 0, bias 0, threshold 1 and sub 1. The thresholds of a
    layer that never fires are 1 everywhere; ``subs`` is None where the reset does not subtract.
    """

    weights: Int64Array
    bias: Int64Array
    thresholds: Int64Array
    subs: Int64Array | None


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
    neuron = layer.neuron
    thresholds = neuron.threshold if isinstance(neuron, Neuron) else np.ones(outputs, np.int64)
    subs = neuron.sub if isinstance(neuron, Neuron) else None
    return LayerParameters(
        np.ascontiguousarray(weights),
        _grouped(layer.bias, groups, lanes, 0),
        _grouped(thresholds, groups, lanes, 1),
        None if subs is None else _grouped(subs, groups, lanes, 1),
    )


def _grouped(values: npt.NDArray[np.integer], groups: int, lanes: int, filler: int) -> Int64Array:
    padded = np.full(groups * lanes, filler, np.int64)
    padded[: len(values)] = values
    return padded.reshape(groups, lanes)
