"""Random networks that branch, join and come back: hardware, reference and cycle model agree."""

from __future__ import annotations

from typing import get_args

import pytest

from hwsnn.cycles import DeadlockError, queue_depths, simulate
from hwsnn.data import random_images
from hwsnn.folding.folding import Folding
from hwsnn.sim import network_bench
from hwsnn.sim.network_bench import run_network
from hwsnn.spec import LEAKS, EncoderKind, Layer, Readout
from rtl_tests.support.agreement import require_agreement, working_folding
from tests.support.random_graphs import random_graph
from tests.support.small_graphs import GRAPHS
from tests.support.test_random_graphs import CONNECTED
from tests.support.test_random_networks import kind
from tests.support.wishes import KINDS

ALWAYS = {12, 92, 98, 191, 237, 244}
"""Small graphs that have everything between them: each takes ten seconds and more."""
FRAMES, LONG = 24, 300


def _check(number: int) -> None:
    network = random_graph(number)
    require_agreement(network, working_folding(network, number), FRAMES, number)


@pytest.mark.parametrize("number", sorted(ALWAYS))
def test_graphs(number: int) -> None:
    _check(number)


def test_these_graphs_have_everything() -> None:
    found = set[object]()
    for number in ALWAYS:
        graph = random_graph(number)
        populations = [layer for _, layer in graph.populations()]
        found |= {graph.encoder.kind, graph.readout, *map(type, graph.layers)}
        found |= {leak.kind for layer in populations for leak in layer.neuron.leaks}
        found |= {kind(layer) for layer in populations}
        found |= {way for way, has in CONNECTED.items() if any(has(graph, *each) for each in graph.populations())}
    assert found == {*get_args(EncoderKind), *get_args(Readout), *get_args(Layer), *LEAKS, *KINDS, *CONNECTED}


@pytest.mark.long
@pytest.mark.parametrize("number", [number for number in range(LONG) if number not in ALWAYS])
def test_many_graphs(number: int) -> None:
    _check(number)


def test_what_the_model_refuses_gets_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    """A place in the queue of a skip is too few for the rows that the longer branch waits for."""
    network, folds = GRAPHS["added"]()
    deep = queue_depths(network, folds)
    shallow = Folding(deep.layers, deep.fifo_depths, deep.column_depths, dict.fromkeys(deep.edge_depths, 1))
    with pytest.raises(DeadlockError):
        simulate(network, shallow)
    speed = simulate(network, deep)
    monkeypatch.setattr(network_bench, "simulate", lambda *_: speed)
    result = run_network(network, shallow, random_images(network, 2, 0), stalls=False)
    assert result.result_clocks == ()
    assert result.first_mismatch is not None
    assert result.first_mismatch.startswith("first: no beat came any more: frame 0, ")
