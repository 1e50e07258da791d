"""The cycle model of networks with forks, joins and recurrence: what must hold of every one, and what is refused."""

from __future__ import annotations

import gc
from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np
import pytest
from greenlet import getcurrent, greenlet

from hwsnn.cycles import DeadlockError, least_cycles, queue_depths, simulate
from hwsnn.folding.folding import LUTRAM_WORDS, Folding, LayerFold, column_queues, edge_queues
from hwsnn.spec import Conv, Dense, Encoder, Integrator, Layer, Network, Neuron, NoLeak, Population, Sum
from tests.support.layers import dense_layer
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_folding, random_folds

KINDS = ("fifo_depths", "column_depths", "edge_depths")
SIDE = 12


def _neuron(channels: int) -> Neuron:
    return Neuron(np.full(channels, 9), NoLeak(), "subtract", 20, np.full(channels, 8))


def _conv(name: str, source: str, before: int, size: int) -> Population:
    padding = (size // 2, size // 2)
    conv = Conv(name, np.ones((2, before, size, size), int), 4, padding=padding, source=source)
    return Population(name, (conv,), np.zeros(2, int), _neuron(2))


def _residual(size: int = 3) -> Network:
    """A block of one convolution, whose spikes are added to those before it."""
    layers: tuple[Layer, ...] = (
        _conv("stem", "pixels", 1, 1),
        _conv("conv", "stem", 2, size),
        Sum("sum", ("conv", "stem")),
        dense_layer("last", np.ones((3, 2, SIDE, SIDE), int), np.zeros(3, int), 4, Integrator(NoLeak(), 20)),
    )
    return Network("residual", (1, SIDE, SIDE), 8, Encoder("direct"), 2, layers, "membrane")


def _folds(network: Network) -> dict[str, LayerFold]:
    return {layer.name: LayerFold(9, 9, 1 if layer.recurrent else 2) for _, layer in network.populations()}


def _all_depths(network: Network, layers: dict[str, LayerFold], depth: int) -> Folding:
    return Folding(
        layers,
        {layer.name: depth for layer in network.layers},
        dict.fromkeys(column_queues(network), depth),
        dict.fromkeys(edge_queues(network), depth),
    )


@pytest.mark.parametrize("size", [1, 3, 5])
def test_the_queue_of_a_skip_holds_what_the_other_way_lags_behind(size: int) -> None:
    network = _residual(size)
    folding = queue_depths(network, _folds(network))
    rows = size // 2
    lag = rows * (SIDE + 2 * rows)  # windows wait for rows below them, padding included
    assert lag < folding.edge_depths["sum.1"] < lag + 40 + LUTRAM_WORDS
    assert folding.edge_depths["conv"] <= LUTRAM_WORDS
    endless = simulate(network, _all_depths(network, _folds(network), 1000))
    exact = simulate(network, folding)
    assert exact.cycles_per_frame == endless.cycles_per_frame == least_cycles(network, folding.layers)
    assert exact.latency_cycles == endless.latency_cycles


def test_a_queue_too_short_is_named() -> None:
    network = _residual()
    folding = queue_depths(network, _folds(network))
    short = replace(folding, edge_depths={**folding.edge_depths, "sum.1": 4})
    line = r"^the queue of layer 'sum\.1' must be deeper than 4: it is full while 'sum\.0' waits$"
    with pytest.raises(DeadlockError, match=line):
        simulate(network, short)


def _recurrent(timesteps: int) -> Network:
    """A layer that sees its own spikes."""
    into, back = np.ones((4, 6, 1, 1), int), np.ones((4, 4, 1, 1), int)
    projections = (Dense("hidden", into, 4, source="pixels"), Dense("hidden", back, 4, source="hidden", delay=1))
    hidden = Population("hidden", projections, np.zeros(4, int), _neuron(4))
    last = dense_layer("last", np.ones((3, 4, 1, 1), int), np.zeros(3, int), 4, Integrator(NoLeak(), 20))
    return Network("recurrent", (6, 1, 1), 1, Encoder("steps"), timesteps, (hidden, last), "membrane")


def test_a_recurrent_layer_waits_for_its_own_spikes() -> None:
    clocks = [least_cycles(network, _folds(network)) for network in map(_recurrent, (5, 6, 7))]
    assert clocks[2] - clocks[1] == clocks[1] - clocks[0] > 5


@pytest.mark.parametrize("seed", range(30))
def test_depths_keep_rate_and_latency(seed: int) -> None:
    network = random_graph(seed)
    folding = queue_depths(network, random_folds(network, seed))
    enough = simulate(network, folding)
    clocks = ceil(enough.cycles_per_frame)
    endless = simulate(network, _all_depths(network, dict(folding.layers), 1000))
    assert clocks == ceil(endless.cycles_per_frame) == least_cycles(network, folding.layers)
    assert enough.latency_cycles == endless.latency_cycles


@pytest.mark.parametrize("size", [3, 5, 7])
def test_a_row_of_memories_less_costs_rate_or_latency(size: int) -> None:
    network = _residual(size)
    folding = queue_depths(network, _folds(network))
    enough, long = simulate(network, folding), 0
    for what in KINDS:
        depths = getattr(folding, what)
        for name in (name for name, depth in depths.items() if depth > LUTRAM_WORDS):
            long += 1
            shorter: dict[str, Any] = {what: {**depths, name: depths[name] - LUTRAM_WORDS}}
            less = replace(folding, **shorter)
            try:
                short = simulate(network, less)
            except DeadlockError:
                continue
            slower = short.cycles_per_frame > enough.cycles_per_frame or short.latency_cycles > enough.latency_cycles
            assert slower, f"{what} of {name}"
    assert long > 0


def test_no_greenlets_are_left() -> None:
    def count() -> int:
        gc.collect()
        return sum(issubclass(type(each), greenlet) for each in gc.get_objects())  # others may warn when they are asked

    getcurrent()  # the first of a thread is made as it is asked for, and stays
    before = count()
    for seed in range(8):
        network = random_graph(seed)
        try:
            simulate(network, random_folding(network, seed))
        except DeadlockError:
            continue
    assert count() == before
