"""NIR graphs as trained networks: equal to the graph's own equations, or refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest

from hwsnn.float_network import FloatConv, FloatDense, FloatNeuron, FloatPopulation
from hwsnn.frontends.nir.reader import read
from hwsnn.spec import MaxPool
from tests.frontends.nir import nir_oracle
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
    sum_pool,
    threshold,
    whole,
    write,
)

STEPS = 5
Build = Callable[[np.random.Generator], list[Any]]

CHAINS: dict[str, Build] = {
    "convolution": lambda rng: [conv(rng, 3, 2), leaky()],
    "rectangular convolution": lambda rng: [
        conv(rng, 3, 2, (2, 4), stride=(2, 1), padding=(1, 2)),
        leaky(),
    ],
    "one number for both directions": lambda rng: [conv(rng, 3, 2, stride=2, padding=1), leaky()],
    "padding same, odd": lambda rng: [conv(rng, 3, 2, padding="same"), leaky()],
    "padding same, even": lambda rng: [conv(rng, 3, 2, (2, 4), padding="same"), leaky()],
    "padding same, dilated": lambda rng: [conv(rng, 3, 2, (2, 3), padding="same", dilation=(3, 2)), leaky()],
    "padding valid": lambda rng: [conv(rng, 3, 2, padding="valid"), leaky()],
    "dilation": lambda rng: [conv(rng, 3, 2, (2, 3), dilation=(3, 2)), leaky()],
    "groups": lambda rng: [conv(rng, 6, 2, groups=2), leaky()],
    "one value a channel": lambda rng: [
        conv(rng, 3, 2),
        leaky(np.array([1.0, 2.5, 4.0])[:, None, None], r=per_channel(1, 2, -0.5), v_leak=per_channel(0.5, -1, 0)),
    ],
    "one value an element": lambda rng: [conv(rng, 3, 2), integrate_and_fire(np.full((3, 4, 4), 2.5))],
    "leak to a level": lambda rng: [conv(rng, 3, 2), leaky(tau=4 * DT, v_leak=1.5)],
    "no memory": lambda rng: [conv(rng, 3, 2), leaky(tau=DT, v_reset=0.5)],
    "threshold after a convolution": lambda rng: [conv(rng, 3, 2), threshold(1.5)],
    "synaptic current without memory": lambda rng: [conv(rng, 3, 2), cuba(v_leak=0.5)],
    "synaptic current": lambda rng: [conv(rng, 3, 2), cuba(tau_syn=2 * DT)],
    "synaptic current, rest at a value": lambda rng: [conv(rng, 3, 2), cuba(tau_syn=2 * DT, v_leak=-0.5, v_reset=-0.5)],
    "synaptic currents of the channels": lambda rng: [
        conv(rng, 3, 2),
        cuba(per_channel(1, 2, -1), per_channel(DT, 2 * DT, 4 * DT), per_channel(2 * DT, DT, 4 * DT)),
    ],
    "reset to a value": lambda rng: [conv(rng, 3, 2), leaky(v_reset=-1.0)],
    "reset to a value above the rest": lambda rng: [
        conv(rng, 3, 2),
        leaky(v_reset=per_channel(0.5, -0.5, 1.0), v_leak=-1),
    ],
    "reset to a value without a leak": lambda rng: [
        conv(rng, 3, 2),
        with_reset(integrate_and_fire(per_channel(2.5, 2.5, 2.5)), -1.0),
    ],
    "time constants of the channels": lambda rng: [conv(rng, 3, 2), leaky(tau=per_channel(2 * DT, DT, 4 * DT))],
    "a synaptic current that is read": lambda rng: [
        flatten(),
        nir.Linear(whole(rng, 4, 72)),
        nir.CubaLI(np.full(4, 2 * DT), np.full(4, 4 * DT), np.full(4, 2.0), np.zeros(4), np.full(4, 4.0)),
    ],
    "pool before a convolution": lambda rng: [integrate_and_fire(), sum_pool(), conv(rng, 3, 2, (2, 2)), leaky()],
    "pool before a padded convolution": lambda rng: [
        integrate_and_fire(),
        sum_pool(),
        conv(rng, 3, 2, padding=1),
        leaky(),
    ],
    "average pool and its rest": lambda rng: [
        integrate_and_fire(),
        avg_pool((4, 2), (4, 2)),
        conv(rng, 3, 2, (1, 2)),
        leaky(),
    ],
    "overlapping pool": lambda rng: [integrate_and_fire(), avg_pool((4, 2), (1, 1)), conv(rng, 3, 2, (2, 2)), leaky()],
    "padded pool": lambda rng: [integrate_and_fire(), sum_pool(3, 2, 1), conv(rng, 3, 2), leaky()],
    "padded pool and padded convolution": lambda rng: [
        integrate_and_fire(),
        sum_pool(2, 2, 1),
        conv(rng, 3, 2, padding=1),
        leaky(),
    ],
    "pool after a convolution": lambda rng: [conv(rng, 3, 2), avg_pool(), leaky()],
    "two pools": lambda rng: [sum_pool((1, 2), (1, 2)), avg_pool((2, 1), (2, 1)), conv(rng, 3, 2), leaky()],
    "pool and no weights": lambda rng: [integrate_and_fire(), sum_pool(), integrate_and_fire()],
    "pool with a high threshold": lambda rng: [integrate_and_fire(), sum_pool(), threshold(2)],
    "padded pool with a low threshold": lambda rng: [integrate_and_fire(), sum_pool(2, 2, 1), threshold(0.5)],
    "no weights at all": lambda rng: [integrate_and_fire(per_channel(1.5, 2.5))],
    "two convolutions": lambda rng: [conv(rng, 3, 2, stride=2), conv(rng, 2, 3, (2, 1), stride=(1, 2)), leaky()],
    "a pool, a convolution, dense": lambda rng: [
        sum_pool(3, 1, 1),
        conv(rng, 3, 2, stride=2, padding=1),
        flatten(),
        nir.Affine(whole(rng, 5, 27), whole(rng, 5)),
        leaky(),
    ],
    "pool whose rest is dropped, dense": lambda rng: [
        integrate_and_fire(),
        avg_pool(4, 4),
        flatten(),
        nir.Affine(whole(rng, 5, 2), whole(rng, 5)),
        integrate_and_fire(),
    ],
    "dense twice": lambda rng: [
        flatten(),
        nir.Affine(whole(rng, 4, 72), whole(rng, 4)),
        nir.Linear(whole(rng, 3, 4)),
        nir.Affine(whole(rng, 5, 3), whole(rng, 5)),
        leaky(),
    ],
    "neurons after the flattening": lambda rng: [
        conv(rng, 3, 2, (6, 5)),
        flatten(),
        integrate_and_fire(np.full(6, 1.5)),
        nir.Linear(whole(rng, 4, 6)),
        leaky(np.array([0.5, 1.5, 2.5, 3.5]), r=np.array([1.0, 2, 3, 4])),
    ],
    "scales around a convolution": lambda rng: [
        nir.Scale(per_channel(2, -0.5)),
        conv(rng, 3, 2, padding=1),
        nir.Scale(np.broadcast_to(per_channel(0.5, 1, -2), (3, 1, 1))),
        leaky(),
    ],
    "scales around dense": lambda rng: [
        nir.Scale(whole(rng, 2, 6, 6)),
        flatten(),
        nir.Linear(whole(rng, 4, 72)),
        nir.Scale(np.array([0.5, 1, -2, 0])),
        leaky(),
    ],
    "one scale for all": lambda rng: [nir.Scale(np.array(0.5)), conv(rng, 3, 2), nir.Scale(np.array([2.0])), leaky()],
    "leaky readout": lambda rng: [conv(rng, 3, 2), leaky(), flatten(), nir.Linear(whole(rng, 4, 48)), leaky_readout()],
    "readout": lambda rng: [conv(rng, 3, 2), nir.I(np.full((), 2.0))],
    "max-pool": lambda rng: [
        conv(rng, 3, 2),
        leaky(),
        sum_pool((2, 1), (2, 3)),
        threshold(0.5),
        conv(rng, 2, 3, (2, 1)),
        leaky(),
    ],
    "largest currents": lambda rng: [conv(rng, 3, 2), max_pool((2, 1), (1, 2)), leaky()],
    "largest currents, scaled": lambda rng: [
        conv(rng, 3, 2),
        avg_pool((1, 2), (1, 2)),
        max_pool(),
        nir.Scale(per_channel(0.5, 2, 1)),
        leaky(r=per_channel(1, 2, 4)),
    ],
    "largest of spikes": lambda rng: [conv(rng, 3, 2), leaky(), max_pool(), conv(rng, 2, 3, (2, 2)), leaky()],
    "max-pool of an average": lambda rng: [integrate_and_fire(), avg_pool(), threshold(0), conv(rng, 2, 2), leaky()],
}


def with_reset(neurons: nir.IF, value: float) -> nir.IF:
    neurons.v_reset = np.full(neurons.v_threshold.shape, value)
    return neurons


def leaky_readout() -> nir.LI:
    return nir.LI(tau=np.full(4, 2 * DT), r=np.full(4, 2.0), v_leak=np.array([0.0, 1.0, -1.0, 0.5]))


@pytest.mark.parametrize("name", CHAINS)
def test_steps_equal_those_of_the_graph(name: str, tmp_path: Path) -> None:
    seen: set[float] = set()
    for seed in range(3):
        rng = np.random.default_rng(seed)
        built = graph(*CHAINS[name](rng))
        network = read(write(tmp_path, built), DT)
        inputs = rng.integers(0, 3, (STEPS, 2, 6, 6)).astype(np.float64)
        expected = nir_oracle.simulate(built, inputs, DT)
        got = nir_oracle.simulate_trained(network, inputs)
        neurons = [
            node
            for node in built.nodes
            if isinstance(
                built.nodes[node], nir.IF | nir.LIF | nir.CubaLIF | nir.I | nir.LI | nir.CubaLI | nir.Threshold
            )
        ]
        layers = [layer for layer in network.layers if not layer.name.startswith("maxpool2d")]
        assert len(neurons) == len(layers)
        for node, layer in zip(neurons, layers, strict=True):
            np.testing.assert_array_equal(
                got[layer.name].ravel(), expected[node].ravel(), err_msg=f"{node}, seed {seed}"
            )
        seen |= set(got[network.layers[-1].name].flat)
    assert len(seen) > 1, "spikes and silence, or several scores: else the comparison says nothing"


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("max-pool", [FloatConv, MaxPool, FloatConv]),
        ("max-pool of an average", [FloatConv, MaxPool, FloatConv]),
        ("pool with a high threshold", [FloatConv, FloatConv]),
        ("padded pool with a low threshold", [FloatConv, FloatConv]),
        ("pool whose rest is dropped, dense", [FloatConv, FloatDense]),
    ],
)
def test_which_layers_there_are(name: str, kinds: list[type], tmp_path: Path) -> None:
    built = graph(*CHAINS[name](np.random.default_rng(0)))
    layers = read(write(tmp_path, built), DT).layers
    assert [type(layer.projection) if isinstance(layer, FloatPopulation) else type(layer) for layer in layers] == kinds


# Frameworks differ: what their files say, and what becomes of it


def test_a_membrane_at_the_threshold_does_not_fire(tmp_path: Path) -> None:
    built = graph(flatten(), nir.Linear(np.ones((1, 72))), leaky())
    neuron = read(write(tmp_path, built), DT).layers[0].neuron  # type: ignore[union-attr]
    assert isinstance(neuron, FloatNeuron)
    assert neuron.compare == "greater"


def test_a_file_as_snntorch_writes_it(tmp_path: Path) -> None:
    """beta 0.9 in single precision, tau = dt / (1 - beta), r = tau / dt, v_reset 0; a batch of one in the shapes."""
    beta = np.full(10, 0.9, np.float32)
    tau = (1e-4 / (1 - beta)).astype(np.float32)
    neurons = nir.LIF(tau, (tau / 1e-4).astype(np.float32), np.zeros(10), np.ones(10), np.zeros(10))
    weight = np.random.default_rng(0).normal(size=(10, 12)).astype(np.float32)
    built = graph(nir.Flatten({"input": None}, 0, -1), nir.Linear(weight), neurons, shape=(1, 12))
    network = read(write(tmp_path, built))
    (layer,) = network.layers
    assert isinstance(layer, FloatPopulation)
    assert network.input_shape == (1, 1, 12)
    assert layer.neuron.beta == pytest.approx(0.9, abs=1e-6)
    np.testing.assert_allclose(layer.projection.weight[:, 0, 0], weight, rtol=1e-6)
    assert any("--reset subtract" in remark for remark in network.remarks)


def test_time_constants_are_read_in_steps_of_dt(tmp_path: Path) -> None:
    path = write(tmp_path, graph(conv(np.random.default_rng(0), 3, 2), leaky(tau=1e-3)))
    fast, slow = (read(path, dt).layers[0].neuron.beta for dt in (1e-4, 5e-4))  # type: ignore[union-attr]
    assert (fast, slow) == (pytest.approx(0.9), pytest.approx(0.5))


@pytest.mark.parametrize("node", [nir.IF, nir.I])
def test_neurons_without_a_time_constant_do_not_depend_on_dt(node: type, tmp_path: Path) -> None:
    one = np.ones(())
    neurons = node(one, one, 0 * one) if node is nir.IF else node(one)
    path = write(tmp_path, graph(conv(np.random.default_rng(0), 3, 2), neurons))
    first, second = (read(path, dt).layers[0] for dt in (1e-4, 5e-4))
    np.testing.assert_array_equal(first.projection.weight, second.projection.weight)  # type: ignore[union-attr]


def test_r_of_one_over_dt_is_a_gain_of_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    built = graph(conv(rng, 3, 2), integrate_and_fire(1.5, r=1 / 1e-4))
    network = read(write(tmp_path, built))
    np.testing.assert_array_equal(network.layers[0].projection.weight, built.nodes["conv2d_0"].weight)  # type: ignore[union-attr]
    assert any("SpikingJelly" in remark for remark in network.remarks)


def test_a_flat_input_is_a_row_of_pixels(tmp_path: Path) -> None:
    network = read(write(tmp_path, graph(nir.Linear(np.ones((3, 7))), leaky(), shape=(7,))), DT)
    assert network.input_shape == (1, 1, 7)
    assert any("one row of 7 pixels" in remark for remark in network.remarks)


def test_one_row_reads_as_flat(tmp_path: Path) -> None:
    """A batch of one that a trace of flat data leaves behind looks like a row."""
    nodes = [nir.Linear(np.ones((3, 7))), leaky(), nir.Linear(np.ones((2, 3))), leaky()]
    network = read(write(tmp_path, graph(*nodes, shape=(1, 7))), DT)
    assert network.input_shape == (1, 1, 7)
    assert [layer.projection.weight.shape for layer in network.layers] == [(3, 1, 1, 7), (2, 3, 1, 1)]  # type: ignore[union-attr]


def test_a_batch_of_one_is_dropped(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    assert read(write(tmp_path, graph(conv(rng, 3, 2), leaky(), shape=(1, 2, 5, 6))), DT).input_shape == (2, 5, 6)


def test_a_nested_graph_is_flattened(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    first, second = CHAINS["convolution"](rng), [conv(rng, 2, 3), leaky()]
    inner = graph(*second, shape=(3, 4, 4))
    nested, plain = graph(*first, inner), graph(*first, *second)
    one, other = read(write(tmp_path, nested), DT), read(write(tmp_path, plain), DT)
    assert [layer.name for layer in one.layers] == ["conv2d_0", "nirgraph_2_conv2d_0"]
    for a, b in zip(one.layers, other.layers, strict=True):
        np.testing.assert_array_equal(a.projection.weight, b.projection.weight)  # type: ignore[union-attr]


def test_a_file_of_the_nir_library(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    library = nir.NIRGraph.from_list(
        nir.Input(np.array([2, 6, 6])), conv(rng, 3, 2, padding="same"), leaky(np.full((3, 6, 6), 2.5))
    )
    path = tmp_path / "library.nir"
    nir.write(path, library)
    network = read(path, DT)
    assert (network.name, [layer.name for layer in network.layers]) == ("library", ["conv2d"])


def test_layer_names(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    nodes = {
        "Input 1": nir.Input(np.array([2, 6, 6])),
        "0": conv(rng, 2, 2),
        "1": leaky(),
        "Features.Conv-2": conv(rng, 2, 2),
        "2": leaky(),
        "features conv 2": conv(rng, 2, 2, (1, 1)),
        "3": leaky(),
        "4": sum_pool(),
        "5": threshold(0.5),
        "6": flatten(),
        "encoder": nir.Linear(np.ones((3, 2))),
        "7": leaky(),
        "8": nir.Linear(np.ones((3, 3))),
        "9": leaky(),
        "a" * 50: nir.Scale(np.array(0.5)),
        "10": leaky(),
        "out": nir.Output(None),
    }
    names = list(nodes)
    built = nir.NIRGraph(nodes, list(pairwise(names)), type_check=False)
    network = read(write(tmp_path, built), DT)
    assert [layer.name for layer in network.layers] == [
        "conv1",
        "features_conv_2",
        "features_conv_2_2",
        "pool1",
        "encoder_2",
        "dense1",
        "a" * 28,
    ]
