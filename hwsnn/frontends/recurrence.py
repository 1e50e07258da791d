"""Linear maps from neurons back to themselves, as the weights of a recurrent projection."""

from __future__ import annotations

import numpy as np

from hwsnn.float_network import FloatArray

from . import linear
from .graph import Source
from .terms import Signal, Term


def weights_back(node: Source, spikes: Signal, back: Signal, work: linear.Work) -> tuple[FloatArray, FloatArray]:
    """The weights of ``Graph.close`` and the bias, (channels,), of what comes back to the neurons of ``node``.

    ``back``: maps and sums of ``spikes``, an input of a graph, which stands for their spikes. Raises ``InputError`` for
    what leaves a position: a neuron runs all its steps before its neighbours begin.
    """
    channels = spikes.shape[0]
    if back.shape != spikes.shape:
        sizes = ("x".join(map(str, signal.shape)) for signal in (back, spikes))
        raise node.error("gets {} values of its own spikes back, but has {}".format(*sizes))
    weight, bias = work.zeros(node.name, (channels, channels)), np.zeros(channels)
    for term in back.terms:
        folded = linear.regrouped(_folded(node, term, work), 1, work)
        rows = slice(term.first, term.first + len(folded.weight))
        weight[rows] += folded.weight[:, :, 0, 0]
        bias[rows] += folded.bias
    alone = np.diagonal(weight)
    return (alone.copy() if (weight == np.diag(alone)).all() else weight), bias


def _folded(node: Source, term: Term, work: linear.Work) -> linear.ConvMap:
    folded, pool = linear.fold(node.name, term.maps, term.source_shape, work)
    if pool is not None:
        raise node.error("gets the largest of a window of its own spikes back, which is not built")
    if isinstance(folded, linear.DenseMap) and term.source_shape[1:] == (1, 1):
        return linear.ConvMap(folded.name, folded.weight, folded.bias, (1, 1), (0, 0))
    if isinstance(folded, linear.DenseMap) or (folded.window, folded.padding) != ((1, 1), (0, 0)):
        window = term.source_shape[1:] if isinstance(folded, linear.DenseMap) else folded.window
        raise node.error(
            f"gets a window of {window[0]}x{window[1]} of its own spikes back; only 1x1 is built, as a neuron runs all "
            "its steps before its neighbours begin"
        )
    return folded
