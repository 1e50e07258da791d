"""The builder of graphs: what it makes gives the spikes that the source does, or is refused."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from hwsnn.errors import InputError
from hwsnn.float_network import FloatConv, FloatDense, FloatPopulation
from hwsnn.frontends import linear, terms
from hwsnn.spec import INPUT, MaxPool, Sum
from tests.frontends.traced import Tensor, Traced
from tests.frontends.traced_graphs import GRAPHS, randomly


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", GRAPHS)
def test_the_spikes_of_the_source(name: str, seed: int) -> None:
    t = Traced(seed, (2, 5, 6))
    GRAPHS[name](t)
    t.check()
    fired = [spikes.any() and not spikes.all() for spikes in t.expected.values()]
    assert any(fired)


@pytest.mark.parametrize("seed", range(60))
def test_random_graphs(seed: int) -> None:
    t = Traced(seed, (2, 5, 6), flat=seed % 5 == 4)
    randomly(t)
    t.check()


def built(name: str) -> tuple[FloatPopulation | MaxPool | Sum, ...]:
    t = Traced(0, (2, 5, 6))
    GRAPHS[name](t)
    return t.check().layers


def last(name: str) -> FloatPopulation:
    layer = built(name)[-1]
    assert isinstance(layer, FloatPopulation)
    return layer


def test_what_a_sum_of_spikes_is() -> None:
    _, _, added, taker = built("skip_of_spikes")
    assert isinstance(added, Sum)
    assert added.sources == ("conv3", "conv1")  # named after the nodes before the neurons
    assert isinstance(taker, FloatPopulation)
    assert [one.source for one in taker.projections] == [None]  # the layer before


def test_what_a_sum_of_currents_is() -> None:
    straight, skip = last("spikes_to_currents").projections
    assert isinstance(straight, FloatConv)
    assert isinstance(skip, FloatConv)
    assert (straight.source, skip.source) == (None, "conv1")
    assert (skip.groups, skip.kernel) == (3, (1, 1))


def test_what_a_concatenation_is() -> None:
    projections = last("concatenated_with_pixels").projections
    assert [one.source for one in projections] == [INPUT, None]
    assert [one.in_channels for one in projections] == [2, 2]


def test_groups_stay_groups_behind_a_concatenation() -> None:
    projections = last("concatenated_images").projections
    assert len(projections) == 3
    depthwise = last("concatenated_groups").projections
    assert all(isinstance(one, FloatConv) for one in depthwise)
    assert [one.out_channels for one in depthwise] == [6, 6]


def test_what_recurrence_is() -> None:
    forward, back = built("recurrent_one_to_one")[0].projections  # type: ignore[union-attr]
    assert isinstance(forward, FloatDense)
    assert isinstance(back, FloatConv)
    assert (back.delay, back.source, back.groups) == (1, "dense1", 5)


def refused(build: Callable[[Traced], object], pattern: str) -> None:
    with pytest.raises(InputError) as caught:
        build(Traced(0, (2, 5, 6)))
    assert re.search(pattern, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


def currents_that_two_take(t: Traced) -> None:
    current = t.conv(t.input, 3)
    t.neurons(current)
    t.neurons(t.conv(current, 2))


def currents_of_a_sum_that_two_take(t: Traced) -> None:
    current = t.sum(t.conv(t.input, 2), t.input)
    a = t.neurons(current)
    t.neurons(t.sum(a, current))


def many_spikes(t: Traced) -> Tensor:
    a = t.neurons(t.conv(t.input, 2))
    for _ in range(4):
        a = t.sum(a, a)
    return a


def endless_terms(t: Traced) -> None:
    current = t.conv(t.input, 2)
    for _ in range(40):
        current = t.sum(t.scale(current), t.scale(current))


def endless_parts(t: Traced) -> None:
    tensor = t.input
    for _ in range(40):
        tensor = t.concatenate(tensor, tensor)


REFUSED: list[tuple[Callable[[Traced], object], str]] = [
    (currents_that_two_take, r"neurons4'.*takes the currents of 'conv1', which 'neurons2' takes too"),
    (currents_of_a_sum_that_two_take, "takes the currents of 'conv1', which 'neurons3' takes too"),
    (many_spikes, "node 'sum6': adds up to 16 spikes; at most 15 are built"),
    (endless_terms, "joins what 128 layers give; at most 64"),
    (endless_parts, "joins what 128 layers give; at most 64"),
    (lambda t: t.max_pool(t.sum(t.conv(t.input, 2), t.input)), "takes the largest of a sum"),
    (
        lambda t: t.max_pool(t.sum(t.neurons(t.conv(t.input, 2)), t.neurons(t.conv(t.input, 2)))),
        "takes the largest of added spikes",
    ),
    (
        lambda t: t.neurons(t.concatenate(t.max_pool(t.conv(t.input, 2)), t.max_pool(t.input))),
        "adds to the largest of a window of currents",
    ),
    (
        lambda t: t.neurons(t.max_pool(t.conv(t.input, 2)), np.ones((2, 2))),
        "is recurrent behind a pool of its currents",
    ),
    (
        lambda t: t.graph.concatenate(t.node("cat"), [t.input.signal, t.flat(t.input).signal]),
        "joins vectors and images",
    ),
    (
        lambda t: t.graph.sum(t.node("sum"), [t.input.signal, t.conv(t.input, 3).signal]),
        "adds 2x5x6 to 3x5x6; both must have one shape",
    ),
    (
        lambda t: t.graph.concatenate(t.node("cat"), [t.input.signal, t.sum_pool(t.input).signal]),
        "joins the channels of 2x2x3 and 2x5x6; all must have one height and width",
    ),
]


@pytest.mark.parametrize(("build", "pattern"), REFUSED, ids=[pattern for _, pattern in REFUSED])
def test_what_is_refused(build: Callable[[Traced], object], pattern: str) -> None:
    refused(build, pattern)


def test_vectors_that_are_too_long_for_neurons() -> None:
    t = Traced(0, (1, 60, 60))
    a = t.neurons(t.conv(t.input, 1))
    with pytest.raises(InputError, match="makes an output of 4500x1x1; at most 4096 is built on each axis"):
        t.neurons(t.concatenate(t.flat(a), t.flat(t.sum_pool(a))))


def test_weights_behind_a_sum_count_for_each_of_its_parts() -> None:
    t = Traced(0, (1, 64, 64), steps=1)
    added = t.input
    for _ in range(20):
        added = t.sum(added, t.conv(t.input, 1))
    node, weight = t.node("dense"), np.ones((1000, 1, 64, 64))
    signal = t.graph.add(node, added.signal, linear.DenseMap(node.name, weight, np.zeros(1000)))
    with pytest.raises(InputError, match="would take more than 67,108,864 weights once expanded"):
        t.neurons(Tensor(signal, np.zeros((1, 1000))))
    assert len(signal.terms) == 21 <= terms.MAX_TERMS
