"""The graph of a network as text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwsnn.cli.drawing import drawing, is_chain
from hwsnn.spec import Conv, Encoder, Layer, Network, Neuron, NoLeak, Population, Sum
from tests.model_file.small_networks import joined
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_network


def layer(name: str, *sources: str, own: bool = False) -> Population:
    """A neuron that takes all sources, and maybe its own spikes."""
    weight = np.ones((1, 1, 1, 1), np.int64)
    projections = [Conv(name, weight, 8, source=source) for source in sources]
    if own:
        projections.append(Conv(name, weight, 8, source=name, delay=1))
    neuron = Neuron(np.array([1]), NoLeak(), "zero", 16)
    return Population(name, tuple(projections), np.zeros(1, np.int64), neuron)


def lines(*layers: Layer) -> list[str]:
    network = Network("drawn", (1, 1, 1), 1, Encoder("uniform"), 2, layers, "count")
    return [line.rstrip() for line, _ in drawing(network)]


def test_a_chain() -> None:
    assert lines(layer("a", "pixels"), layer("b", "a")) == ["*", "*", "*"]


def test_a_skip() -> None:
    assert lines(layer("a", "pixels"), layer("b", "a"), Sum("c", ("a", "b")), layer("d", "c")) == [
        "*",
        "*",
        "+-*",
        "*-'",
        "*",
    ]


def test_recurrence() -> None:
    assert lines(layer("a", "pixels", own=True), layer("b", "a")) == ["*", "@", "*"]


def test_a_branch_that_passes_another() -> None:
    """The third layer takes the pixels on the far side of the first one, which the last takes, too."""
    assert lines(
        layer("a", "pixels"),
        layer("b", "a"),
        layer("c", "pixels", "b"),
        layer("d", "a", "c"),
    ) == ["*", "+-*", "| +-*", "*-|-'", "*-'"]


def test_three_branches_join() -> None:
    assert lines(
        layer("a", "pixels"),
        layer("b", "a"),
        layer("c", "a"),
        layer("d", "a", "b", "c"),
    ) == ["*", "*", "+-*", "+-|-*", "*-'-'"]


def test_a_source_that_goes_on_between_others() -> None:
    drawn = lines(
        layer("a", "pixels"),
        layer("b", "a"),
        layer("c", "a"),
        layer("d", "a", "b", "c"),
        layer("e", "b", "d"),
    )
    assert drawn == ["*", "*", "+-*", "+-|-*", "*-+-'", "*-'"]


@pytest.mark.parametrize("seed", range(40))
def test_every_layer_hangs_on_what_it_takes(seed: int) -> None:
    """Each line has one layer and one mark for each other column that it joins, and columns end where they must."""
    network = random_graph(seed)
    drawn = drawing(network)
    assert [index for _, index in drawn] == [*range(-1, len(network.layers))]
    passing = {0}
    for line, index in drawn[1:]:
        text, edges = line.ljust(99), network.edges[index]
        marks = {place: character for place, character in enumerate(text) if character in "*@+'|"}
        nodes = [place for place, character in marks.items() if character in "*@"]
        assert len(nodes) == 1
        assert (marks[nodes[0]] == "@") == any(edge.delay for edge in edges)
        assert passing <= marks.keys() <= passing | {*nodes}
        taken = {edge.source for edge in edges if not edge.delay}
        until = {s: max((after for after, _ in network.consumers(s)), default=-1) for s in range(-1, index)}
        ends = sum(until[source] == index for source in taken)
        passing = {place for place, character in marks.items() if character != "'"}
        assert len(passing) == 1 + sum(
            max((i for i, _ in network.consumers(s)), default=-1) > index for s in range(-1, index)
        )
        assert [*marks.values()].count("'") == max(ends - 1, 0)


def test_chains_are_not_drawn() -> None:
    assert all(is_chain(random_network(seed)) for seed in range(20))
    assert not any(is_chain(random_graph(seed)) for seed in range(5))
    assert not is_chain(joined())
    chain = Network("a", (1, 1, 1), 1, Encoder("uniform"), 2, (layer("a", "pixels"), layer("b", "a")), "count")
    assert is_chain(chain)
    assert not is_chain(replace(chain, layers=(layer("a", "pixels", own=True), layer("b", "a"))))
