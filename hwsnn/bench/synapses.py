"""Synapses per cycle of a folded layer: the measure of its parallelism."""

from __future__ import annotations

from hwsnn.folding.column_pairs import as_built
from hwsnn.folding.folding import Folding
from hwsnn.folding.pipeline_depths import engine_depths
from hwsnn.spec import Network


def synapses_per_cycle(network: Network, folding: Folding, index: int) -> float:
    """Synapses that layer ``index`` sums per cycle while it is busy, on average over the cycles of an output pixel.

    A synapse is a weight of the model at one time step, even if it is 0; the padding of a slice, of the last output
    fold or of the last pass does not count. The weights of an output pixel take G*F cycles (see ``docs/streams.md``),
    and each of the ``t_par`` steps of a pass has sums of its own: weights / (P * G * F) * T / passes. A projection of
    pixels has one sum for all steps of a pass, and the factor T / passes is left out. Projections work side by side: P
    is the number of positions of the one with the most. Of two pixels per cycle, a layer may make two columns at once.

    Raises ``ValueError`` for a pool, which has no synapses.
    """
    layer, built = network.population(index), as_built(network, folding)
    depths = engine_depths(built, index, folding.layers[layer.name])
    columns = built.population(index).out_channels // layer.out_channels
    synapses = sum(
        projection.synapses * (1 if inputs.held else network.timesteps / depths.passes)
        for projection, inputs in zip(layer.projections, network.inputs(index), strict=True)
    )
    return columns * synapses * layer.windows / (max(depths.positions) * depths.pass_clocks)
