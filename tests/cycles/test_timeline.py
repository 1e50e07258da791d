"""The time line: the clocks of the cycle model, beat by beat, and what they add up to."""

from __future__ import annotations

from itertools import islice, pairwise
from math import floor, inf

import numpy as np
import pytest

from hwsnn.cycles import DeadlockError, simulate
from hwsnn.cycles.machine import Machine, depths_of
from hwsnn.cycles.pipeline import Pipeline
from hwsnn.cycles.timeline import Level, Timeline, covered, timeline
from hwsnn.folding.column_pairs import as_built
from hwsnn.folding.folding import Folding, LayerFold
from hwsnn.spec import Encoder, Integrator, Network, NoLeak
from tests.support.layers import dense_layer
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_folding, random_network

FRAMES = 5


def _one_dense(fold: LayerFold) -> Timeline:
    """The time line of three classes of 20 x 20 pixels."""
    layer = dense_layer("dense", np.ones((3, 1, 20, 20), int), np.zeros(3, int), 2, Integrator(NoLeak(), 16))
    network = Network("dense", (1, 20, 20), 1, Encoder("direct"), 1, (layer,), "membrane")
    return timeline(network, Folding({"dense": fold}, {"dense": 1}, {}), FRAMES)


def test_a_layer_that_keeps_up_works_for_every_pixel() -> None:
    line = _one_dense(LayerFold(1, 3))
    assert [part.owner for part in line.parts] == ["pixels", "dense", "readout"]
    assert line.interval == 400
    pixels, dense, _ = line.parts
    assert [covered(spans) for spans in pixels.working] == [400] * FRAMES
    assert [covered(spans) for spans in dense.working] == [400] * FRAMES
    assert not any(len(spans) for spans in pixels.blocked)


def test_pixels_wait_for_a_layer_that_takes_three_cycles_for_each() -> None:
    line = _one_dense(LayerFold(1, 1))
    pixels, dense, _ = line.parts
    assert line.interval == 1200
    assert [covered(spans) for spans in dense.working] == [1200] * FRAMES
    # The first goes through to the layer, two more into the registers before it; all others wait two cycles each.
    assert [covered(spans) for spans in pixels.blocked] == [2 * (400 - 3)] * FRAMES
    assert np.diff(line.results).tolist() == [1200] * (FRAMES - 1)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("made", [random_network, random_graph])
def test_watching_changes_no_clock(made: object, seed: int) -> None:
    assert callable(made)
    network: Network = made(seed)
    folding = random_folding(network, seed)
    machine = Machine(as_built(network, folding), folding.layers)
    interval = floor(max(machine.busy().values()))
    try:
        expected = list(islice(Pipeline(machine.sections, depths_of(folding), interval).result_clocks(), FRAMES))
    except DeadlockError:
        with pytest.raises(DeadlockError):
            timeline(network, folding, FRAMES)
        return
    line = timeline(network, folding, FRAMES)
    assert list(line.results) == expected
    assert {level.queue[0] for level in line.levels if level.queue[1] == "results"} == {
        layer.name for layer in network.layers
    }
    exact = simulate(network, folding)
    peaks = {"results": exact.fifo_peaks, "columns": exact.column_peaks, "edges": exact.edge_peaks}
    for level in line.levels:
        name, kind = level.queue
        levels = level.steps()[1]
        assert levels.min() == levels[-1] == 0
        # A queue without room lets beats wait: it is as full as it can be, and its peak is what it would need.
        assert levels.max() <= min(level.depth, peaks[kind][name])
    # Ports of a join may work side by side, more or less in one frame than in another.
    joins = {
        layer.name
        for layer, edges in zip(network.layers, network.edges, strict=True)
        if sum(not edge.delay for edge in edges) > 1
    }
    for part in line.parts[1:]:
        if part.owner not in joins:
            assert len({covered(spans) for spans in part.working}) == 1
            assert covered(part.working[0]) <= exact.busy.get(part.owner, inf)
        for working, blocked in zip(part.working, part.blocked, strict=True):
            assert (np.diff(working.ravel()) > 0).all()
            assert (np.diff(blocked.ravel()) > 0).all()


def test_the_highest_level_between_clocks() -> None:
    random = np.random.default_rng(1)
    entered = np.sort(random.choice(200, 60, replace=False))
    left = np.maximum.accumulate(entered + random.integers(0, 25, 60))
    level = Level(("a", "results"), 99, entered, left)
    edges = np.unique(random.integers(-5, 240, 30))
    at = [int(((entered <= clock) & (clock <= left)).sum()) for clock in range(-5, 241)]
    expected = [max(at[low + 5 : high + 5]) for low, high in pairwise(edges)]
    assert level.most(edges).tolist() == expected
