"""NIR graphs that are refused: in one line that names the file and, where there is one, the node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest

from hwsnn.frontends.nir.reader import read
from tests.frontends.nir.nir_graphs import (
    DT,
    avg_pool,
    conv,
    cuba,
    flatten,
    graph,
    integrate_and_fire,
    leaky,
    max_pool,
    per_channel,
    refused,
    sum_pool,
    threshold,
    write,
)

RNG = np.random.default_rng(0)


def weights(value: float) -> np.ndarray[Any, Any]:
    return np.full((1, 72), value)


def reflecting() -> nir.Conv2d:
    node = conv(RNG, 3, 2)
    node.padding = "reflect"
    return node


def with_numbers(node: Any, **values: Any) -> Any:
    """The node with other numbers than its class would allow."""
    for key, value in values.items():
        setattr(node, key, np.asarray(value, float))
    return node


NODES: dict[str, tuple[list[Any], str]] = {
    "unknown node": (
        [nir.Delay(np.ones(2)), leaky()],
        r"node 'delay_0': is a 'Delay'; the nodes that can be built are Affine, AvgPool2d, .*Threshold",
    ),
    "one-dimensional convolution": (
        [nir.Conv1d(6, np.ones((1, 2, 3)), 1, 0, 1, 1, np.zeros(1)), leaky()],
        r"node 'conv1d_0' \(Conv1d\): takes 2 channels of a row, but gets an image of 2x6x6",
    ),
    "channels": ([conv(RNG, 3, 4), leaky()], r"node 'conv2d_0' \(Conv2d\): takes 4 channels .* gets an image of 2x6x6"),
    "channels of groups": ([conv(RNG, 4, 4, groups=2), leaky()], r"takes 4 channels of an image, but gets"),
    "uneven groups": ([conv(RNG, 3, 2, groups=2), leaky()], r"3 output channels must divide into its 2 groups"),
    "bias": ([with_numbers(conv(RNG, 3, 2), bias=[1, 2]), leaky()], r"'bias' must have shape \(3,\), not \(2,\)"),
    "too large a window": ([conv(RNG, 3, 2, (7, 3)), leaky()], r"window of 7x3 must fit its input of 6x6"),
    "too large a pool": ([sum_pool(9), leaky()], r"node 'sumpool2d_0' .*window of 9x9 must fit its input of 6x6"),
    "stride 0": ([conv(RNG, 3, 2, stride=0), leaky()], r"'stride' must be integers from 1 to 4096, not 0"),
    "half a stride": ([sum_pool(2, 1.5), leaky()], r"'stride' must be integers from 1 to 4096, not 1.5"),
    "three strides": ([sum_pool(2, (1, 1, 1)), leaky()], r"'stride' must be one integer or two, not 3"),
    "negative padding": ([conv(RNG, 3, 2, padding=-1), leaky()], r"'padding' must be integers from 0 to 4096"),
    "unknown padding": ([reflecting(), leaky()], r"'padding' must be integers, 'same' or 'valid', not 'reflect'"),
    "same with a stride": ([conv(RNG, 3, 2, padding="same", stride=2), leaky()], r"'same' only for a stride of 1"),
    "huge dilation": ([conv(RNG, 64, 2, (2, 2), dilation=4096, padding=4096), leaky()], r"would take .* weights once"),
    "huge image": ([conv(RNG, 1, 2, padding=4096), leaky()], r"an output of 1x8196x8196; at most 4096"),
    "weights of three dimensions": ([nir.Linear(np.ones((2, 3, 4))), leaky()], r"'weight' must have 2 dimensions"),
    "no flattening": (
        [nir.Linear(np.ones((3, 72))), leaky()],
        r"takes a flat input, but gets an image of 2x6x6; put a Fl",
    ),
    "inputs": ([flatten(), nir.Linear(np.ones((3, 70))), leaky()], r"takes 70 inputs, but gets 72 values"),
    "bias of a dense layer": (
        [flatten(), nir.Affine(np.ones((3, 72)), np.ones(4)), leaky()],
        r"node 'affine_1' .*'bias' must have shape \(3,\), not \(4,\)",
    ),
    "convolution after flattening": (
        [flatten(), conv(RNG, 3, 2), leaky()],
        r"takes 2 channels of an image, but gets 72 ",
    ),
    "pool after flattening": ([flatten(), avg_pool(), leaky()], r"takes an image, but gets 72 values"),
    "part of the flattening": ([nir.Flatten({"input": None}, 2, -1), leaky()], r"must flatten all of channels, height"),
    "NaN": ([flatten(), nir.Linear(weights(np.nan)), leaky()], r"node 'linear_1' \(Linear\): 'weight' must be finite"),
    "infinity": (
        [with_numbers(conv(RNG, 3, 2), bias=[0, np.inf, 0]), leaky()],
        r"node 'conv2d_0' .*'bias' must be finite",
    ),
    "overflow": (
        [flatten(), nir.Linear(weights(1e300)), nir.Linear(np.array([[1e300]])), leaky()],
        r"node 'lif_3' .*overflow once folded",
    ),
    "threshold 0": ([conv(RNG, 3, 2), leaky(0.0)], r"node 'lif_1' \(LIF\): 'v_threshold' must be positive, not 0.0"),
    "negative threshold": ([conv(RNG, 3, 2), integrate_and_fire(-1)], r"'v_threshold' must be positive, not -1.0"),
    "negative threshold node": ([conv(RNG, 3, 2), threshold(-0.5)], r"'threshold' must be positive, not -0.5"),
    "threshold 0 after a padded pool": ([sum_pool(2, 2, 1), threshold(0)], r"'threshold' must be positive, not 0.0"),
    "thresholds over space": (
        [conv(RNG, 3, 2), integrate_and_fire(np.arange(1, 49).reshape(3, 4, 4))],
        r"node 'if_1' .*'v_threshold' must be the same over a channel's height and width",
    ),
    "gains over space": (
        [conv(RNG, 3, 2), integrate_and_fire(np.ones((3, 4, 4)), np.arange(48).reshape(3, 4, 4))],
        r"'r' must be the same over a channel's",
    ),
    "shape of neurons": (
        [conv(RNG, 3, 2), integrate_and_fire(np.ones((3, 5, 5)))],
        r"has shape \(3, 5, 5\), but the layer gets an image of 3x4x4",
    ),
    "time constants over space": (
        [conv(RNG, 3, 2), leaky(tau=np.arange(1.0, 49).reshape(3, 4, 4))],
        r"'tau' must be the same over a channel's height and width",
    ),
    "time constant 0": ([conv(RNG, 3, 2), leaky(tau=0.0)], r"'tau' must be positive, not 0.0"),
    "too long a step": (
        [conv(RNG, 3, 2), leaky(tau=DT / 2)],
        r"is longer than 'tau' of 0.000488281 s; give the step of training as --dt, a fraction of 'tau'",
    ),
    "infinite time constant": (
        [conv(RNG, 3, 2), leaky(tau=np.inf)],
        r"'tau' is infinite and 'r' is not, .* make both infinite \(all of the input a step\), or the node an IF",
    ),
    "reset to the threshold": (
        [conv(RNG, 3, 2), leaky(v_reset=2.5)],
        r"node 'lif_1' .*'v_threshold' must be above 'v_reset', not 2.5",
    ),
    "synaptic current, and a leak to elsewhere": (
        [conv(RNG, 3, 2), cuba(tau_syn=2 * DT, v_leak=0.5)],
        r"node 'cubalif_1' .*'v_leak' must be 'v_reset' .* behind a synaptic current",
    ),
    "too long a step of a synaptic current": (
        [conv(RNG, 3, 2), cuba(tau_syn=DT / 2)],
        r"a step of .* is longer than 'tau_syn' of",
    ),
    "a synaptic current of negative time": ([conv(RNG, 3, 2), cuba(tau_syn=-DT)], r"'tau_syn' must be 0 or positive"),
    "an endless synaptic current of finite weight": (
        [conv(RNG, 3, 2), cuba(tau_syn=np.inf)],
        r"'tau_syn' is infinite and 'w_in' is not",
    ),
    "convolution after a pool of currents": (
        [conv(RNG, 3, 2), max_pool(), conv(RNG, 3, 3, (1, 1)), leaky()],
        r"node 'conv2d_2': follows the pool 'maxpool2d_1', .*put neurons between the two",
    ),
    "negative factors after a pool of currents": (
        [conv(RNG, 3, 2), max_pool(), nir.Scale(per_channel(1, -1, 1)), leaky()],
        r"node 'scale_2': has negative factors, which make a minimum of the pool 'maxpool2d_1'",
    ),
    "a negative gain after a pool of currents": (
        [conv(RNG, 3, 2), max_pool(), integrate_and_fire(1.0, r=-1.0)],
        r"node 'if_2' .*its gain is negative, which makes a minimum",
    ),
    "a padded pool of currents": ([conv(RNG, 3, 2), max_pool(padding=1), leaky()], r"'padding' must be 0"),
    "a pool of currents after flattening": ([flatten(), max_pool(), leaky()], r"takes an image, but gets 72 values"),
    "integrator in the middle": (
        [conv(RNG, 3, 2), nir.I(np.ones(())), flatten()],
        r"node 'flatten_2' .*only be the last",
    ),
    "no neurons at the end": (
        [conv(RNG, 3, 2), leaky(), sum_pool()],
        r"'output' .*right after 'sumpool2d_2', which has no",
    ),
    "no neurons": ([flatten()], r"node 'output' .*comes before any neurons"),
    "scale over space": (
        [nir.Scale(np.arange(72.0).reshape(2, 6, 6)), conv(RNG, 3, 2), leaky()],
        r"node 'scale_0': its factors must be the same over a channel's height and width",
    ),
    "shape of a scale": ([nir.Scale(np.ones(5)), leaky()], r"node 'scale_0' .*'scale' has shape \(5,\)"),
    "padding after a pool with a rest": (
        [sum_pool((4, 2), (4, 2)), conv(RNG, 3, 2, padding=1), leaky()],
        r"node 'conv2d_1': its padding cannot be folded exactly, as the windows of node 'sumpool2d_0'",
    ),
    "padding after a bias": (
        [with_numbers(conv(RNG, 2, 2, (1, 1)), bias=[1, 1]), conv(RNG, 3, 2, padding=1), leaky()],
        r"node 'conv2d_1': its padding cannot be folded exactly, as node 'conv2d_0' before it has a bias",
    ),
}


@pytest.mark.parametrize("name", NODES)
def test_a_node_that_cannot_be_built(name: str, tmp_path: Path) -> None:
    nodes, pattern = NODES[name]
    refused(write(tmp_path, graph(*nodes)), pattern)


def test_strides_that_multiply(tmp_path: Path) -> None:
    nodes = [sum_pool(1, 100), sum_pool(1, 100), leaky()]
    refused(
        write(tmp_path, graph(*nodes)), r"node 'lif_2' \(LIF\): what is before it folds to strides and paddings beyond"
    )


@pytest.mark.parametrize(
    ("shape", "pattern"),
    [
        ((2, 1, 6, 6), r"node 'input' \(Input\): must have a shape \(channels, height, width\) without a batch"),
        ((0, 6, 6), r"'shape' must be integers from 1 to 4096, not 0"),
        ((1, 1, 1, 1, 6, 6), r"'shape' must be at most 5 integers, not 6"),
        ((1, 5000, 6), r"'shape' must be integers from 1 to 4096"),
    ],
)
def test_an_input_that_cannot_be_built(shape: tuple[int, ...], pattern: str, tmp_path: Path) -> None:
    refused(write(tmp_path, graph(sum_pool((2, 1)), leaky(), shape=shape)), pattern)


def test_a_pool_before_a_convolution_of_too_many_channels(tmp_path: Path) -> None:
    nodes = (sum_pool((2, 1)), conv(RNG, 1, 4096, (1, 1)), leaky())
    pattern = r"node 'sumpool2d_0': would take 33,554,432 weights once expanded; at most 16,777,216"
    refused(write(tmp_path, graph(*nodes, shape=(4096, 2, 1))), pattern)


def test_an_output_of_another_shape(tmp_path: Path) -> None:
    built = graph(conv(RNG, 3, 2), leaky())
    built.nodes["output"] = nir.Output(np.array([3, 4, 5]))
    refused(write(tmp_path, built), r"node 'output' \(Output\): has shape \(3, 4, 5\), but gets an image of 3x4x4")


# Graphs

Edges = list[tuple[str, str]]


def edges(*names: str) -> Edges:
    return [(name[0], name[1]) for name in names]


def edged(types: dict[str, Any], its_edges: Edges) -> nir.NIRGraph:
    return nir.NIRGraph(types, its_edges, type_check=False)


def four() -> dict[str, Any]:
    """Input a, neurons b and c, output d."""
    return {"a": nir.Input(np.array([3])), "b": leaky(), "c": leaky(), "d": nir.Output(None)}


@pytest.mark.parametrize(
    ("its_edges", "pattern"),
    [
        (edges("ab", "bc", "cb", "cd"), r"node '[bc]': is in a loop with '[bc]'; a layer runs all steps of a position"),
        (edges("ab", "ac", "bd"), r"node 'c': must be on a path to the output, but leads nowhere; leave it out"),
        (edges("ab", "bc", "cd", "bd"), r"node 'd' \(Output\): comes right after 'd_sum', which has no neurons"),
        (edges("ab", "bd", "cd"), r"node 'c': must be on a path from the input, but nothing leads there"),
        (edges("ab", "bd"), r"node 'c': must be on a path from the input"),
        (edges("ab", "bc"), r"node 'd': must be on a path from the input"),
        (edges("ab", "bc", "cd", "ab"), r"node 'a': the edge to node 'b' must be there only once"),
        (edges("ab", "bx", "cd"), r"node 'x': an edge leads there, but there is no such node"),
        (edges("xb", "cd"), r"node 'c': must be on a path from the input"),
        (edges("xb", "yd"), r"node 'x': an edge leads there, but there is no such node; name nodes as the edges do"),
        (edges("bd", "da", "ac"), r"node 'a': an Input must not be fed, but 'd' leads there"),
        (edges("ad", "db", "bc"), r"node 'd': an Output must be the end, not lead to 'b'"),
        ([], r"node 'b': must be on a path from the input|has no edges"),
    ],
)
def test_graphs_that_cannot_be_built(its_edges: Edges, pattern: str, tmp_path: Path) -> None:
    refused(write(tmp_path, edged(four(), its_edges)), pattern)


@pytest.mark.parametrize(
    ("extra", "pattern"),
    [
        ({"b": nir.Input(np.array([3]))}, r"exactly one Input node, not 2 \('a', 'b'\)"),
        ({"c": nir.Output(None)}, r"exactly one Output node, not 2 \('c', 'd'\)"),
        ({"a": leaky()}, r"exactly one Input node, not none"),
        ({"d": leaky()}, r"exactly one Output node, not none"),
    ],
)
def test_ends_of_a_graph(extra: dict[str, Any], pattern: str, tmp_path: Path) -> None:
    refused(write(tmp_path, edged(four() | extra, edges("ab", "bc", "cd"))), pattern)


def test_graphs_nested_without_end(tmp_path: Path) -> None:
    path = write(tmp_path, graph(graph(leaky())))
    with h5py.File(path, "r+") as file:
        nodes = file["node/nodes/nirgraph_0/nodes"]
        del nodes["lif_0"]
        nodes["lif_0"] = file["node/nodes/nirgraph_0"]  # a hard link: the graph contains itself
    refused(path, r"node 'nirgraph_0\.lif_0\..*': graphs are nested more than 4 deep")


@pytest.mark.parametrize("dt", [0.0, -1.0, np.nan, np.inf])
def test_invalid_step(dt: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"dt must be positive and finite, not"):
        read(tmp_path / "net.nir", dt)
