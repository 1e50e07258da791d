"""Synapses per cycle of a folded layer: the measure of its parallelism."""

from __future__ import annotations

from hwsnn.folding.folding import Folding
from hwsnn.folding.weight_layout import folded_parameters
from hwsnn.spec import Network


def synapses_per_cycle(network: Network, folding: Folding, index: int) -> float:
    """Synapses that layer ``index`` sums per cycle while it is busy, on average over the cycles of an output pixel.

    A synapse is a weight of the model at one time step, even if it is 0; the padding of a slice, of the last output
    fold or of the last pass does not count. The weights of an output pixel take G*F cycles (see ``docs/streams.md``),
    and each of the ``t_par`` steps of a pass has sums of its own: weights / (P * G * F) * T / passes. A layer of pixels
    has one sum for all steps of a pass, and the factor T / passes is left out.

    Raises ``ValueError`` for a pool, which has no synapses.
    """
    layer = network.population(index)
    fold = folding.layers[layer.name]
    positions, groups, folds, _, _ = folded_parameters(layer, fold).weights.shape
    passes = -(-network.timesteps // min(fold.t_par, network.timesteps))
    steps = 1 if network.inputs(index).held else network.timesteps / passes
    return layer.projection.synapses / int(positions * groups * folds) * steps
