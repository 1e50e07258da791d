"""Networks that are graphs as NIR files: the same network comes back, and others see the same spikes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import chain
from pathlib import Path

import nir
import numpy as np
import pytest

from hwsnn.errors import InputError
from hwsnn.float_network import FloatConv, FloatLayer, FloatNetwork, FloatPopulation
from hwsnn.frontends.nir import writer
from hwsnn.frontends.nir.conventions import DEFAULT_DT
from hwsnn.frontends.nir.reader import read
from hwsnn.spec import Sum
from tests.frontends.nir import nir_oracle
from tests.frontends.nir.nir_oracle import Firing
from tests.frontends.traced import Traced
from tests.frontends.traced_graphs import GRAPHS, randomly
from tests.support import float_simulation

SUBTRACTING = Firing("greater", "subtract")
SEEDS = range(40)


@cache
def built(build: Callable[[Traced], None], seed: int) -> FloatNetwork:
    t = Traced(seed, (2, 5, 6))
    build(t)
    return t.check()


NETWORKS = {
    name: (build, 0)
    for name, build in GRAPHS.items()
    if name not in ("max_pool_of_currents_and_a_skip", "sum_with_itself")
} | {f"random {seed}": (randomly, seed) for seed in SEEDS}


def form(layer: FloatLayer) -> tuple[object, ...]:
    """All that makes a layer, but its weights. A 1x1 convolution of vectors may come back as fully connected."""
    if not isinstance(layer, FloatPopulation):
        return (layer,)
    places = [(one.port, one.window, one.out_channels, one.in_channels) for one in layer.projections]
    return layer.name, places, layer.pool, type(layer.neuron)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_network_comes_back(name: str, tmp_path: Path) -> None:
    network = built(*NETWORKS[name])
    path = tmp_path / "net.nir"
    writer.write(network, path)
    back = read(path)
    assert network.edges == back.edges
    assert [form(layer) for layer in back.layers] == [form(layer) for layer in network.layers]
    pixels = np.random.default_rng(0).integers(0, 2, (3, 4, *network.input_shape)).astype(np.float64)
    expected, got = (float_simulation.simulate(one, pixels) for one in (network, back))
    for layer in network.layers:
        np.testing.assert_array_equal(got.spikes[layer.name], expected.spikes[layer.name])
    for one, other in zip(network.layers, back.layers, strict=True):
        if isinstance(one, FloatPopulation) and isinstance(other, FloatPopulation):
            np.testing.assert_array_equal(one.bias, other.bias)
            for ours, its in zip(one.projections, other.projections, strict=True):
                if isinstance(ours, FloatConv) == isinstance(its, FloatConv):
                    np.testing.assert_array_equal(ours.weight, its.weight)


@pytest.mark.parametrize("name", NETWORKS)
def test_others_see_the_same_spikes(name: str, tmp_path: Path) -> None:
    """By the equations of the graph that the package ``nir`` reads; weights are whole numbers, so sums are exact."""
    network = built(*NETWORKS[name])
    path = tmp_path / "net.nir"
    writer.write(network, path)
    ways = [one for layer in network.layers if isinstance(layer, FloatPopulation) for one in layer.forward]
    convs = [one for one in ways if isinstance(one, FloatConv)]
    # With its check of types and shapes, which takes windows for square, and the channels of a group for all.
    graph = nir.read(path, type_check=all(one.groups == 1 and len({*one.kernel}) == 1 for one in convs))
    pixels = np.random.default_rng(1).integers(0, 2, (4, *network.input_shape)).astype(np.float64)
    expected = float_simulation.simulate(network, pixels[np.newaxis])
    got = nir_oracle.simulate(graph, pixels, DEFAULT_DT, SUBTRACTING)
    for layer in network.layers:
        names = {layer.name, f"{layer.name}_IF", f"{layer.name}_Threshold"} & got.keys()
        last = max(names, key=len)
        np.testing.assert_array_equal(got[last].ravel(), expected.spikes[layer.name][0].ravel(), err_msg=layer.name)


def test_the_networks_have_everything() -> None:
    layers = [layer for build, seed in NETWORKS.values() for layer in built(build, seed).layers]
    populations = [layer for layer in layers if isinstance(layer, FloatPopulation)]
    ways = list(chain.from_iterable(layer.projections for layer in populations))
    assert {type(layer) for layer in layers} >= {FloatPopulation, Sum}
    assert (
        {len(layer.forward) > 1 for layer in populations} == {layer.recurrent for layer in populations} == {False, True}
    )
    assert {getattr(one, "groups", 1) > 1 for one in ways if one.delay} == {False, True}


def test_a_layer_that_is_added_to_itself(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="layer 'sum3': adds a layer to itself, and NIR has one edge between two nodes"
    ):
        writer.write(built(GRAPHS["sum_with_itself"], 0), tmp_path / "net.nir")


def test_nodes_of_a_chain_follow_one_another() -> None:
    t = Traced(0, (2, 5, 6))
    t.neurons(t.dense(t.flat(t.neurons(t.conv(t.input, 3))), 4))
    graph = writer.to_graph(t.check())
    assert graph.edges == list(zip(graph.nodes, list(graph.nodes)[1:], strict=False))
