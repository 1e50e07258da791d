"""NIR graphs whose loops, joins or nested graphs are refused, in one line that names the node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest

from tests.frontends.nir.nir_graphs import (
    conv,
    flatten,
    leaky,
    max_pool,
    per_channel,
    refused,
    sum_pool,
    write,
)
from tests.frontends.nir.test_graphs import dense, lif, wired

RNG = np.random.default_rng(0)


def flat(*paths: str, **nodes: Any) -> nir.NIRGraph:
    """Five values to four neurons ``n1``, then to three; ``nodes`` and ``paths`` are added."""
    given = {"d1": dense(RNG, 4, 5), "n1": lif(4), "d2": dense(RNG, 3, 4), "n2": lif(3)}
    return wired(given | nodes, "in d1 n1 d2 n2 out", *paths, shape=(5,))


def image(*paths: str, **nodes: Any) -> nir.NIRGraph:
    """An image to three channels of neurons ``n1``, then to two."""
    given = {"c1": conv(RNG, 3, 2), "n1": leaky(), "c2": conv(RNG, 2, 3), "n2": leaky()}
    return wired(given | nodes, "in c1 n1 c2 n2 out", *paths)


GRAPHS: dict[str, tuple[nir.NIRGraph, str]] = {
    "loop without neurons": (
        flat("d1 s d1", s=nir.Scale(np.ones(4))),
        r"node '(d1|s)': is in a loop without neurons \('(d1|s)', '(d1|s)', '(d1|s)'\); put neurons into it",
    ),
    "node that leads to itself": (flat("d1 d1"), r"node 'd1': is in a loop without neurons \('d1', 'd1'\)"),
    "loop without neurons on the way back": (
        flat("n1 a b n1", "b a", a=dense(RNG, 4, 4), b=dense(RNG, 4, 4)),
        r"node '[ab]': is in a loop without neurons",
    ),
    "loop over two layers": (
        flat("n2 back n1", back=dense(RNG, 4, 3)),
        r"node 'n1': is in a loop with 'n2'; a layer runs all steps of a position before the next layer begins",
    ),
    "way back that others lead to": (
        flat("n1 back n1", "d1 back", back=dense(RNG, 4, 4)),
        r"node 'back': is on the way from 'n1' back to itself, so it must not be connected to 'd1', which is not",
    ),
    "way back that leads elsewhere": (
        flat("n1 back n1", "back d2", back=dense(RNG, 4, 4)),
        r"node 'back': is on the way from 'n1' back to itself, so it must not be connected to 'd2'",
    ),
    "way back of another size": (
        flat("n1 back n1", back=dense(RNG, 3, 4)),
        r"node 'n1' \(LIF\): gets 3x1x1 values of its own spikes back, but has 4x1x1",
    ),
    "wide way back": (
        image("n1 back n1", back=conv(RNG, 3, 3, padding=1)),
        r"node 'n1' \(LIF\): gets a window of 3x3 of its own spikes back; only 1x1 is built",
    ),
    "way back from a pool": (
        image("n1 p n1", p=sum_pool(3, 1, 1)),
        r"node 'n1' \(LIF\): gets a window of 3x3 of its own spikes back",
    ),
    "largest of spikes on the way back": (
        image("n1 p n1", p=max_pool(1, 1)),
        r"node 'n1' \(LIF\): gets the largest of a window of its own spikes back",
    ),
    "recurrent behind a pool of currents": (
        wired(
            {"c1": conv(RNG, 3, 2), "p": max_pool((1, 1), (1, 1)), "n1": leaky(), "s": nir.Scale(per_channel(1, 2, 3))},
            "in c1 p n1 out",
            "n1 s n1",
        ),
        r"node 'n1' \(LIF\): is recurrent behind a pool of its currents",
    ),
    "integrator that leads to itself": (
        wired({"d": dense(RNG, 4, 5), "i": nir.I(np.ones(4))}, "in d i i", "i out", shape=(5,)),
        r"node 'i' \(I\): never fires, so it must not lead back to itself",
    ),
    "integrator that leads elsewhere": (
        wired({"d": dense(RNG, 4, 5), "i": nir.I(np.ones(4)), "n": lif(4)}, "in d i out", "i n out", shape=(5,)),
        r"node 'n' \(LIF\): comes after neurons that never fire",
    ),
    "two layers at the end": (
        wired(
            {"d": dense(RNG, 4, 5), "n": lif(4), "e": dense(RNG, 4, 5), "m": lif(4)},
            "in d n out",
            "in e m out",
            shape=(5,),
        ),
        r"node 'out' \(Output\): comes right after 'out_sum', which has no neurons",
    ),
    "currents at the end": (
        wired({"d": dense(RNG, 4, 5), "n": lif(4), "e": dense(RNG, 4, 5)}, "in d n out", "in e out", shape=(5,)),
        r"node 'out' \(Output\): comes right after '[de]', which has no neurons",
    ),
    "branch of currents": (
        flat("d1 m d2", m=lif(4)),
        r"node '(n1|m)' \(LIF\): takes the currents of 'd1', which '(n1|m)' takes too; .* put neurons before",
    ),
    "join of other shapes": (
        image("c1 n2"),
        r"node 'n2' \(LIF\): adds [23]x[13]x[13] to [23]x[13]x[13]; both must have",
    ),
    "join of a vector and an image": (
        wired(
            {"c": conv(RNG, 4, 2), "n": leaky(), "f": flatten(), "d": dense(RNG, 4, 50), "m": leaky()},
            "in c n m out",
            "in f d m",
        ),
        r"node 'm' \(LIF\): adds (4 to 4x3x3|4x3x3 to 4); both must have one shape",
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_that_cannot_be_built(name: str, tmp_path: Path) -> None:
    built, pattern = GRAPHS[name]
    refused(write(tmp_path, built), pattern)


def doubled(nodes: dict[str, Any], count: int, *ends: str) -> nir.NIRGraph:
    """What comes from ``n0`` is added to itself ``count`` times."""
    paths = []
    for index in range(count):
        for branch in "ab":
            nodes[f"{branch}{index}"] = nir.Scale(np.array(2.0))
        nodes[f"n{index + 1}"] = nir.Scale(np.array(2.0))
        paths += [f"n{index} a{index} n{index + 1}", f"n{index} b{index} n{index + 1}"]
    return wired(nodes, *paths, *ends, shape=(5,))


def test_a_few_joins_would_make_endless_terms(tmp_path: Path) -> None:
    nodes = {"n0": nir.Scale(np.array(2.0)), "d": dense(RNG, 4, 5), "n": lif(4)}
    built = doubled(nodes, 40, "in n0", "n40 d n out")
    refused(write(tmp_path, built), r"node 'n7' \(Scale\): joins what 128 layers give; at most 64 are built")


def test_more_spikes_than_can_be_added(tmp_path: Path) -> None:
    count = 16
    nodes = {f"d{index}": dense(RNG, 4, 5) for index in range(count)} | {f"n{index}": lif(4) for index in range(count)}
    nodes |= {"d": dense(RNG, 3, 4), "n": lif(3)}
    built = wired(nodes, *(f"in d{i} n{i} d" for i in range(count)), "d n out", shape=(5,))
    refused(write(tmp_path, built), r"node 'd' \(Affine\): adds up to 16 spikes; at most 15 are built")


def test_an_error_names_a_few_nodes_of_many(tmp_path: Path) -> None:
    nodes = {f"n{index}": lif(5) for index in range(20)}
    forth = " ".join(nodes)
    built = wired(nodes, f"in {forth} out", "n19 n0", shape=(5,))
    refused(write(tmp_path, built), r"node 'n0': is in a loop with 'n1', ('n\d+', ){7}\.\.\.; a layer runs")


def test_a_name_that_is_also_one_in_a_nested_graph(tmp_path: Path) -> None:
    inner = wired({"n": lif(4)}, "in n out", shape=(4,))
    built = wired({"a.n": dense(RNG, 4, 5), "a": inner}, "in a.n a out", shape=(5,))
    refused(write(tmp_path, built), r"node 'a\.n': is there twice, alone and in a nested graph; rename one of the two")


@pytest.mark.parametrize(
    ("edges", "pattern"),
    [
        ("in n", r"node 'a\.out': must be on a path from the input|node 'a\.n': must be on a path to the output"),
        ("in out", r"node 'a\.n': must be on a path from the input"),
    ],
)
def test_a_nested_graph_that_leads_nowhere(edges: str, pattern: str, tmp_path: Path) -> None:
    inner = wired({"n": lif(5)}, edges, shape=(5,))
    refused(write(tmp_path, wired({"a": inner}, "in a out", shape=(5,))), pattern)


def test_two_inputs_of_a_nested_graph(tmp_path: Path) -> None:
    inner = wired({"n": lif(5), "other": nir.Input(np.array([5]))}, "in n out", "other n", shape=(5,))
    built = wired({"a": inner}, "in a out", shape=(5,))
    refused(
        write(tmp_path, built), r"node 'a': its graph must have exactly one Input node, not 2 \('a.in', 'a.other'\)"
    )
