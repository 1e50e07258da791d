"""NIR files that hwsnn writes: the same network comes back, and others see a plain NIR graph."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, get_args

import h5py
import nir
import numpy as np
import pytest
from click.testing import CliRunner

from hwsnn import spec
from hwsnn.cli import cli
from hwsnn.errors import InputError
from hwsnn.float_network import Compare, FloatConv, FloatIntegrator, FloatNetwork, FloatNeuron, FloatPopulation
from hwsnn.frontends.nir import writer
from hwsnn.frontends.nir.conventions import DEFAULT_DT
from hwsnn.frontends.nir.reader import read
from hwsnn.model_file import float_file, integer_file
from tests.frontends.nir import nir_oracle
from tests.support.layers import float_conv_layer, float_dense_layer
from tests.support.trained_networks import assert_same, random_trained

SEEDS = range(60)


def neuron(channels: int, beta: float = 0.9, reset: spec.Reset = "zero", threshold: float = 1.3) -> FloatNeuron:
    return FloatNeuron(np.full(channels, threshold), beta, "greater", reset)


def small(mode: spec.PoolMode = "winner", **options: Any) -> FloatNetwork:
    rng = np.random.default_rng(0)
    layers = (
        float_conv_layer("conv1", rng.normal(size=(3, 1, 3, 3)), rng.normal(size=3), neuron(3), padding=(1, 1)),
        spec.MaxPool("pool1", (2, 2), (2, 2), mode),
        float_dense_layer("dense1", rng.normal(size=(4, 3, 3, 3)), rng.normal(size=4), neuron(4, 0.5)),
        float_dense_layer("dense2", rng.normal(size=(2, 4, 1, 1)), rng.normal(size=2), FloatIntegrator(0.75)),
    )
    return FloatNetwork("small", (1, 6, 6), layers, **options)


def quantized(source: Path, output: Path, *options: str) -> spec.Network:
    result = CliRunner().invoke(cli, ["quantize", str(source), "-o", str(output), *options])
    assert result.exit_code == 0, result.stderr
    return integer_file.load(output)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_network_comes_back(seed: int, tmp_path: Path) -> None:
    network = random_trained(seed)
    path = tmp_path / "of another name.nir"
    writer.write(network, path)
    back = read(path)
    assert_same(back, network)
    forgetting = [
        layer.name
        for layer in network.layers
        if isinstance(layer, FloatPopulation) and (np.asarray(layer.neuron.beta) == 0).any()
    ]
    assert all(": no memory (beta 0)" in remark for remark in back.remarks), "all else is said, so nothing is guessed"
    assert [remark.rpartition("_")[0] for remark in (one.partition(":")[0] for one in back.remarks)] == forgetting


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_integer_model_as_from_safetensors(seed: int, tmp_path: Path) -> None:
    """Without any option."""
    network = random_trained(seed)
    writer.write(network, tmp_path / "one.nir")
    float_file.save(network, tmp_path / "other.safetensors")
    one = quantized(tmp_path / "one.nir", tmp_path / "from_nir.safetensors")
    other = quantized(tmp_path / "other.safetensors", tmp_path / "from_floats.safetensors")
    assert integer_file.model_hash(one) == integer_file.model_hash(other)
    assert (one.timesteps, one.encoder.kind, one.name) == (network.timesteps, network.encoding, network.name)


def test_the_random_networks_have_everything() -> None:
    networks = [random_trained(seed) for seed in SEEDS]
    layers = [layer for network in networks for layer in network.layers]
    neurons = [layer.neuron for layer in layers if isinstance(layer, FloatPopulation)]
    firing = [one for one in neurons if isinstance(one, FloatNeuron)]
    populations = [layer for layer in layers if isinstance(layer, FloatPopulation)]
    convs = [layer.projection for layer in populations if isinstance(layer.projection, FloatConv)]
    assert {conv.groups for conv in convs} >= {1, 2, 3}
    assert {layer.mode for layer in layers if isinstance(layer, spec.MaxPool)} == {"or", "winner"}
    assert {one.beta for one in firing if isinstance(one.beta, float)} >= {0.0, 0.5, 0.75, 0.9, 1.0, 0.1}
    for kind in (FloatNeuron, FloatIntegrator):
        decays = [one for one in neurons if isinstance(one, kind)]
        assert {type(one.beta) for one in decays} == {float, np.ndarray}
        assert {type(one.alpha) for one in decays} == {float, np.ndarray, type(None)}
        assert {one.initial is None for one in decays} == {one.floor is None for one in decays} == {False, True}
    assert {(one.compare, one.reset) for one in firing} == set(product(get_args(Compare), get_args(spec.Reset)))
    assert {one.spikes > 1 for one in firing} == {one.once for one in firing} == {False, True}
    assert {layer.pool is None for layer in populations} == {False, True}
    assert {network.encoding for network in networks} == set(get_args(spec.EncoderKind))
    assert {network.readout for network in networks} == {None, *get_args(spec.Readout)}
    for name in ("mean", "std", "input_scale"):
        assert {getattr(network, name) is None for network in networks} == {False, True}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_nir_package_reads_a_valid_graph(seed: int, tmp_path: Path) -> None:
    network = random_trained(seed)
    writer.write(network, tmp_path / "net.nir")
    if any(isinstance(layer, FloatPopulation) and layer.pool is not None for layer in network.layers):
        with pytest.raises(AssertionError):  # its way to refuse a type that it does not know
            nir.read(tmp_path / "net.nir", type_check=False)
        return
    grouped = any(
        isinstance(layer, FloatPopulation) and getattr(layer.projection, "groups", 1) > 1 for layer in network.layers
    )
    # With its check of types and shapes, unless there are groups: it takes the channels of one for all.
    graph = nir.read(tmp_path / "net.nir", type_check=not grouped)
    conv = graph.nodes["conv1"]
    assert conv.weight.dtype == np.float64
    np.testing.assert_array_equal(conv.weight, network.layers[0].projection.weight)  # type: ignore[union-attr]


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.75, 1.0])
def test_others_see_the_same_spikes(beta: float, tmp_path: Path) -> None:
    """What NIR can say, it says by its own equations; small whole numbers make them exact."""
    rng = np.random.default_rng(0)

    def whole(*shape: int) -> Any:
        return rng.integers(-3, 4, shape).astype(np.float64)

    layers = (
        float_conv_layer("conv1", whole(3, 1, 2, 2), whole(3), neuron(3, beta), stride=(1, 2), padding=(1, 0)),
        spec.MaxPool("pool1", (2, 2), (1, 1), "or"),
        float_dense_layer("dense1", whole(4, 3, 6, 2), whole(4), neuron(4, beta)),
        float_dense_layer("dense2", whole(2, 4, 1, 1), whole(2), FloatIntegrator(beta)),
    )
    network = FloatNetwork("plain", (1, 6, 6), layers)
    writer.write(network, tmp_path / "net.nir")
    graph = nir.read(tmp_path / "net.nir")
    graph = nir.NIRGraph(graph.nodes, list(_in_order(graph.edges)), type_check=False)
    inputs = rng.integers(0, 3, (6, 1, 6, 6)).astype(np.float64)
    expected = nir_oracle.simulate_trained(network, inputs)
    found = nir_oracle.simulate(graph, inputs, DEFAULT_DT)
    firing = "LIF" if beta < 1 else "IF"
    for name, node in [("conv1", firing), ("pool1", "Threshold"), ("dense1", firing)]:
        np.testing.assert_array_equal(found[f"{name}_{node}"].ravel(), expected[name].ravel())
        assert 0 < expected[name].mean() < 1
    last = found["dense2_LI" if beta < 1 else "dense2_I"]
    np.testing.assert_allclose(last.ravel(), expected["dense2"].ravel(), rtol=1e-12, atol=1e-12)


def _in_order(edges: list[tuple[str, str]]) -> Any:
    following, at = dict(edges), "input"
    while at in following:
        yield at, following[at]
        at = following[at]


def test_a_winner_is_an_or_to_others(tmp_path: Path) -> None:
    writer.write(small("winner"), tmp_path / "net.nir")
    graph = nir.read(tmp_path / "net.nir")
    assert isinstance(graph.nodes["pool1"], nir.SumPool2d)
    threshold = graph.nodes["pool1_Threshold"]
    assert (threshold.threshold == 0.5).all()
    assert threshold.metadata == {"hwsnn_pool": "winner"}
    assert dict(graph.edges)["pool1"] == "pool1_Threshold"


def test_windows_that_are_not_square(tmp_path: Path) -> None:
    """The nir package opens them, but for its type check, which takes windows for square."""
    rng = np.random.default_rng(0)
    conv = float_conv_layer("conv", rng.normal(size=(2, 1, 2, 3)), np.zeros(2), neuron(2), padding=(1, 0))
    dense = float_dense_layer("dense", rng.normal(size=(3, 2, 7, 6)), np.zeros(3), FloatIntegrator(0.5))
    network = FloatNetwork("net", (1, 6, 8), (conv, dense))
    writer.write(network, tmp_path / "net.nir")
    assert_same(read(tmp_path / "net.nir"), network)
    assert nir.read(tmp_path / "net.nir", type_check=False).nodes["conv"].weight.shape == (2, 1, 2, 3)


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    written = set()
    for _ in range(2):
        writer.write(small(), tmp_path / "net.nir")
        written.add((tmp_path / "net.nir").read_bytes())
        time.sleep(1.1)  # were there a time of writing in the file, it would differ
    assert len(written) == 1


def test_nothing_known_is_nothing_said(tmp_path: Path) -> None:
    writer.write(small(), tmp_path / "net.nir")
    assert nir.read(tmp_path / "net.nir").nodes["input"].metadata == {"hwsnn_name": "small"}
    back = read(tmp_path / "net.nir")
    assert (back.timesteps, back.encoding) == (None, None)


def test_options_win(tmp_path: Path) -> None:
    writer.write(small(timesteps=6, encoding="latency"), tmp_path / "net.nir")
    as_said = quantized(tmp_path / "net.nir", tmp_path / "m")
    assert (as_said.timesteps, as_said.encoder.kind) == (6, "latency")
    options = ["--timesteps", "3", "--encoding", "uniform", "--reset", "subtract", "--dt", "5e-5"]
    other = quantized(tmp_path / "net.nir", tmp_path / "m", *options)
    assert (other.timesteps, other.encoder.kind) == (3, "uniform")
    neurons = [layer.neuron for _, layer in other.populations()]
    assert [one.reset for one in neurons if isinstance(one, spec.Neuron)] == ["subtract"] * 2
    assert neurons[1].leak == spec.ShiftLeak(2), "half as long a step: beta 0.75 in place of 0.5"


def test_other_time_constants_than_the_metadata_has(tmp_path: Path) -> None:
    writer.write(small(), tmp_path / "net.nir")
    with h5py.File(tmp_path / "net.nir", "r+") as file:
        file["node/nodes/dense1_LIF/tau"][...] = 4 * DEFAULT_DT
    network = read(tmp_path / "net.nir")
    assert network.layers[2].neuron.beta == 0.75  # type: ignore[union-attr]
    assert network.remarks == ("dense1_LIF: beta 0.75 by its time constant, not 0.5 as its metadata says",)


def test_a_flat_output_is_no_image(tmp_path: Path) -> None:
    dense, last = small().layers[2:]
    image = float_conv_layer("back", np.ones((4, 4, 3, 3)), np.ones(4), neuron(4), padding=(1, 1))
    network = FloatNetwork("net", (3, 3, 3), (dense, image, last))
    with pytest.raises(InputError, match="layer 'back': takes an image, and NIR has no node that makes one"):
        writer.write(network, tmp_path / "net.nir")
    assert list(tmp_path.iterdir()) == []


def test_invalid_network(tmp_path: Path) -> None:
    for wrong, message in [
        (replace(small(), layers=()), "at least one layer"),
        (replace(small(), name="a/b"), "network name must be"),
        (replace(small(), input_shape=(1, 7, 9)), "layer 'dense1' must take the shape"),
    ]:
        with pytest.raises(ValueError, match=message):
            writer.write(wrong, tmp_path / "net.nir")
    with pytest.raises(InputError, match="no such folder"):
        writer.write(small(), tmp_path / "none" / "net.nir")
    assert list(tmp_path.iterdir()) == []


def said(node: str, key: str, value: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        metadata = file[f"node/nodes/{node}"].require_group("metadata")
        metadata.pop(f"hwsnn_{key}", None)
        metadata[f"hwsnn_{key}"] = value

    return change


WRONG: list[tuple[Callable[[h5py.File], None], str]] = [
    (said("input", "timesteps", 0), "'hwsnn_timesteps' must be a number from 1 to 256"),
    (said("input", "timesteps", 257), "'hwsnn_timesteps' must be a number from 1 to 256"),
    (said("input", "timesteps", 2.5), "'hwsnn_timesteps' must be a whole number, not 2.5"),
    (said("input", "timesteps", np.nan), "'hwsnn_timesteps' must be a number from 1 to 256"),
    (said("input", "timesteps", [1, 2]), "'hwsnn_timesteps' must be a number from 1 to 256"),
    (said("input", "timesteps", "4"), "'hwsnn_timesteps' must be a number from 1 to 256"),
    (said("input", "timesteps", np.zeros(0)), "'hwsnn_timesteps' must not be empty"),
    (
        said("input", "encoding", "rate"),
        "'hwsnn_encoding' must be one of direct, uniform, poisson, latency, steps, not 'rate'",
    ),
    (said("input", "encoding", 3), "'hwsnn_encoding' must be a text, not numbers"),
    (said("input", "name", 3.0), "'hwsnn_name' must be a text"),
    (said("input", "colour", "red"), "'hwsnn_colour' is not known here: made by another version of hwsnn"),
    (said("conv1", "reset", "zero"), "'hwsnn_reset' is not known here"),
    (
        said("conv1_LIF", "reset", "soft\n\x1b[2J"),
        "'hwsnn_reset' must be one of subtract, zero, none, late-subtract, late-zero, undelayed-subtract, not 'soft",
    ),
    (said("conv1_LIF", "compare", "less"), "'hwsnn_compare' must be one of greater, greater_equal, not 'less'"),
    (said("conv1_LIF", "beta", 1.5), "'hwsnn_beta' must be a number from 0.0 to 1.0"),
    (said("conv1_LIF", "beta", "most"), "'hwsnn_beta' must be a number from 0.0 to 1.0"),
    (said("conv1_LIF", "beta", [0.5, 0.5]), "'hwsnn_beta' must be 3 numbers, one per channel"),
    (said("conv1_LIF", "beta", [0.5, 0.5, 1.5]), "'hwsnn_beta' must be finite numbers from 0.0 to 1.0"),
    (said("conv1_LIF", "alpha", 0.5), "'hwsnn_alpha' is not known here"),
    (said("conv1_LIF", "reset", "late-zero"), "its metadata do not agree: reset 'late-zero' must go with a synaptic"),
    (said("conv1_LIF", "spikes", 16), "'hwsnn_spikes' must be a number from 1 to 15"),
    (said("conv1_LIF", "spikes", 1.5), "'hwsnn_spikes' must be a whole number, not 1.5"),
    (said("conv1_LIF", "once", 2), "'hwsnn_once' must be a number from 0 to 1"),
    (said("conv1_LIF", "initial", [0.0, np.nan, 0.0]), "'hwsnn_initial' must be finite numbers"),
    (said("conv1_LIF", "floor", 0.0), "'hwsnn_floor' must be 3 numbers, one per channel"),
    (said("conv1_LIF", "floor", [0.0, 0.1, 0.0]), "'hwsnn_floor' must be at most where membranes rest"),
    (said("dense2_LI", "once", 1), "'hwsnn_once' is not known here"),
    (said("input", "readout", "vote"), "'hwsnn_readout' must be one of count, first, membrane, sum, max, not 'vote'"),
    (said("input", "mean", [0.5, 0.5]), "'hwsnn_mean' must be 1 numbers, one per channel"),
    (said("input", "std", [0.0]), "'hwsnn_std' must be finite numbers from 5e-324 to inf"),
    (said("input", "input_scale", -1.0), "'hwsnn_input_scale' must be a number from 5e-324"),
    (said("pool1_Threshold", "pool", "average"), "'hwsnn_pool' must be one of or, winner, not 'average'"),
    (said("pool1_Threshold", "pool", np.zeros((9000, 9000), bool)), "too large"),
]


@pytest.mark.parametrize(("change", "message"), WRONG, ids=[message for _, message in WRONG])
def test_metadata_is_untrusted(change: Callable[[h5py.File], None], message: str, tmp_path: Path) -> None:
    path = tmp_path / "net.nir"
    writer.write(small(), path)
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(InputError) as caught:
        read(path)
    text = str(caught.value)
    assert message in text
    assert text.startswith(f"{path}: node ")
    assert "\n" not in text
    assert len(text) < len(str(path)) + 300


def test_a_pool_mode_where_there_is_no_pool(tmp_path: Path) -> None:
    path = tmp_path / "net.nir"
    writer.write(small(), path)
    with h5py.File(path, "r+") as file:
        file["node/nodes/pool1_Threshold/threshold"][...] = 1.5
    with pytest.raises(InputError, match=r"'pool1_Threshold' .*'hwsnn_pool' is for a threshold that any spike"):
        read(path)


def test_what_others_put_into_metadata_is_theirs(tmp_path: Path) -> None:
    path = tmp_path / "net.nir"
    writer.write(small(), path)
    with h5py.File(path, "r+") as file:
        metadata = file["node/nodes/conv1_LIF/metadata"]
        metadata["reset"] = np.zeros(0)
        metadata["more"] = h5py.SoftLink("/nowhere")
        file["node/nodes/conv1/metadata"] = 3
    assert_same(read(path), small())
