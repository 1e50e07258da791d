"""Plans of networks with forks, joins and recurrence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwsnn import cycles
from hwsnn.errors import InputError
from hwsnn.folding.file import to_json
from hwsnn.folding.folding import LayerFold
from hwsnn.planner import Cost, edge_cost, layer_cost, plan, total_cost
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.layer_cycles import neurons_of, position_cycles
from hwsnn.planner.resource_estimate import EDGE_QUEUE
from hwsnn.spec import Dense, Encoder, Integrator, Network, Neuron, NoLeak, Population
from tests.support.random_graphs import random_graph

DEVICE = DEVICES["xczu9eg"]
TIMESTEPS = 4


@pytest.mark.parametrize("seed", range(8))
def test_random_graphs_meet_the_target(seed: int) -> None:
    network = random_graph(seed)
    fastest = plan.for_utilization(network, DEVICE, 100)
    assert fastest.cycles == cycles.simulate(network, fastest.folding)
    assert fastest.cost == total_cost(network, fastest.folding.layers, DEVICE) + edge_cost(network, fastest.folding)
    for slower in (1.5, 8):
        most = slower * float(fastest.cycles.cycles_per_frame)
        found = plan.for_initiation_interval(network, DEVICE, most)
        assert found.cycles.cycles_per_frame <= most
        assert all(found.folding.layers[x.name].t_par == 1 for _, x in network.populations() if x.recurrent)


def _dense(name: str, outputs: int, *inputs: tuple[str, int], delay: int = 0) -> Population:
    """A fully connected layer of (source, channels), and of its own spikes if ``delay`` is 1."""
    rng = np.random.default_rng(0)
    sources = [(source, channels, 0) for source, channels in inputs] + [(name, outputs, 1)] * delay
    projections = tuple(
        Dense(name, rng.integers(-7, 8, (outputs, channels, 1, 1)), 4, source=source, delay=late)
        for source, channels, late in sources
    )
    neuron = Neuron(np.full(outputs, 9), NoLeak(), "subtract", 20, np.full(outputs, 8))
    integrator = Integrator(NoLeak(), 20)
    return Population(name, projections, np.zeros(outputs, int), integrator if name == "last" else neuron)


def _network(*layers: Population) -> Network:
    return Network("graph", (6, 1, 1), 1, Encoder("steps"), TIMESTEPS, layers, "membrane")


FORKED = _network(
    _dense("left", 8, ("pixels", 6)), _dense("right", 3, ("pixels", 6)), _dense("last", 4, ("left", 8), ("right", 3))
)
"""Two layers see the pixels, and the last one sees both."""


def test_a_projection_more_costs_its_synapses_and_an_adder() -> None:
    fold = LayerFold(8, 4)
    both = layer_cost(FORKED, 2, fold, (1, 1), DEVICE)
    alone = _network(_dense("left", 8, ("pixels", 6)), _dense("last", 4, ("left", 8)))
    one = layer_cost(alone, 1, fold, (1,), DEVICE)
    adder = 4 * FORKED.current_range(2).width
    assert one.lut + adder < both.lut < 2 * one.lut


def test_queues_of_edges_cost_their_memory() -> None:
    planned = plan.for_utilization(FORKED, DEVICE, 100)
    assert set(planned.folding.edge_depths) == {"left", "right"}

    def deep(depth: int) -> Cost:
        return edge_cost(FORKED, replace(planned.folding, edge_depths={"left": depth, "right": 1}))

    assert deep(1) == Cost(2 * (EDGE_QUEUE + 8), 2 * 6)  # six bits are in one group of eight look-up tables
    assert deep(33).lut - deep(1).lut == 8
    assert deep(1000) == Cost(2 * EDGE_QUEUE + 8, 2 * 6, 1)


def test_a_recurrent_layer_is_busy_until_its_spikes_are_back() -> None:
    """As the arithmetic of a fold says, about, before the exact model does."""
    for lanes in (1, 2, 5):
        network = _network(_dense("hidden", 10, ("pixels", 6), delay=1), _dense("last", 4, ("hidden", 10)))
        fold = LayerFold(10, lanes)
        by_arithmetic = position_cycles(network, 0, fold, neurons_of(network, 0, fold))
        exact = cycles.least_cycles(network, {"hidden": fold, "last": LayerFold(10, 4)})
        assert abs(by_arithmetic - exact) <= 3 * (TIMESTEPS - 1)
        assert by_arithmetic > TIMESTEPS * 10 // lanes


def test_depths_that_deadlock_are_refused_in_one_line(tmp_path: Path) -> None:
    network = next(n for n in map(random_graph, range(50)) if _deadlocks(n))
    folding = plan.for_utilization(network, DEVICE, 100).folding
    values = to_json(replace(folding, edge_depths=dict.fromkeys(folding.edge_depths, 1)))
    path = tmp_path / "folding.json"
    path.write_text(json.dumps(values))
    with pytest.raises(
        InputError, match=r"^\S+folding\.json: the queue of layer '\S+' must be deeper than 1: it is full"
    ):
        plan.from_file(network, DEVICE, path)
    path.write_text(json.dumps(to_json(folding)))
    assert plan.from_file(network, DEVICE, path).folding == folding


def _deadlocks(network: Network) -> bool:
    """Whether a planned network does where all edges have a place."""
    folding = plan.for_utilization(network, DEVICE, 100).folding
    try:
        cycles.simulate(network, replace(folding, edge_depths=dict.fromkeys(folding.edge_depths, 1)))
    except cycles.DeadlockError:
        return True
    return False
