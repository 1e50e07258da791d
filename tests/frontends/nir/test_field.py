"""NIR as other tools write it: shapes with a batch, infinite and vanishing time constants, names of nodes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest

from hwsnn.float_network import FloatNeuron, FloatPopulation
from hwsnn.frontends.nir.reader import read
from hwsnn.quantization.quantize import quantize
from hwsnn.spec import MaxPool
from tests.frontends.nir import nir_oracle
from tests.frontends.nir.nir_graphs import (
    DT,
    Array,
    conv,
    flatten,
    graph,
    integrate_and_fire,
    leaky,
    refused,
    threshold,
    whole,
    write,
)

KINDS = ("IF", "LIF", "CubaLIF", "I", "LI", "Threshold", "Scale")


def spikes(path: Path, inputs: Array, dt: float = DT) -> list[Array]:
    """What every layer of the network in ``path`` gives at every step."""
    network = read(path, dt)
    found = nir_oracle.simulate_trained(network, inputs)
    return [found[layer.name].reshape(len(inputs), -1) for layer in network.layers]


def only_layer(path: Path, dt: float = DT) -> Any:
    (layer,) = read(path, dt).layers
    assert not isinstance(layer, MaxPool)
    return layer


def inputs(*shape: int) -> Array:
    return np.random.default_rng(1).integers(0, 3, (5, *shape)).astype(np.float64)


# Leading dimensions of 1


def with_leading_ones(path: Path, count: int) -> None:
    """Every parameter of neurons and scales in the file, scalars too, with so many more dimensions of 1 in front."""
    with h5py.File(path, "r+") as file:
        for group in file["node/nodes"].values():
            if group["type"].asstr()[()] in KINDS:
                for key in [key for key in group if key not in ("type", "metadata")]:
                    value = group[key][()]
                    del group[key]
                    group[key] = np.asarray(value).reshape((1,) * count + np.shape(value))


CHAINS: dict[str, Any] = {
    "an element each": lambda rng: [
        conv(rng, 3, 2),
        leaky(np.full((3, 4, 4), 2.5), r=np.full((3, 4, 4), 2.0)),
        flatten(),
        nir.Linear(whole(rng, 4, 48)),
        leaky(np.array([0.5, 1.5, 2.5, 3.5]), r=np.array([1.0, 2, 3, 4])),
    ],
    "a channel each": lambda rng: [
        nir.Scale(np.array([2.0, -0.5])),
        conv(rng, 3, 2),
        integrate_and_fire(np.array([1.5, 2.5, 3.5])[:, None, None]),
        conv(rng, 2, 3),
        threshold(np.array([0.5, 2.5])),
    ],
    "a layer each": lambda rng: [
        conv(rng, 3, 2),
        leaky(),
        flatten(),
        nir.Linear(whole(rng, 4, 48)),
        nir.LI(tau=np.full((), 2 * DT), r=np.full((), 2.0), v_leak=np.full((), 0.5)),
    ],
    "a current without memory": lambda rng: [
        conv(rng, 3, 2),
        nir.CubaLIF(*(np.full((3, 4, 4), value) for value in (DT, 4 * DT, 2.0, 0.5, 1.5, 0.0, 2.0))),
    ],
    "an integrator": lambda rng: [flatten(), nir.Linear(whole(rng, 4, 72)), nir.I(np.array([1.0, 2, 3, 4]))],
}


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("name", CHAINS)
def test_leading_dimensions_of_one_are_dropped(name: str, count: int, tmp_path: Path) -> None:
    path = write(tmp_path, graph(*CHAINS[name](np.random.default_rng(0))))
    expected = spikes(path, inputs(2, 6, 6))
    with_leading_ones(path, count)
    found = spikes(path, inputs(2, 6, 6))
    assert any(layer.any() for layer in expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_row_of_neurons_over_a_row_of_pixels(tmp_path: Path) -> None:
    """Without weights before them; a batch of one stands before both shapes."""
    neurons = integrate_and_fire(np.full((1, 7), 2.5))
    path = write(tmp_path, graph(neurons, flatten(), nir.Linear(np.ones((2, 7))), leaky(), shape=(1, 7)))
    assert read(path, DT).layers[0].projection.weight.shape == (1, 1, 1, 1)  # type: ignore[union-attr]


def test_a_dimension_that_is_not_leading_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path, graph(conv(np.random.default_rng(0), 3, 2), integrate_and_fire(np.ones((4, 1, 3)))))
    refused(path, r"'r' has shape \(4, 1, 3\), but the layer gets an image of 3x4x4; write one value")


# Infinite time constants


def infinite(kind: str, tau: Any, r: Any) -> Any:
    values = (tau, r, 0.0, 2.5, 1.0, DT)
    arrays = [np.array(array) for array in np.broadcast_arrays(*(np.asarray(value, float) for value in values))]
    tau, r, zero, limit, one, step = arrays
    if kind == "LI":
        return nir.LI(tau=tau, r=r, v_leak=zero)
    if kind == "LIF":
        return nir.LIF(tau=tau, r=r, v_leak=zero, v_threshold=limit, v_reset=zero)
    return nir.CubaLIF(tau_syn=step, tau_mem=tau, r=r, v_leak=zero, v_threshold=limit, v_reset=zero, w_in=one)


def three(neurons: Any) -> nir.NIRGraph:
    return graph(flatten(), nir.Linear(whole(np.random.default_rng(0), 3, 72)), neurons)


@pytest.mark.parametrize("kind", ["LIF", "LI", "CubaLIF"])
@pytest.mark.parametrize("shape", [(), (3,), (1, 3)])
def test_infinite_tau_and_r_add_the_input(kind: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    """As snnTorch writes beta = 1: tau = dt / (1 - beta) and r = tau / dt."""
    path = write(tmp_path, three(infinite(kind, np.full(shape, np.inf), np.full(shape, np.inf))))
    found = spikes(path, inputs(2, 6, 6))
    assert only_layer(path).neuron.beta == 1.0
    one = np.ones(())
    plain = nir.I(one) if kind == "LI" else integrate_and_fire()
    (expected,) = spikes(write(tmp_path, three(plain)), inputs(2, 6, 6))
    assert len(np.unique(expected)) > 1
    np.testing.assert_array_equal(found[0], expected)


INF = np.inf


@pytest.mark.parametrize(
    ("tau", "r", "pattern"),
    [
        (
            INF,
            1.0,
            r"'tau(_mem)?' is infinite and 'r' is not, so no input would reach it; make both infinite",
        ),
        (INF, [INF, INF, 1.0], r"'tau(_mem)?' is infinite and 'r' is not"),
        (INF, -INF, r"'tau(_mem)?' is infinite and 'r' is not"),
        ([INF, INF, 2 * DT], INF, r"'r' is infinite and 'tau(_mem)?' is not; make both infinite"),
        (2 * DT, INF, r"'r' is infinite and 'tau(_mem)?' is not; make both infinite"),
        (2 * DT, [1.0, INF, 1.0], r"'r' is infinite and 'tau(_mem)?' is not"),
        (-INF, INF, r"'tau(_mem)?' must be positive, not -inf"),
        (np.nan, INF, r"'tau(_mem)?' must be numbers, not NaN"),
        (INF, np.nan, r"'r' must be numbers, not NaN"),
    ],
)
@pytest.mark.parametrize("kind", ["LIF", "LI", "CubaLIF"])
def test_one_infinity_without_the_other(kind: str, tau: Any, r: Any, pattern: str, tmp_path: Path) -> None:
    refused(write(tmp_path, three(infinite(kind, tau, r))), rf"node '{kind.lower()}_2' \({kind}\): {pattern}")


@pytest.mark.parametrize("kind", ["LIF", "LI", "CubaLIF"])
def test_some_channels_may_be_without_a_leak(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path, three(infinite(kind, [INF, 2 * DT, 4 * DT], [INF, 2.0, 4.0])))
    layer = only_layer(path)
    np.testing.assert_array_equal(layer.neuron.beta, [1.0, 0.5, 0.75])
    np.testing.assert_array_equal(
        layer.projection.weight, only_layer(write(tmp_path, three(infinite(kind, INF, INF)))).projection.weight
    )


# Synapses


def current(tau_syn: Any, w_in: Any = 2.0) -> nir.CubaLIF:
    one = np.ones(3)
    return nir.CubaLIF(
        tau_syn=tau_syn * one, tau_mem=4 * DT * one, r=2 * one, v_leak=0 * one, v_threshold=1.5 * one, w_in=w_in * one
    )


@pytest.mark.parametrize(
    ("tau_syn", "value"), [(0.0, "0"), (DT, "dt"), (np.array([0.0, DT, DT * (1 + 1e-7)]), "0 or dt")]
)
def test_a_synapse_without_memory(tau_syn: Any, value: str, tmp_path: Path) -> None:
    """The current is w_in times the input at once: a LIF whose r is r w_in."""
    path = write(tmp_path, three(current(tau_syn)))
    (found,) = spikes(path, inputs(2, 6, 6))
    assert f"cubalif_2: tau_syn is {value}, so the synaptic current has no memory" in " ".join(read(path, DT).remarks)
    (expected,) = spikes(write(tmp_path, three(leaky(1.5, tau=4 * DT, r=4.0))), inputs(2, 6, 6))
    assert 0 < expected.mean() < 1
    np.testing.assert_array_equal(found, expected)


def test_synapses_with_memory_in_some_channels(tmp_path: Path) -> None:
    """Decays of 0, 0.5 and 1, and gains of w_in dt / tau_syn, but for the last, where both are infinite."""
    network = read(write(tmp_path, three(current(np.array([0.0, 2 * DT, np.inf]), np.array([2.0, 2.0, np.inf])))), DT)
    (layer,) = network.layers
    assert isinstance(layer, FloatPopulation)
    np.testing.assert_array_equal(layer.neuron.alpha, [0.0, 0.5, 1.0])
    weight = whole(np.random.default_rng(0), 3, 72).reshape(3, 2, 6, 6)
    np.testing.assert_array_equal(
        layer.projection.weight, weight * (np.array([2.0, 1.0, 1.0]) / 2)[:, None, None, None]
    )
    assert any("whose new value reaches the membrane in the same step" in remark for remark in network.remarks)


@pytest.mark.parametrize(
    ("tau_syn", "pattern"),
    [
        (np.inf, r"'tau_syn' is infinite and 'w_in' is not, so no input would reach it; make both infinite"),
        (np.array([0.0, DT, DT / 2]), r"is longer than 'tau_syn' of 0.000488281 s; give the step of training as --dt"),
        (-1.0, r"'tau_syn' must be 0 or positive, not -1.0"),
        (np.nan, r"'tau_syn' must be numbers, not NaN"),
    ],
)
def test_a_synapse_that_cannot_be_built(tau_syn: Any, pattern: str, tmp_path: Path) -> None:
    refused(write(tmp_path, three(current(tau_syn))), rf"node 'cubalif_2' \(CubaLIF\): .*{pattern}")


# Steps, and neurons that lose their memory


def norse(tmp_path: Path) -> Path:
    """As Norse 1.1 writes a membrane of 10 ms in steps of 1 ms: tau = dt / tau_mem_inv."""
    return write(tmp_path, three(leaky(1.0, tau=float(np.float32(0.001 / 100)))))


def test_time_constants_of_norse(tmp_path: Path) -> None:
    path = norse(tmp_path)
    refused(path, r"a step of 0.001 s is longer than 'tau' of 1e-05 s; .*Norse 1\.1: .*--dt 1e-6 for 0\.001", dt=1e-3)
    assert only_layer(path, 1e-6).neuron.beta == pytest.approx(0.9)
    assert not any("no memory" in remark for remark in read(path, 1e-6).remarks)


@pytest.mark.parametrize(
    "neurons",
    [leaky(1.0, tau=DT), nir.LI(tau=np.full(3, DT), r=np.ones(3), v_leak=np.zeros(3)), infinite("CubaLIF", DT, 1.0)],
    ids=["LIF", "LI", "CubaLIF"],
)
def test_neurons_without_memory_are_a_remark(neurons: Any, tmp_path: Path) -> None:
    network = read(write(tmp_path, three(neurons)), DT)
    name = f"{type(neurons).__name__.lower()}_2"
    (remark,) = [remark for remark in network.remarks if "(beta 0)" in remark]
    assert remark.startswith(f"{name}: no memory (beta 0), as 'tau")
    assert remark.endswith("give the step of training as --dt")


@pytest.mark.parametrize("said", [0.0, 1e-9])
def test_neurons_whose_metadata_say_that_they_have_no_memory_are_a_remark(said: float, tmp_path: Path) -> None:
    """So little a beta is built as none; the quantizer says so."""
    neurons = leaky(1.0, tau=DT)
    neurons.metadata = {"hwsnn_beta": said}
    network = read(write(tmp_path, three(neurons)), DT)
    _, report = quantize(network, timesteps=2, encoding="direct", bits=8)
    (remark,) = [remark for remark in report.remarks if "lif_2: no memory" in remark or "is built as 0" in remark]
    assert remark.startswith("lif_2: no memory (beta 0), as 'tau' is one step") == (said == 0)


@pytest.mark.parametrize("said", [None, 0.5])
def test_neurons_with_memory_are_no_remark(said: float | None, tmp_path: Path) -> None:
    neurons = leaky(1.0, tau=2 * DT)
    neurons.metadata = {} if said is None else {"hwsnn_beta": said}
    assert not any("no memory" in remark for remark in read(write(tmp_path, three(neurons)), DT).remarks)


def test_thresholds_are_meant_to_have_no_memory(tmp_path: Path) -> None:
    assert not any("memory" in remark for remark in read(write(tmp_path, three(threshold(3))), DT).remarks)


# Names


def named(nodes: dict[str, Any], edges: list[tuple[str, str]] | None = None) -> nir.NIRGraph:
    return nir.NIRGraph(nodes, list(pairwise(nodes)) if edges is None else edges, type_check=False)


def slashed(names: list[str]) -> nir.NIRGraph:
    rng = np.random.default_rng(0)
    first, second, third, fourth = names
    return named(
        {
            "in": nir.Input(np.array([6])),
            first: nir.Linear(whole(rng, 4, 6)),
            second: leaky(),
            third: nir.Linear(whole(rng, 3, 4)),
            fourth: leaky(),
            "out": nir.Output(None),
        }
    )


@pytest.mark.parametrize(
    ("names", "layers"),
    [
        (["blk/fc", "blk/if", "blk/fc2", "blk/if2"], ["blk_fc", "blk_fc2"]),
        (["a/b/c/fc", "a/b/if", "a/fc", "if"], ["a_b_c_fc", "a_fc"]),
        (["blk", "blk/if", "blk/if/fc", "blk/x/if"], ["blk", "blk_if_fc"]),
        (["a/nodes", "a/metadata", "a/type", "a/edges"], ["a_nodes", "a_type"]),
    ],
)
def test_a_slash_in_the_name_of_a_node(names: list[str], layers: list[str], tmp_path: Path) -> None:
    """HDF5 makes groups within groups of it, some of which are nodes as well."""
    expected = spikes(write(tmp_path, slashed(["1", "2", "3", "4"])), inputs(1, 1, 6))
    path = write(tmp_path, slashed(names))
    assert [layer.name for layer in read(path, DT).layers] == layers
    for one, other in zip(spikes(path, inputs(1, 1, 6)), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_slash_in_a_nested_graph(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        named({"in": nir.Input(np.array([6])), "a/b": slashed(["x/1", "x/2", "y", "y/2"]), "out": nir.Output(None)}),
    )
    assert [layer.name for layer in read(path, DT).layers] == ["a_b_x_1", "a_b_y"]


def test_a_group_that_leads_to_no_node(tmp_path: Path) -> None:
    path = write(tmp_path, slashed(["blk/fc", "blk/if", "fc", "if"]))
    with h5py.File(path, "r+") as file:
        file["node/nodes/blk"].create_group("empty")
    refused(path, r"node 'blk/empty': has no type; write the file with nir.write")
    with h5py.File(path, "r+") as file:
        del file["node/nodes/blk/empty"]
        file["node/nodes/blk/weight"] = 1.0
    refused(path, r"node 'blk': has no type; write the file with nir.write")


def recorded(tmp_path: Path, edges: list[tuple[str, str]], within: bool = False) -> Path:
    nodes = {"input": nir.Input(np.array([3])), "lif1": leaky(), "lif2": leaky(), "output": nir.Output(None)}
    built = named(nodes, edges)
    if within:
        built = named({"in": nir.Input(np.array([3])), "block": built, "out": nir.Output(None)})
    return write(tmp_path, built)


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize(
    ("edges", "old", "new"),
    [
        ([("input", "lif"), ("lif", "lif2"), ("lif2", "output")], "lif", "lif1"),
        ([("in", "lif1"), ("lif1", "lif2"), ("lif2", "output")], "in", "input"),
        ([("input", "lif1"), ("lif1", "lif2"), ("lif2", "out")], "out", "output"),
    ],
)
def test_a_name_that_older_exporters_changed(
    edges: list[tuple[str, str]], old: str, new: str, within: bool, tmp_path: Path
) -> None:
    network = read(recorded(tmp_path, edges, within), DT)
    assert len(network.layers) == 2
    place = "block." if within else ""
    assert any(
        remark.startswith(f"{place}{new}: the edges call this node '{place}{old}'") for remark in network.remarks
    )


@pytest.mark.parametrize(
    ("edges", "pattern"),
    [
        ([("input", "x"), ("x", "y"), ("y", "output")], r"node 'x': an edge leads there, but there is no such node"),
        ([("input", "x"), ("x", "output")], r"node 'x': an edge leads there"),
        ([("input", "lif1"), ("lif1", "lif2"), ("lif2", "x"), ("x", "output")], r"node 'x': an edge leads there"),
        ([("input", "lif1"), ("lif1", "output")], r"node 'lif2': must be on a path from the input"),
        ([("input", "x"), ("x", "lif2"), ("lif2", "x"), ("x", "output")], r"node 'lif[12]': is in a loop"),
    ],
)
def test_names_that_could_be_any(edges: list[tuple[str, str]], pattern: str, tmp_path: Path) -> None:
    refused(recorded(tmp_path, edges), pattern)


def test_what_the_file_leaves_open_is_a_remark(tmp_path: Path) -> None:
    remarks = read(write(tmp_path, three(leaky())), DT).remarks
    assert any("--reset subtract" in remark for remark in remarks)
    assert any("--compare greater_equal" in remark for remark in remarks)
    neuron = only_layer(write(tmp_path, three(leaky()))).neuron
    assert isinstance(neuron, FloatNeuron)
    assert (neuron.compare, neuron.reset) == ("greater", "zero")
