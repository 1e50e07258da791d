"""Output positions that take turns, so that no pass waits for the membranes of the one before.

A pass of a position needs the membranes that its previous pass left, ``min_interval`` cycles later. Where passes are
shorter, those of other positions fill the time: of a block of positions all first passes come, then all second ones.
"""

from __future__ import annotations

from math import prod

from hwsnn.spec import Network

from .folding import LayerFold

MOST_WORDS = 64
"""Words of half an interleaver: passes of a block of positions."""


def can_interleave(network: Network, index: int) -> bool:
    """Whether the positions of layer ``index`` may take turns: those of one convolution, whose spikes leave."""
    layer = network.population(index)
    single = len(layer.projections) == 1 and layer.projection.sliding and layer.windows == 1
    return single and network.gives_spikes(index)


def interleave(network: Network, index: int, fold: LayerFold) -> int:
    """Output positions of layer ``index`` that take turns.

    Raises ``ValueError`` for a fold whose number the layer cannot have.
    """
    turns, name = fold.interleave, network.layers[index].name
    if turns == 1:
        return 1
    passes = -(-network.timesteps // min(fold.t_par, network.timesteps))
    if passes == 1 or not can_interleave(network, index):
        raise ValueError(
            f"interleave of layer {name!r} must be 1, not {turns}: it is for several passes of one convolution"
        )
    positions = prod(network.shapes[index + 1][1:])
    if positions % turns:
        raise ValueError(f"interleave of layer {name!r} must divide its {positions} positions, not {turns}")
    if turns * passes > MOST_WORDS:
        raise ValueError(f"interleave of layer {name!r} must be at most {MOST_WORDS // passes}, not {turns}")
    return turns


def least_interleave(network: Network, index: int, passes: int, pass_clocks: int, min_interval: int) -> int:
    """The fewest positions of which no pass waits for membranes; 1 if no number does that."""
    if passes == 1 or pass_clocks >= min_interval or not can_interleave(network, index):
        return 1
    positions, least = prod(network.shapes[index + 1][1:]), -(-min_interval // pass_clocks)
    return next((each for each in range(least, MOST_WORDS // passes + 1) if positions % each == 0), 1)
