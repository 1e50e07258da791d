"""Chooses how parallel each layer is, and how deep the queues between layers are."""

from __future__ import annotations

from dataclasses import dataclass

from .spec import Conv, Folding, LayerFold, MaxPool, MultiplyLeak, Network

BUDGET = 2000
"""Synapses a clock, and their like, that a design may cost by default: about 20,000 LUT4, a quarter of an ECP5-85."""
TABLE_ROWS = 16
"""Up to so many groups times folds, pixels meet weights in tables of partial sums; beyond, bit by bit in gates."""
PIXEL_COST = 8
"""What a synapse with a multi-bit pixel costs in tables of one row, in synapses with a spike; more rows cost more."""
PRODUCT_COST = 12
"""What a pixel that meets its weight in gates costs, and a membrane that is multiplied."""
NEURON_CLOCKS = 5
"""How many clocks the neurons need for a pass over few groups, but the last one (their pipeline is that deep)."""
DEEPEST_QUEUE = 512
"""Beats of a queue, at most: the depth at which block memories are widest."""
LANE_COST = 8
"""What an output lane costs beside its synapses (membrane, threshold, compare), in synapses a clock."""


@dataclass(frozen=True)
class _Option:
    """A fold of one layer, with its estimated clocks a frame and its cost."""

    fold: LayerFold
    clocks: int
    cost: int


def choose(network: Network, budget: int = BUDGET) -> Folding:
    """The folding with the fewest estimated clocks a frame whose cost stays within ``budget`` synapses a clock.

    A network too large for it even fully folded is folded fully. No layer is made faster than the slowest one can be.
    Queues hold a row of the layer's output, those before a convolution a frame of it.
    """
    options = {layer.name: _options(network, index) for index, layer in network.weighted_layers()}
    bound = max(min(option.clocks for option in choices) for choices in options.values())
    targets = sorted({option.clocks for choices in options.values() for option in choices if option.clocks >= bound})
    for target in targets:
        picks = {name: _cheapest(choices, target) for name, choices in options.items()}
        if sum(pick.cost for pick in picks.values()) <= budget:
            break
    depths = {layer.name: _queue_depth(network, index) for index, layer in enumerate(network.layers)}
    return Folding({name: pick.fold for name, pick in picks.items()}, depths)


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
    neurons = max(groups, NEURON_CLOCKS) * (steps - 1) + groups
    return max(rows * columns * max(sums, neurons), arriving * (1 if pixels else steps))


def _queue_depth(network: Network, index: int) -> int:
    """Beats of the queue behind layer ``index``.

    A convolution waits for its first rows and so ends late, when the layers before it are well into the next frame.
    """
    _, height, width = network.shapes[index + 1]
    before_conv = any(isinstance(layer, Conv) for layer in network.layers[index + 1 : index + 2])
    return max(2, min((height if before_conv else 1) * width * network.timesteps, DEEPEST_QUEUE))


def _options(network: Network, index: int) -> list[_Option]:
    """Every sensible fold of a layer."""
    inputs, outputs = network.shapes[index][0], network.shapes[index + 1][0]
    folds = [LayerFold(cin, cout) for cin in _parts(inputs) for cout in _parts(outputs)]
    return [_option(network, index, fold) for fold in folds]


def _option(network: Network, index: int, fold: LayerFold) -> _Option:
    layer = network.layers[index]
    channels, height, width = network.shapes[index]
    groups, folds = -(-network.shapes[index + 1][0] // fold.cout_par), -(-channels // fold.cin_par)
    taps = layer.kernel[0] * layer.kernel[1] if isinstance(layer, Conv) else 1
    rows = groups * folds * (1 if isinstance(layer, Conv) else height * width)
    synapse = 1
    if network.takes_pixels(index):
        synapse = PIXEL_COST * min(rows, 4) if rows <= TABLE_ROWS else PRODUCT_COST
    leaks = not isinstance(layer, MaxPool) and isinstance(layer.neuron.leak, MultiplyLeak)
    lane = taps * fold.cin_par * synapse + LANE_COST + (PRODUCT_COST if leaks else 0)
    return _Option(fold, estimated_clocks(network, index, fold), fold.cout_par * lane)


def _parts(channels: int) -> list[int]:
    """The parallelisms worth having: the smallest for each number of passes over the channels."""
    return sorted({-(-channels // passes) for passes in range(1, channels + 1)})


def _cheapest(options: list[_Option], target: int) -> _Option:
    """The cheapest option within ``target`` clocks; there is one, as the target is no less than the fastest needs."""
    within = [option for option in options if option.clocks <= target]
    return min(within, key=lambda option: (option.cost, option.clocks))
