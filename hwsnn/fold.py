"""Chooses how parallel each layer is, and how deep the queues between layers are."""

from __future__ import annotations

from .spec import Conv, Folding, LayerFold, MaxPool, Network

BUDGET = 1000
"""Synapses a clock, and their like, that a design may cost by default: about 10,000 LUT4 on an ECP5."""
NEURON_CLOCKS = 6
"""About how many clocks the neurons need for a pass over few groups (their pipeline is that deep)."""
LANE_COST = 8
"""What an output lane costs beside its synapses (membrane, threshold, compare), in synapses a clock."""
MULTIPLY_COST = 8
"""What a synapse with a multi-bit pixel costs, in synapses with a spike."""


def choose(network: Network, budget: int = BUDGET) -> Folding:
    """The folding with the fewest estimated clocks a frame whose cost stays within ``budget`` synapses a clock.

    A network too large for the budget even fully folded is folded fully. Queues hold one row of the layer's output.
    """
    choices = {layer.name: _choices(network, index) for index, layer in network.weighted_layers()}
    targets = sorted({clocks for options in choices.values() for clocks, _, _ in options})
    chosen: dict[str, LayerFold] = {}
    for target in targets:
        picks = {name: _cheapest(options, target) for name, options in choices.items()}
        chosen = {name: fold for name, (_, _, fold) in picks.items()}
        if sum(cost for _, cost, _ in picks.values()) <= budget:
            break
    depths = {
        layer.name: max(2, min(network.shapes[index + 1][2] * network.timesteps, 512))
        for index, layer in enumerate(network.layers)
    }
    return Folding(chosen, depths)


def estimated_clocks(network: Network, index: int, fold: LayerFold) -> int:
    """About how many clocks a frame layer ``index`` takes by itself; ``hwsnn bench`` measures the real figure."""
    layer = network.layers[index]
    if isinstance(layer, MaxPool):
        raise ValueError(f"layer {layer.name!r} must have weights, not be a pool")
    channels, height, width = network.shapes[index]
    outputs, rows, columns = network.shapes[index + 1]
    steps, pixels = network.timesteps, network.takes_pixels(index)
    groups, folds = -(-outputs // fold.cout_par), -(-channels // fold.cin_par)
    if isinstance(layer, Conv):
        arriving = (height + 2 * layer.padding[0]) * (width + 2 * layer.padding[1])
    else:
        arriving = height * width
        folds *= height * width
    sums = groups * folds * (1 if pixels else steps)
    neurons = max(groups, NEURON_CLOCKS) * steps
    return max(rows * columns * max(sums, neurons), arriving * (1 if pixels else steps))


def _cost(network: Network, index: int, fold: LayerFold) -> int:
    layer = network.layers[index]
    taps = layer.kernel[0] * layer.kernel[1] if isinstance(layer, Conv) else 1
    synapse = MULTIPLY_COST if network.takes_pixels(index) else 1
    return fold.cout_par * (taps * fold.cin_par * synapse + LANE_COST)


def _choices(network: Network, index: int) -> list[tuple[int, int, LayerFold]]:
    """Every sensible fold of a layer: (estimated clocks a frame, cost, fold)."""
    inputs, outputs = network.shapes[index][0], network.shapes[index + 1][0]
    folds = [LayerFold(cin, cout) for cin in _parts(inputs) for cout in _parts(outputs)]
    return [(estimated_clocks(network, index, fold), _cost(network, index, fold), fold) for fold in folds]


def _parts(channels: int) -> list[int]:
    """The parallelisms worth having: the smallest for each number of passes over the channels."""
    return sorted({-(-channels // passes) for passes in range(1, channels + 1)})


def _cheapest(options: list[tuple[int, int, LayerFold]], target: int) -> tuple[int, int, LayerFold]:
    """The cheapest option within ``target`` clocks, or the fastest one where none is."""
    within = [option for option in options if option[0] <= target]
    if within:
        return min(within, key=lambda option: (option[1], option[0]))
    return min(options, key=lambda option: (option[0], option[1]))
