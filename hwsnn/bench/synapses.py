"""How many synapses a folded layer sums in a clock: what its size is measured by."""

from __future__ import annotations

from hwsnn.folding.folding import Folding
from hwsnn.folding.weight_layout import folded_parameters
from hwsnn.spec import MaxPool, Network


def synapses_per_clock(network: Network, folding: Folding, index: int) -> float:
    """Synapses that layer ``index`` sums in a clock while it is busy, on average over the clocks of a position.

    A synapse is a weight of the model at one time step, be it 0; what only fills up a slice, a group of lanes or the
    last pass is none. The weights of a position take G*F clocks (see ``docs/streams.md``), and each of the ``t_par``
    steps of a pass has sums of its own: weights / (P * G * F) * T / passes. A layer of pixels has one sum for all steps
    of a pass, and T / passes does not count.

    Raises ``ValueError`` for a pool, which has none.
    """
    layer = network.layers[index]
    if isinstance(layer, MaxPool):
        raise ValueError(f"layer {layer.name!r} must have weights, not be a pool")
    fold = folding.layers[layer.name]
    positions, groups, folds, _, _ = folded_parameters(layer, fold).weights.shape
    passes = -(-network.timesteps // min(fold.t_par, network.timesteps))
    steps = 1 if network.takes_pixels(index) else network.timesteps / passes
    return layer.synapses / int(positions * groups * folds) * steps
