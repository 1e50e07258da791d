"""NIR graphs with branches, joins, loops and nested graphs: equal to the graph's own equations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest

from hwsnn.float_network import FloatNetwork, FloatPopulation
from hwsnn.frontends.nir.reader import read
from hwsnn.spec import MaxPool, Sum
from tests.frontends.nir import nir_oracle
from tests.frontends.nir.nir_graphs import (
    DT,
    Array,
    conv,
    cuba,
    flatten,
    integrate_and_fire,
    leaky,
    per_channel,
    sum_pool,
    threshold,
    whole,
    write,
)
from tests.frontends.nir.random_graphs import RandomGraph

STEPS = 6
Edges = list[tuple[str, str]]


def wired(nodes: dict[str, Any], *paths: str, shape: tuple[int, ...] = (2, 5, 5)) -> nir.NIRGraph:
    """The nodes, an Input ``in`` and an Output ``out``, along ``paths``: names with blanks between."""
    edges = [edge for path in paths for edge in zip(path.split(), path.split()[1:], strict=False)]
    ends = {"in": nir.Input(np.array(shape)), "out": nir.Output(None)}
    return nir.NIRGraph({**ends, **nodes}, edges, type_check=False)


def dense(rng: np.random.Generator, outputs: int, inputs: int) -> nir.Affine:
    return nir.Affine(whole(rng, outputs, inputs), whole(rng, outputs))


def lif(count: int, tau: Any = 2 * DT, value: float = 1.5) -> nir.LIF:
    return leaky(np.full(count, value), tau=tau)


def residual(rng: np.random.Generator) -> nir.NIRGraph:
    nodes = {"c1": conv(rng, 3, 2), "n1": leaky(), "c2": conv(rng, 3, 3, padding=1), "n2": leaky()}
    nodes |= {"c3": conv(rng, 2, 3), "n3": leaky()}
    return wired(nodes, "in c1 n1 c2 n2 c3 n3 out", "n1 c3")


def residual_sums_that_several_take(rng: np.random.Generator) -> nir.NIRGraph:
    nodes = {"c1": conv(rng, 3, 2), "n1": leaky(), "c2": conv(rng, 3, 3, padding=1), "n2": leaky()}
    nodes |= {"c3": conv(rng, 3, 3, padding=1), "n3": leaky(), "c4": conv(rng, 2, 3), "n4": leaky()}
    return wired(nodes, "in c1 n1 c2 n2 c3 n3 c4 n4 out", "n1 c3", "n1 c4", "n2 c4")


def shortcut(rng: np.random.Generator) -> nir.NIRGraph:
    nodes = {"c1": conv(rng, 3, 2), "n1": leaky(), "c2": conv(rng, 4, 3, stride=2, padding=1)}
    nodes |= {"s": conv(rng, 4, 3, (1, 1), stride=2), "n2": leaky()}
    return wired(nodes, "in c1 n1 c2 n2 out", "n1 s n2")


def skip_to_currents(rng: np.random.Generator) -> nir.NIRGraph:
    nodes = {"c1": conv(rng, 3, 2), "n1": leaky(), "c2": conv(rng, 3, 3, padding=1), "n2": leaky()}
    return wired(nodes, "in c1 n1 c2 n2 out", "n1 n2")


def pixels_beside(rng: np.random.Generator) -> nir.NIRGraph:
    nodes = {"c1": conv(rng, 2, 2, padding=1), "n1": leaky(), "c2": conv(rng, 2, 2), "n2": leaky()}
    return wired(nodes, "in c1 n1 c2 n2 out", "in c2")


def spikes_to_neurons(rng: np.random.Generator) -> nir.NIRGraph:
    nodes = {"c1": conv(rng, 2, 2), "n1": leaky(), "c2": conv(rng, 2, 2), "n2": leaky(), "n3": leaky(0.75)}
    return wired(nodes, "in c1 n1 n3 out", "in c2 n2 n3")


def scaled_parts(rng: np.random.Generator) -> nir.NIRGraph:
    nodes = {
        "c1": conv(rng, 2, 2),
        "n1": leaky(),
        "a": nir.Scale(per_channel(2, -1)),
        "b": nir.Scale(per_channel(1, 3)),
    }
    nodes |= {"c2": conv(rng, 3, 2), "n2": leaky()}
    return wired(nodes, "in c1 n1 a c2 n2 out", "n1 b c2")


def dense_join(rng: np.random.Generator) -> nir.NIRGraph:
    nodes = {"f": flatten(), "d1": dense(rng, 5, 50), "n1": leaky(), "d2": dense(rng, 4, 5), "n2": leaky()}
    nodes |= {"d3": dense(rng, 3, 4), "d4": dense(rng, 3, 5), "d5": dense(rng, 3, 50), "n3": leaky()}
    return wired(nodes, "in f d1 n1 d2 n2 d3 n3 out", "n1 d4 n3", "f d5 n3")


def pooled_branches(rng: np.random.Generator) -> nir.NIRGraph:
    nodes = {"c1": conv(rng, 2, 2, (2, 2)), "n1": leaky(), "p": sum_pool(), "t": threshold(0.5)}
    nodes |= {"c2": conv(rng, 2, 2, (1, 1)), "n2": leaky(), "c3": conv(rng, 3, 2, (2, 2)), "n3": leaky()}
    return wired(nodes, "in c1 n1 p t c2 n2 c3 n3 out", "p c3")


def pooled_sum(rng: np.random.Generator) -> nir.NIRGraph:
    nodes = {"c1": conv(rng, 2, 2, (2, 2)), "n1": leaky(), "c2": conv(rng, 2, 2, (2, 2)), "n2": leaky()}
    nodes |= {"p": sum_pool(), "t": threshold(0.5), "c3": conv(rng, 3, 2, (2, 2)), "n3": leaky()}
    return wired(nodes, "in c1 n1 p t c3 n3 out", "in c2 n2 p")


def recurrent(rng: np.random.Generator, neurons: Any, back: Any) -> nir.NIRGraph:
    nodes = {
        "f": flatten(),
        "d1": dense(rng, 4, 50),
        "n1": neurons,
        "back": back,
        "d2": dense(rng, 3, 4),
        "n2": leaky(),
    }
    return wired(nodes, "in f d1 n1 d2 n2 out", "n1 back n1")


def straight_back(rng: np.random.Generator) -> nir.NIRGraph:
    nodes = {"f": flatten(), "d1": dense(rng, 4, 50), "n1": lif(4), "d2": dense(rng, 3, 4), "n2": leaky()}
    return wired(nodes, "in f d1 n1 d2 n2 out", "n1 n1")


def two_ways_back(rng: np.random.Generator) -> nir.NIRGraph:
    nodes = {"f": flatten(), "d1": dense(rng, 4, 50), "n1": lif(4), "a": dense(rng, 4, 4), "b": dense(rng, 2, 4)}
    nodes |= {"c": dense(rng, 4, 2), "s": nir.Scale(whole(rng, 4)), "d2": dense(rng, 3, 4), "n2": leaky()}
    return wired(nodes, "in f d1 n1 d2 n2 out", "n1 a s n1", "n1 b c s", "n1 n1")


def recurrent_image(rng: np.random.Generator) -> nir.NIRGraph:
    nodes = {"c1": conv(rng, 3, 2), "n1": leaky(np.full((3, 3, 3), 1.5)), "back": conv(rng, 3, 3, (1, 1))}
    nodes |= {"c2": conv(rng, 2, 3), "n2": leaky()}
    return wired(nodes, "in c1 n1 c2 n2 out", "n1 back n1")


def recurrent_last(rng: np.random.Generator) -> nir.NIRGraph:
    nodes = {"f": flatten(), "d1": dense(rng, 4, 50), "n1": lif(4), "back": dense(rng, 4, 4)}
    return wired(nodes, "in f d1 n1 out", "n1 back n1")


def recurrent_and_residual(rng: np.random.Generator) -> nir.NIRGraph:
    nodes = {"f": flatten(), "d1": dense(rng, 4, 50), "n1": lif(4), "b1": dense(rng, 4, 4), "d2": dense(rng, 4, 4)}
    nodes |= {"n2": lif(4), "b2": nir.Scale(whole(rng, 4)), "d3": dense(rng, 3, 4), "n3": leaky()}
    return wired(nodes, "in f d1 n1 d2 n2 d3 n3 out", "n1 b1 n1", "n2 b2 n2", "n1 d3")


def recurrent_behind_flatten(rng: np.random.Generator) -> nir.NIRGraph:
    nodes = {"c1": conv(rng, 2, 2, (4, 4)), "f": flatten(), "n1": lif(8), "back": dense(rng, 8, 8)}
    nodes |= {"d2": dense(rng, 3, 8), "n2": leaky()}
    return wired(nodes, "in c1 f n1 d2 n2 out", "n1 back n1")


def neurons_that_differ_behind_flatten(rng: np.random.Generator) -> nir.NIRGraph:
    thresholds = np.arange(1.0, 9.0) / 2
    nodes = {"c1": conv(rng, 2, 2, (4, 4)), "f": flatten(), "n1": leaky(thresholds, tau=np.repeat([2, 4], 4) * DT)}
    return wired(nodes | {"d2": dense(rng, 3, 8), "n2": leaky()}, "in c1 f n1 d2 n2 out")


def inner_loop(rng: np.random.Generator, neurons: Any) -> nir.NIRGraph:
    """As snnTorch writes a recurrent layer."""
    nodes = {"lif": neurons, "w_rec": nir.Linear(whole(rng, 4, 4))}
    return wired(nodes, "in lif out", "lif w_rec lif", shape=(4,))


def nested_recurrence(rng: np.random.Generator) -> nir.NIRGraph:
    nodes = {"f": flatten(), "d1": dense(rng, 4, 50), "r1": inner_loop(rng, lif(4)), "d2": dense(rng, 4, 4)}
    nodes |= {"r2": inner_loop(rng, cuba(w_in=np.full(4, 2.0), tau_syn=2 * DT))}
    return wired(nodes, "in f d1 r1 d2 r2 out")


def loop_around_a_nested_graph(rng: np.random.Generator) -> nir.NIRGraph:
    inner = wired({"n": lif(4)}, "in n out", shape=(4,))
    inner.nodes["out"] = nir.Output(np.array([4]))
    nodes = {"f": flatten(), "d1": dense(rng, 4, 50), "block": inner, "d2": dense(rng, 3, 4), "n2": leaky()}
    nodes |= {"back": dense(rng, 4, 4)}
    return wired(nodes, "in f d1 block d2 n2 out", "block back block")


def nested_branches(rng: np.random.Generator) -> nir.NIRGraph:
    block = wired({"c": conv(rng, 2, 2, padding=1), "n": leaky(), "m": leaky()}, "in c n out", "in m out")
    outer = wired({"block": block, "c": conv(rng, 2, 2, padding=1), "n": leaky()}, "in block c n out", "block out")
    nodes = {"c1": conv(rng, 2, 2, padding=1), "n1": leaky(), "outer": outer, "c2": conv(rng, 3, 2), "n2": leaky()}
    nodes |= {"c3": conv(rng, 2, 3, (1, 1)), "c4": conv(rng, 2, 2), "n3": leaky()}
    return wired(nodes, "in c1 n1 outer c2 n2 c3 n3 out", "n1 c2", "outer c4 n3", "in outer")


def rows(rng: np.random.Generator) -> nir.NIRGraph:
    def row(outputs: int, inputs: int, kernel: int, **options: Any) -> nir.Conv1d:
        given = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1} | options
        weight = whole(rng, outputs, inputs // given["groups"], kernel)
        return nir.Conv1d(None, weight, bias=whole(rng, outputs), **given)

    nodes = {"c1": row(3, 2, 3, padding=1), "n1": leaky(np.full((3, 12), 1.5)), "c2": row(3, 3, 2, padding="same")}
    nodes |= {"n2": leaky(), "c3": row(6, 3, 3, stride=2, dilation=2, groups=3), "n3": leaky(np.full((6, 4), 2.0))}
    nodes |= {"back": row(6, 6, 1), "f": nir.Flatten({"input": None}, 0, 1), "d": dense(rng, 4, 24), "n4": leaky()}
    return wired(nodes, "in c1 n1 c2 n2 c3 n3 f d n4 out", "n1 c3", "n3 back n3", shape=(2, 12))


GRAPHS: dict[str, Callable[[np.random.Generator], nir.NIRGraph]] = {
    "residual": residual,
    "residual sums that several take": residual_sums_that_several_take,
    "shortcut": shortcut,
    "skip to currents": skip_to_currents,
    "pixels beside": pixels_beside,
    "spikes to neurons": spikes_to_neurons,
    "scaled parts": scaled_parts,
    "dense join": dense_join,
    "pooled branches": pooled_branches,
    "pooled sum": pooled_sum,
    "recurrent": lambda rng: recurrent(rng, lif(4), nir.Linear(whole(rng, 4, 4))),
    "recurrent, with a bias": lambda rng: recurrent(rng, lif(4), dense(rng, 4, 4)),
    "recurrent, one to one": lambda rng: recurrent(rng, lif(4), nir.Scale(whole(rng, 4))),
    "recurrent, a diagonal": lambda rng: recurrent(rng, lif(4), nir.Linear(np.diag(whole(rng, 4)))),
    "recurrent, without a leak": lambda rng: recurrent(
        rng, integrate_and_fire(np.full(4, 2.5), np.array([1.0, 2, 1, 3])), dense(rng, 4, 4)
    ),
    "recurrent, a synaptic current": lambda rng: recurrent(
        rng, cuba(w_in=np.full(4, 2.0), tau_syn=2 * DT), dense(rng, 4, 4)
    ),
    "recurrent, at rest elsewhere": lambda rng: recurrent(rng, leaky(np.full(4, 1.5), v_reset=-0.5), dense(rng, 4, 4)),
    "straight back": straight_back,
    "two ways back": two_ways_back,
    "recurrent image": recurrent_image,
    "recurrent last": recurrent_last,
    "recurrent and residual": recurrent_and_residual,
    "recurrent behind a Flatten": recurrent_behind_flatten,
    "neurons that differ behind a Flatten": neurons_that_differ_behind_flatten,
    "nested recurrence": nested_recurrence,
    "loop around a nested graph": loop_around_a_nested_graph,
    "nested branches": nested_branches,
    "rows": rows,
}


def rasters(outputs: dict[str, Array], names: list[str]) -> list[tuple[float, ...]]:
    return sorted(tuple(outputs[name].ravel()) for name in names)


def compare(built: nir.NIRGraph, network: FloatNetwork, inputs: Array) -> Array:
    """All neurons spike alike. Gives the spikes of the last layer."""
    expected = nir_oracle.simulate(built, inputs, DT)
    got = nir_oracle.simulate_trained(network, inputs.reshape(len(inputs), *network.input_shape))
    firing = [layer.name for layer in network.layers if not isinstance(layer, Sum)]
    neurons = [name for name in expected if isinstance(node_at(built, name), nir_oracle.STATEFUL | nir.Threshold)]
    assert rasters(got, firing) == rasters(expected, neurons)
    (out,) = (name for name, node in built.nodes.items() if isinstance(node, nir.Output))
    np.testing.assert_array_equal(got[network.layers[-1].name].ravel(), expected[out].ravel())
    return got[network.layers[-1].name]


def node_at(graph: nir.NIRGraph, name: str) -> Any:
    first, _, rest = name.partition(".")
    return node_at(graph.nodes[first], rest) if rest else graph.nodes[first]


@pytest.mark.parametrize("name", GRAPHS)
def test_steps_equal_those_of_the_graph(name: str, tmp_path: Path) -> None:
    seen: set[float] = set()
    for seed in range(4):
        rng = np.random.default_rng(seed)
        built = GRAPHS[name](rng)
        network = read(write(tmp_path, built), DT)
        network.check()
        inputs = rng.integers(0, 3, (STEPS, *built.nodes["in"].input_type["input"])).astype(np.float64)
        seen |= set(compare(built, network, inputs).flat)
    assert len(seen) > 1, "spikes and silence: else the comparison says nothing"


@pytest.mark.parametrize("seed", range(40))
def test_random_graphs(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    built = RandomGraph(rng).graph
    network = read(write(tmp_path, built), DT)
    network.check()
    compare(built, network, rng.integers(0, 3, (STEPS, 2, 4, 4)).astype(np.float64))


def layers_of(name: str, tmp_path: Path) -> dict[str, Any]:
    built = GRAPHS[name](np.random.default_rng(0))
    return {layer.name: layer for layer in read(write(tmp_path, built), DT).layers}


def test_spikes_that_are_added_are_a_layer(tmp_path: Path) -> None:
    layers = layers_of("residual sums that several take", tmp_path)
    assert list(layers) == ["c1", "c2", "c3_sum", "c3", "c4_sum", "c4"]
    assert sorted(layers["c3_sum"].sources) == ["c1", "c2"]
    assert sorted(layers["c4_sum"].sources) == ["c1", "c2", "c3"]


def test_currents_that_are_added_are_projections(tmp_path: Path) -> None:
    layers = layers_of("shortcut", tmp_path)
    assert list(layers) == ["c1", "c2"]
    assert [one.stride for one in layers["c2"].projections] == [(2, 2), (2, 2)]


@pytest.mark.parametrize("name", ["recurrent, one to one", "recurrent, a diagonal", "straight back"])
def test_loops_from_each_neuron_to_itself_are_depthwise(name: str, tmp_path: Path) -> None:
    forward, back = layers_of(name, tmp_path)["d1"].projections
    assert (forward.delay, back.delay, back.groups, back.weight.shape) == (0, 1, 4, (4, 1, 1, 1))


def test_a_loop_is_a_remark(tmp_path: Path) -> None:
    built = GRAPHS["recurrent"](np.random.default_rng(0))
    remarks = read(write(tmp_path, built), DT).remarks
    assert "n1: its own spikes come back to it a step later" in remarks


def test_a_loop_whose_neurons_an_older_exporter_renamed(tmp_path: Path) -> None:
    """As the recurrent subgraphs of the NIR paper's files are."""
    rng = np.random.default_rng(0)
    inner = inner_loop(rng, lif(4))
    inner.nodes["lif1"] = inner.nodes.pop("lif")
    nodes = {"d1": dense(rng, 4, 5), "lif1": inner, "d2": dense(rng, 3, 4), "lif2": lif(3)}
    network = read(write(tmp_path, wired(nodes, "in d1 lif1 d2 lif2 out", shape=(5,))), DT)
    assert network.remarks[0].startswith("lif1.lif1: the edges call this node 'lif1.lif'")
    assert [len(layer.ports) for layer in network.layers] == [2, 1]


def test_a_pool_of_a_sum_is_no_spiking_max_pool(tmp_path: Path) -> None:
    assert isinstance(layers_of("pooled branches", tmp_path)["p"], MaxPool)
    assert isinstance(layers_of("pooled sum", tmp_path)["p"], FloatPopulation)
