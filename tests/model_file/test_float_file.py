"""Files of trained networks: what is written comes back to the last bit, and nothing else is taken for one."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save as to_bytes

from hwsnn.errors import InputError
from hwsnn.float_network import FloatIntegrator, FloatNetwork, FloatPopulation
from hwsnn.model_file import integer_file
from hwsnn.model_file.float_file import describe, load, restore, save
from tests.model_file.changes import Graph, Tensors, drop, put, retyped, set_to, without
from tests.model_file.small_networks import FLOATS, floats
from tests.support.layers import float_dense_layer
from tests.support.random_float_graphs import random_float_graph
from tests.support.random_networks import random_network
from tests.support.trained_networks import assert_same, random_trained


@pytest.mark.parametrize("network_of", [random_trained, random_float_graph])
@pytest.mark.parametrize("seed", range(40))
def test_round_trip(network_of: Callable[[int], FloatNetwork], seed: int, tmp_path: Path) -> None:
    before = network_of(seed)
    save(before, tmp_path / "net")
    after = load(tmp_path / "net")
    assert_same(after, before)
    assert after.remarks == before.remarks


def test_what_is_restored_is_what_was_built() -> None:
    before, after = floats(), restore(*describe(floats()))
    assert_same(after, before)
    assert after.remarks == before.remarks


def test_nothing_known_stays_unknown(tmp_path: Path) -> None:
    save(
        replace(floats(), timesteps=None, encoding=None, readout=None, mean=None, input_scale=None, remarks=()),
        tmp_path / "net",
    )
    after = load(tmp_path / "net")
    assert (after.timesteps, after.encoding, after.readout, after.remarks) == (None, None, None, ())
    assert (after.mean, after.std, after.input_scale) == (None, None, None)


def test_the_same_network_gives_the_same_file(tmp_path: Path) -> None:
    written = set()
    for order in ("C", "F") * 5:
        conv, *others = floats().layers
        assert isinstance(conv, FloatPopulation)
        weight = np.array(conv.projection.weight, order=order)  # type: ignore[call-overload]
        conv = replace(conv, projections=(replace(conv.projection, weight=weight),))
        save(replace(floats(), layers=(conv, *others)), tmp_path / "net")
        written.add((tmp_path / "net").read_bytes())
    assert len(written) == 1


def test_what_lies_in_the_file(tmp_path: Path) -> None:
    """So that others can read it, and so that a change of the format does not go unnoticed."""
    save(floats(), tmp_path / "net")
    with safe_open(tmp_path / "net", framework="numpy") as file:
        metadata = file.metadata()
        assert set(file.keys()) == {
            "conv.0.weight",
            "conv.bias",
            "conv.threshold",
            "conv.beta",
            "conv.floor",
            "last.0.weight",
            "last.bias",
            "last.initial",
            "input.mean",
        }
        assert {file.get_tensor(name).dtype for name in file.keys()} == {np.dtype(np.float64)}  # noqa: SIM118
    assert metadata.keys() == {"hwsnn_trained"}
    fires = {"compare": "greater_equal", "reset": "none", "spikes": 1, "once": False}
    assert json.loads(metadata["hwsnn_trained"]) == {
        "format": 2,
        "name": "test",
        "input_shape": [2, 6, 5],
        "timesteps": 3,
        "encoding": "direct",
        "readout": "sum",
        "input_scale": 0.01,
        "remarks": ["it was so", "tau: 0.5 µs"],
        "layers": [
            {
                "type": "population",
                "name": "conv",
                "pool_size": [1, 2],
                "pool_stride": [1, 1],
                "projections": [{"type": "conv", "stride": [1, 1], "padding": [1, 0]}],
                "neuron": {"kind": "spiking", "alpha": 0.25, **fires},
            },
            {"type": "maxpool", "name": "pool", "size": [2, 1], "stride": [2, 2], "mode": "winner"},
            {
                "type": "population",
                "name": "last",
                "projections": [{"type": "dense"}],
                "neuron": {"kind": "integrator", "beta": 1 / 3},
            },
        ],
    }


def test_missing_and_folder(tmp_path: Path) -> None:
    assert "no such file; give a trained network" in FLOATS.refusal(tmp_path / "none")
    assert "is a folder, not a file; give a trained network" in FLOATS.refusal(tmp_path)


def test_other_safetensors_files(tmp_path: Path) -> None:
    (tmp_path / "net").write_bytes(to_bytes({"weight": np.zeros(3, np.float32)}))
    assert "not a trained network of hwsnn: its metadata lacks the key 'hwsnn_trained'" in FLOATS.refusal(
        tmp_path / "net"
    )


def test_each_kind_of_file_is_told_from_the_other(tmp_path: Path) -> None:
    integer_file.save(random_network(0), tmp_path / "integers")
    save(floats(), tmp_path / "floats")
    assert "is already quantized: an integer model" in FLOATS.refusal(tmp_path / "integers")
    with pytest.raises(InputError, match="floats: is a trained network in floats, not an integer model; make one of"):
        integer_file.load(tmp_path / "floats")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ("[]", "the network must be a JSON object, not list"),
        ("{}", "the network must have 'format'"),
        ('{"format": 1}', "format must be 2, not 1: made by another version of hwsnn"),
        ('{"format": "2"}', "format must be 2, not '2'"),
        ("[" * 100_000, "not a usable trained network"),
        ('{"a":' * 100_000, "not a usable trained network"),
        ("9" * 10_000, "not a usable trained network"),
        (json.dumps({"format": "x" * 900_000}), "format must be 2, not 'xxx"),
    ],
    ids=lambda text: text[:20],
)
def test_descriptions_that_are_not(tmp_path: Path, text: str, message: str) -> None:
    assert message in FLOATS.refusal(FLOATS.write(tmp_path / "net", text, describe(floats())[1]))


WRONG_DESCRIPTIONS: list[tuple[Callable[[Graph], None], str]] = [
    (put("colour", value="red"), "the network must not have 'colour': made by another version of hwsnn"),
    (put("layers", 0, "dilation", value=2), "layer 0 must not have 'dilation'"),
    (put("layers", 1, "padding", value=[0, 0]), "layer 1 must not have 'padding'"),
    (put("layers", 2, "stride", value=[1, 1]), "layer 2 must not have 'stride'"),
    (put("layers", 2, "neuron", "reset", value="zero"), "the neuron of layer 2 must not have 'reset'"),
    (put("layers", value={}), "layers must be a list, not dict"),
    (put("layers", value=[]), "every tensor must belong to a layer"),
    (put("layers", 0, value=7), "layer 0 must be a JSON object, not int"),
    (put("layers", 0, "type", value="lstm"), "the type of layer 0 must be one of population, .*, not 'lstm'"),
    (put("layers", 0, "name", value=3), "name of layer 0 must be a string, not int"),
    (put("layers", 0, "name", value="../conv"), "the tensors must have '../conv.0.weight'"),
    (put("layers", 1, "name", value="a\nb"), r"a layer's name must be .* not 'a\\nb'"),
    (put("layers", 1, "name", value="encoder"), "a layer's name must be .* not 'encoder'"),
    (put("layers", 1, "name", value="conv"), "layer names must differ, not repeat 'conv'"),
    (
        put("layers", 0, "projections", 0, "stride", value=[1]),
        r"stride of projection 0 of layer 0 must be 2 integers, not \[1\]",
    ),
    (
        put("layers", 0, "projections", 0, "stride", value=[1, 0]),
        "stride of layer 'conv' must be an integer from 1 to 4096, not 0",
    ),
    (put("layers", 0, "projections", 0, "stride", value=[1, 1.5]), "stride of layer 'conv' must be an integer"),
    (put("layers", 0, "projections", 0, "padding", value=[0, 10**9]), "padding of layer 'conv' must be"),
    (put("layers", 0, "projections", 0, "padding", value=[0, True]), "padding of layer 'conv' must be"),
    (put("layers", 0, "neuron", value=None), "the neuron of layer 0 must be a JSON object"),
    (put("layers", 0, "neuron", "kind", value="current"), "the kind of the neuron of layer 0 must be one of spiking"),
    (
        put("layers", 0, "neuron", "reset", value="hard"),
        "reset must be one of subtract, zero, none, late-subtract, late-zero, undelayed-subtract, not 'hard'",
    ),
    (put("layers", 0, "neuron", "compare", value="less"), "compare must be one of greater, greater_equal, not 'less'"),
    (put("layers", 2, "neuron", "beta", value=1.5), "beta must be from 0 to 1, not 1.5"),
    (put("layers", 2, "neuron", "beta", value=float("nan")), "beta must be from 0 to 1, not nan"),
    (put("layers", 2, "neuron", "beta", value=10**400), "beta of the neuron of layer 2 must be a number such as 0.5"),
    (put("layers", 2, "neuron", "beta", value=None), "beta of the neuron of layer 2 must be a number such as 0.5"),
    (drop("layers", 2, "neuron", "beta"), "the neuron of layer 2 must have 'beta'"),
    (put("layers", 0, "neuron", "alpha", value=2.5), "alpha must be from 0 to 1, not 2.5"),
    (put("layers", 0, "neuron", "beta", value=0.5), "the neuron of layer 0 must not have 'beta'"),
    (put("layers", 0, "neuron", "spikes", value=16), "spikes per step must be an integer from 1 to 15, not 16"),
    (put("layers", 0, "neuron", "once", value=1), "once must be true or false, not 1"),
    (put("layers", 0, "pool_size", value=[9, 9]), "the window of layer 'conv' must fit"),
    (put("layers", 0, "pool_size", value=[1]), "pool_size of layer 0 must be 2 integers"),
    (put("layers", 2, "pool_size", value=[1, 1]), "pool"),
    (put("layers", 0, "projections", value=[]), "layer 'conv' must have a projection without delay, not none"),
    (
        put("layers", 0, "projections", 0, "type", value="lstm"),
        "the type of projection 0 of layer 0 must be one of",
    ),
    (
        put("layers", 2, "projections", 0, "source", value="x"),
        "the source of layer 'last' must be one of pixels, conv,",
    ),
    (put("layers", 1, "source", value=3), "source of layer 1 must be a string, not int"),
    (put("readout", value="vote"), "readout must be one of count, first, membrane, sum, max, not 'vote'"),
    (put("input_scale", value=0.0), "input scale must be positive and finite, not 0.0"),
    (put("layers", 1, "mode", value="sum"), "mode of layer 'pool' must be one of or, winner"),
    (put("layers", 1, "size", value=[99, 99]), "the window of layer 'pool' must fit"),
    (put("layers", 1, "stride", value=[1, 1]), "layer 'last' must take the shape"),
    (put("input_shape", value="2x6x5"), "input_shape of the network must be 3 integers"),
    (put("input_shape", value=[2, 6, 5.0]), "input shape must be an integer"),
    (put("input_shape", value=[2, 6, 10**30]), "input shape must be an integer from 1 to 4096"),
    (put("input_shape", value=[2, 0, 5]), "input shape must be an integer from 1 to 4096|must fit"),
    (put("timesteps", value=0), "timesteps must be an integer from 1 to 256, not 0"),
    (put("timesteps", value=True), "timesteps must be an integer from 1 to 256, not True"),
    (put("encoding", value="rate"), "encoding must be one of direct, uniform, poisson, latency, steps, not 'rate'"),
    (put("encoding", value=[]), "encoding must be one of"),
    (put("name", value="a\nb"), "network name must be"),
    (put("name", value=3), "name of the network must be a string"),
    (put("remarks", value="one"), "remarks must be a list, not str"),
    (put("input_scale", value="1"), "input_scale of the network must be a number such as 0.5, not '1'"),
    (put("input_scale", value=10**400), "input_scale of the network must be a number such as 0.5, not 1"),
    (put("remarks", value=[3]), "a remark must be one line of at most 1000 printable characters, not 3"),
    (put("remarks", value=["a\nb"]), "a remark must be one line"),
    (put("remarks", value=["\x1b[2J"]), "a remark must be one line"),
    (put("remarks", value=["x" * 1001]), "a remark must be one line"),
    *[(drop(key), f"the network must have '{key}'") for key in ("name", "input_shape", "layers", "remarks")],
    *[(drop("layers", 0, key), f"layer 0 must have '{key}'") for key in ("type", "name", "neuron", "projections")],
    *[
        (drop("layers", 0, "neuron", key), f"the neuron of layer 0 must have '{key}'")
        for key in ("kind", "compare", "reset", "spikes", "once")
    ],
]


@pytest.mark.parametrize(("change", "message"), WRONG_DESCRIPTIONS, ids=[message for _, message in WRONG_DESCRIPTIONS])
def test_wrong_descriptions(tmp_path: Path, change: Callable[[Graph], None], message: str) -> None:
    description, tensors = describe(floats())
    description = copy.deepcopy(description)
    change(description)
    refused = FLOATS.refusal(FLOATS.write(tmp_path / "net", description, tensors))
    with pytest.raises(InputError, match=message):
        raise InputError(refused)


NAN = np.full((3, 2, 3, 3), np.nan)
WRONG_TENSORS: list[tuple[Callable[[Tensors], None], str]] = [
    (without("conv.0.weight"), "the tensors must have 'conv.0.weight'"),
    (without("conv.threshold"), "the tensors must have 'conv.threshold'"),
    (without("last.bias"), "the tensors must have 'last.bias'"),
    (set_to("surplus", np.zeros(1)), "every tensor must belong to a layer, not 'surplus'"),
    (set_to("last.threshold", np.ones(5)), "every tensor must belong to a layer, not 'last.threshold'"),
    (retyped("conv.0.weight", np.float32), "tensor 'conv.0.weight' must be float64, not float32"),
    (retyped("conv.0.weight", np.int8), "tensor 'conv.0.weight' must be float64, not int8"),
    (set_to("conv.0.weight", np.zeros((3, 2, 3))), "weight of layer 'conv' must be a non-empty array of 4"),
    (set_to("conv.0.weight", np.zeros((0, 2, 3, 3))), "weight of layer 'conv' must be a non-empty array"),
    (set_to("conv.0.weight", np.zeros((3, 3, 3, 3))), "layer 'conv' must take the 2 channels before it, not 3"),
    (set_to("conv.0.weight", np.zeros((3, 2, 9, 9))), "the window of layer 'conv' must fit"),
    (set_to("conv.0.weight", NAN), "weight of layer 'conv' must be finite, not NaN or infinite"),
    (set_to("conv.bias", np.zeros(4)), "bias of layer 'conv' must have shape"),
    (set_to("conv.bias", np.full(3, np.inf)), "bias of layer 'conv' must be finite"),
    (set_to("conv.beta", np.ones(2)), "beta of layer 'conv' must have shape"),
    (set_to("conv.floor", np.ones(3)), "lower bound must be at most 0"),
    (set_to("conv.initial", np.full(3, np.nan)), "initial membrane must be finite"),
    (set_to("input.mean", np.ones(3)), "mean must have one value per channel, 2, not 3"),
    (set_to("input.std", np.zeros(2)), "std must be positive"),
    (set_to("conv.threshold", np.ones(2)), "threshold of layer 'conv' must have shape"),
    (set_to("conv.threshold", np.zeros(3)), "threshold must be positive"),
    (set_to("conv.threshold", np.full(3, np.nan)), "threshold must be finite"),
    (set_to("last.0.weight", np.zeros((5, 3, 2, 3))), "layer 'last' must take the shape (3, 3, 1) before it"),
]


@pytest.mark.parametrize(("change", "message"), WRONG_TENSORS, ids=[message for _, message in WRONG_TENSORS])
def test_wrong_tensors(tmp_path: Path, change: Callable[[Tensors], None], message: str) -> None:
    description, tensors = describe(floats())
    found: Tensors = dict(tensors)
    change(found)
    assert message in FLOATS.refusal(FLOATS.write(tmp_path / "net", description, found))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": "a b"}, "network name must be"),
        ({"layers": ()}, "at least one layer"),
        ({"input_shape": (1, 6, 5), "mean": None}, "must take the 1 channels before it"),
        ({"remarks": ("two\nlines",)}, "a remark must be one line"),
        (
            {"layers": (float_dense_layer("wide", np.ones((5000, 2, 6, 5)), np.ones(5000), FloatIntegrator(0.5)),)},
            "output of layer 'wide' must be an integer from 1 to 4096, not 5000",
        ),
    ],
)
def test_what_could_not_be_loaded_is_not_saved(wrong: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        save(replace(floats(), **wrong), tmp_path / "net")
    assert list(tmp_path.iterdir()) == []


def test_saving_is_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        save(floats(), tmp_path / "none" / "net")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("field", [{"timesteps": 0}, {"timesteps": 257}, {"timesteps": 4.0}, {"encoding": "rate"}])
def test_how_it_was_trained_is_checked(field: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"timesteps must be an integer|encoding must be one of"):
        replace(floats(), **field)


@pytest.mark.parametrize("field", [{"stride": (0, 1)}, {"stride": 1}, {"padding": (0, -1)}, {"padding": (0, 0.5)}])
def test_strides_and_paddings_are_checked(field: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"(stride|padding) of layer 'conv' must be"):
        replace(floats().layers[0].projection, **field)  # type: ignore[union-attr]
