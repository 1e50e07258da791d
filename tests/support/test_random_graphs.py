"""Random graphs cover how layers can be connected, and are alive; random folds cover how they can be built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import TypeAlias, get_args

import numpy as np
import pytest

from hwsnn.data import random_images
from hwsnn.folding.folding import column_queues, edge_queues
from hwsnn.model_file.integer_file import model_hash
from hwsnn.reference import run
from hwsnn.spec import (
    INPUT_INDEX,
    LEAKS,
    Conv,
    Dense,
    EncoderKind,
    Layer,
    MaxPool,
    Network,
    Population,
    Readout,
    Sum,
)
from tests.support.random_graphs import MAX_LAYERS, MAX_SIDE, MAX_TIMESTEPS, random_graph
from tests.support.random_networks import random_folding
from tests.support.test_random_networks import differ, kind
from tests.support.wishes import KINDS

Placed: TypeAlias = tuple[Network, int, Population]


@pytest.fixture(scope="module")
def graphs() -> list[Network]:
    """Made here, not where every process that collects tests would make them."""
    return [random_graph(seed) for seed in range(150)]


@pytest.fixture(scope="module")
def populations(graphs: list[Network]) -> list[Placed]:
    return [(graph, index, layer) for graph in graphs for index, layer in graph.populations()]


def test_a_seed_means_one_graph(graphs: list[Network]) -> None:
    assert model_hash(random_graph(7)) == model_hash(random_graph(7))
    assert len({model_hash(graph) for graph in graphs}) == len(graphs)


def test_they_are_small(graphs: list[Network]) -> None:
    for graph in graphs:
        assert max(graph.input_shape) <= MAX_SIDE
        assert graph.timesteps <= MAX_TIMESTEPS
        assert 3 <= len(graph.layers) <= MAX_LAYERS


def test_they_cover_every_kind(graphs: list[Network], populations: list[Placed]) -> None:
    layers = [layer for _, _, layer in populations]
    assert {graph.encoder.kind for graph in graphs} == set(get_args(EncoderKind))
    assert {graph.readout for graph in graphs} == set(get_args(Readout))
    assert {type(layer) for graph in graphs for layer in graph.layers} == set(get_args(Layer))
    assert {kind(layer) for layer in layers} == set(KINDS)
    assert {leak.kind for layer in layers for leak in layer.neuron.leaks} == set(LEAKS)
    recurrent = [layer for layer in layers if layer.recurrent]
    assert {kind(layer)[2] for layer in recurrent} == {reset for _, _, reset in KINDS if reset}
    assert {layer.neuron.synapse is not None for layer in recurrent} == {False, True}
    assert {min(layer.neuron.spikes, 2) for layer in recurrent} == {1, 2}


Connected: TypeAlias = Callable[[Network, int, Population], bool]


def own(layer: Population) -> Conv | Dense:
    """The projection of a recurrent layer's own spikes."""
    (found,) = (projection for projection in layer.projections if projection.delay)
    return found


CONNECTED: dict[str, Connected] = {
    "three sources": lambda graph, index, layer: len({edge.source for edge in graph.edges[index]}) > 2,
    "one source twice": lambda graph, index, layer: len({*graph.edges[index]}) < len(graph.edges[index]),
    "a skip over a layer": lambda graph, index, layer: any(0 <= edge.source < index - 1 for edge in graph.edges[index]),
    "a skip of held pixels": lambda graph, index, layer: (
        index > 0 and graph.encoder.held and any(edge.source == INPUT_INDEX for edge in graph.edges[index])
    ),
    "a skip of changing pixels": lambda graph, index, layer: (
        index > 0 and graph.encoder.kind == "steps" and any(edge.source == INPUT_INDEX for edge in graph.edges[index])
    ),
    "a skip of the encoder's spikes": lambda graph, index, layer: (
        index > 0 and graph.encoder.spikes and any(edge.source == INPUT_INDEX for edge in graph.edges[index])
    ),
    "an identity": lambda graph, index, layer: any(
        isinstance(each, Conv) and each.groups == each.out_channels > 1 and (each.weight == 1).all() and not each.delay
        for each in layer.projections
    ),
    "gains that differ": lambda graph, index, layer: len({each.gain is None for each in layer.projections}) > 1,
    "strides that differ": lambda graph, index, layer: len({each.stride for each in layer.projections}) > 1,
    "dense and convolution": lambda graph, index, layer: len({each.kind for each in layer.forward}) > 1,
    "a source of a sum": lambda graph, index, layer: any(
        edge.source >= 0 and isinstance(graph.layers[edge.source], Sum) for edge in graph.edges[index]
    ),
    "all to all": lambda graph, index, layer: layer.recurrent and isinstance(own(layer), Dense),
    "one to one": lambda graph, index, layer: (
        layer.recurrent and own(layer).fan_out == 1 < layer.out_channels and isinstance(own(layer), Conv)
    ),
    "1x1 at many positions": lambda graph, index, layer: (
        layer.recurrent and own(layer).fan_out > 1 and prod(graph.shapes[index + 1][1:]) > 1
    ),
    "the recurrent projection first": lambda graph, index, layer: layer.projections[0].delay == 1,
    "a recurrent last layer": lambda graph, index, layer: layer.recurrent and layer.name == "last",
}


@pytest.mark.parametrize("name", CONNECTED)
def test_they_connect_in_every_way(name: str, populations: list[Placed]) -> None:
    assert sum(CONNECTED[name](*each) for each in populations) > 3


def test_sources_are_named_or_not(graphs: list[Network]) -> None:
    ports = [port for graph in graphs for layer in graph.layers for port in layer.ports if not port.delay]
    named = [port.source is not None for port in ports]
    assert 0.2 < sum(named) / len(named) < 0.95
    pools = [layer for graph in graphs for layer in graph.layers if isinstance(layer, MaxPool)]
    assert {pool.source is None for pool in pools} == {False, True}


def without(layer: Population, port: int) -> Population:
    """The layer with zeros for the weights at a port."""
    projections = [*layer.projections]
    weight, bits = 0 * projections[port].weight, max(projections[port].weight_bits, 2)
    projections[port] = replace(projections[port], weight=weight, weight_bits=bits)
    return replace(layer, projections=tuple(projections))


def test_every_projection_changes_results(graphs: list[Network]) -> None:
    """Most of them, the recurrent ones too."""
    changes = {0: list[bool](), 1: list[bool]()}
    for seed, graph in enumerate(graphs):
        images = random_images(graph, 4, seed)
        result = run(graph, images, trace=True)
        for index, layer in graph.populations():
            for port, projection in enumerate(layer.projections):
                layers = [*graph.layers]
                layers[index] = without(layer, port)
                other = run(replace(graph, layers=tuple(layers)), images, trace=True)
                if graph.timesteps > 1 or not projection.delay:
                    changes[projection.delay].append(differ(result, other))
    assert np.mean(changes[0]) > 0.7
    assert np.mean(changes[1]) > 0.5


def test_most_layers_neither_sleep_nor_always_fire(graphs: list[Network]) -> None:
    rates = [
        (spikes > 0).mean()
        for seed, graph in enumerate(graphs)
        for spikes in run(graph, random_images(graph, 8, seed), trace=True).spikes.values()
    ]
    assert sum(0.02 < rate < 0.98 for rate in rates) > 0.8 * len(rates)


def test_foldings_have_every_queue(graphs: list[Network]) -> None:
    for seed, graph in enumerate(graphs):
        folding = random_folding(graph, seed)
        assert [*folding.edge_depths] == edge_queues(graph)
        assert [*folding.column_depths] == column_queues(graph)
        for _, layer in graph.populations():
            assert folding.layers[layer.name].t_par == 1 or not layer.recurrent
    assert sum(bool(edge_queues(graph)) for graph in graphs) > len(graphs) // 2
