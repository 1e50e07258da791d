"""The folding that is chosen: complete, within its budget, and never slower for more hardware."""

from __future__ import annotations

import numpy as np
import pytest

from hwsnn.fold import BUDGET, DEEPEST_QUEUE, TABLE_ROWS, _option, choose, estimated_clocks
from hwsnn.random_networks import random_network
from hwsnn.rtl.synapses import MAX_LOGIC_ROWS
from hwsnn.spec import Conv, Encoder, Integrator, LayerFold, MaxPool, Network, Neuron, NoLeak


def _network(timesteps: int = 3) -> Network:
    rng = np.random.default_rng(0)
    neuron = Neuron(np.full(12, 20), NoLeak(), "subtract", 16)
    first = Conv("conv1", rng.integers(-7, 8, (12, 1, 3, 3)), np.zeros(12, int), 4, neuron)
    pool = MaxPool("pool1", (2, 2), (2, 2), "or")
    last = Conv("conv2", rng.integers(-7, 8, (4, 12, 3, 3)), np.zeros(4, int), 4, Integrator(NoLeak(), 16))
    return Network("small", (1, 8, 8), 8, Encoder("direct"), timesteps, (first, pool, last), "membrane")


@pytest.mark.parametrize("seed", range(20))
def test_every_layer_is_folded(seed: int) -> None:
    network = random_network(seed)
    folding = choose(network)
    assert set(folding.layers) == {layer.name for _, layer in network.weighted_layers()}
    assert set(folding.fifo_depths) == {layer.name for layer in network.layers}


@pytest.mark.parametrize("budget", [350, 500, 1000, BUDGET])
def test_cost_is_within_the_budget(budget: int) -> None:
    network = _network()
    folding = choose(network, budget)
    options = [_option(network, index, folding.layers[layer.name]) for index, layer in network.weighted_layers()]
    assert sum(option.cost for option in options) <= budget


def test_tables_hold_as_many_rows_as_the_synaptic_sums_say() -> None:
    assert TABLE_ROWS == MAX_LOGIC_ROWS


def test_a_budget_too_small_folds_fully() -> None:
    assert set(choose(_network(), 1).layers.values()) == {LayerFold(1, 1)}


def test_more_budget_is_never_slower() -> None:
    network = _network(timesteps=1)

    def slowest(budget: int) -> int:
        layers = choose(network, budget).layers
        return max(estimated_clocks(network, i, layers[layer.name]) for i, layer in network.weighted_layers())

    clocks = [slowest(budget) for budget in (1, 200, 400, 800, 1600, 10_000)]
    assert clocks == sorted(clocks, reverse=True)
    assert clocks[-1] < clocks[0]


def test_estimate_of_a_spiking_convolution() -> None:
    # One output position, 3 steps, 4 outputs and 12 inputs one at a time.
    assert estimated_clocks(_network(), 2, LayerFold(1, 1)) == 3 * 4 * 12
    # 4 outputs two at a time, 12 inputs five at a time, the last fold padded.
    assert estimated_clocks(_network(20), 2, LayerFold(5, 2)) == 20 * max(2 * 3, 9)
    # Hardly folded, the 3x3 pixels that arrive, one a clock and step, take longest.
    assert estimated_clocks(_network(), 2, LayerFold(12, 4)) == 3 * 9


def test_queues_hold_a_row_and_before_a_convolution_a_frame() -> None:
    # After conv1 6x6 at 3 steps; after pool1 3x3, and a convolution follows; after conv2 1x1.
    assert choose(_network()).fifo_depths == {"conv1": 6 * 3, "pool1": 3 * 3 * 3, "conv2": 3}
    assert choose(_network(200)).fifo_depths == {"conv1": DEEPEST_QUEUE, "pool1": DEEPEST_QUEUE, "conv2": 200}


def test_pool_has_no_estimate() -> None:
    with pytest.raises(ValueError, match="must have weights"):
        estimated_clocks(_network(), 1, LayerFold(1, 1))
