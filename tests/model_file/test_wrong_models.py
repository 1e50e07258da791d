"""Model files with wrong graphs or tensors are refused in one line."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwsnn.errors import InputError
from hwsnn.model_file.integer_file import describe
from hwsnn.spec import (
    Neuron,
    Population,
    ShiftLeak,
)
from tests.model_file.changes import Graph, Tensors, drop, put, retyped, set_to, without
from tests.model_file.small_networks import INTEGERS, integers


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ("[]", "the graph must be a JSON object, not list"),
        ("null", "the graph must be a JSON object, not NoneType"),
        ("{}", "the graph must have 'format'"),
        (
            '{"format": 2}',
            "format must be 3, not 2: made by another version of hwsnn; make it again from its source: hwsnn quantize",
        ),
        ("[" * 100_000, "not a usable hwsnn model"),
        ('{"a":' * 100_000, "not a usable hwsnn model"),
        ("9" * 10_000, "not a usable hwsnn model"),
    ],
    ids=lambda text: text[:20],
)
def test_graphs_that_are_not(tmp_path: Path, text: str, message: str) -> None:
    assert message in INTEGERS.refusal(INTEGERS.write(tmp_path / "model", text, describe(integers())[1]))


CONNECTIONS: list[tuple[Callable[[Graph], None], str]] = [
    (put("layers", 1, "source", value=3), "source of layer 1 must be a string, not int"),
    (put("layers", 1, "source", value=["conv"]), "source of layer 1 must be a string, not list"),
    (put("layers", 1, "source", value="\x1b[2J"), r"the source of layer 'pool' must be one of .* not '\\x1b\[2J'"),
    (put("layers", 1, "source", value="last"), "the source of layer 'pool' must come before it, not be 'last'"),
    (put("layers", 1, "source", value="pixels"), "layer 'conv' must feed another layer"),
    (put("layers", 0, "source", value="pixels"), "layer 0 must not have 'source'"),
    (put("layers", 1, "delay", value=1), "layer 1 must not have 'delay'"),
    (put("layers", 2, "projections", 0, "source", value=None), "source of projection 0 of layer 2 must be a string"),
    (put("layers", 2, "projections", 0, "delay", value=2), "delay of layer 'last' must be an integer from 0 to 1, not"),
    (put("layers", 2, "projections", 0, "delay", value=True), "delay of layer 'last' must be an integer from 0 to 1"),
    (put("layers", 2, "projections", 0, "delay", value=1), "a recurrent projection of layer 'last' must have a kernel"),
    (put("layers", 1, value={"type": "sum", "name": "pool"}), "layer 1 must have 'sources'"),
    (put("layers", 1, value={"type": "sum", "name": "pool", "sources": "conv"}), "sources must be a list, not str"),
    (
        put("layers", 1, value={"type": "sum", "name": "pool", "sources": ["conv", 3]}),
        "sources of layer 'pool' must be names of layers, not",
    ),
    (
        put("layers", 1, value={"type": "sum", "name": "pool", "sources": ["conv"] * 16}),
        r"the sum 'pool' must be at most 15, not 16|layer 'last' must take the shape",
    ),
]

WRONG_GRAPHS: list[tuple[Callable[[Graph], None], str]] = [
    (put("layers", value={}), "layers must be a list, not dict"),
    (put("layers", value=[]), "every tensor must belong to a layer|at least one layer"),
    (put("layers", 0, value=7), "layer 0 must be a JSON object, not int"),
    (
        put("layers", 0, "type", value="lstm"),
        "the type of layer 0 must be one of population, conv, dense, maxpool, sum, not 'lstm'",
    ),
    (put("layers", 0, "name", value=3), "name of layer 0 must be a string, not int"),
    (put("layers", 0, "name", value="../conv"), "the tensors must have '../conv.0.weight'"),
    (put("layers", 0, "type", value="conv"), "layer 0 must have 'stride'"),
    (put("layers", 0, "projections", value=[]), "layer 'conv' must have a projection without delay, not none"),
    (put("layers", 0, "projections", 0, "type", value="maxpool"), "projection 0 of layer 0 must have 'size'"),
    (put("layers", 0, "fraction_bits", value=9), "fraction bits of layer 'conv' must be an integer from 0 to 8, not 9"),
    (put("layers", 0, "pool_size", value=[2, 2]), "layer 0 must have 'pool_stride'"),
    (put("layers", 0, "gain", value=2), "layer 0 must not have 'gain': made by another version of hwsnn"),
    (put("layers", 0, "projections", 0, "stride", value=[1]), "stride of projection 0 of layer 0 must be 2"),
    (
        put("layers", 0, "projections", 0, "stride", value=[1, 0.5]),
        "stride of layer 'conv' must be an integer from 1 to 4096, not 0.5",
    ),
    (put("layers", 0, "projections", 0, "stride", value=[1, True]), "stride of layer 'conv' must be"),
    (put("layers", 0, "projections", 0, "padding", value=[0, 10**9]), "padding of layer 'conv' must be"),
    (put("layers", 0, "projections", 0, "weight_bits", value=2), "weight of layer 'conv' must be from -1 to 1"),
    (put("layers", 0, "projections", 0, "weight_bits", value="8"), "weight bits of layer 'conv' must be an integer"),
    (put("layers", 0, "neuron", value=None), "the neuron of layer 0 must be a JSON object"),
    (put("layers", 0, "neuron", "reset", value="hard"), "reset must be one of"),
    (put("layers", 0, "neuron", "membrane_bits", value=2), "threshold must be from 1 to 1"),
    (put("layers", 0, "neuron", "leak", "type", value="exact"), "leak of the neuron of layer 0 must be one of none"),
    (put("layers", 0, "neuron", "leak", "shift", value=99), "leak shift must be an integer from 1 to 16, not 99"),
    (put("layers", 1, "mode", value="sum"), "mode of layer 'pool' must be one of or, winner"),
    (put("layers", 1, "size", value=[99, 99]), "the window of layer 'pool' must fit"),
    (put("input_shape", value="2x6x5"), "input_shape of the graph must be 3 integers"),
    (put("input_shape", value=[2, 6, 5.0]), "input shape must be an integer"),
    (put("input_shape", value=[2, 6, 10**30]), "input shape must be an integer from 1 to 4096"),
    (put("pixel_bits", value=0), "pixel bits must be"),
    (put("timesteps", value=None), "timesteps must be an integer from 1 to 256, not None"),
    (put("timesteps", value=float("nan")), "timesteps must be an integer from 1 to 256, not nan"),
    (put("encoder", "kind", value="rate"), "encoding must be one of"),
    (put("encoder", "kind", value=[]), "kind of the encoder must be a string, not list"),
    (put("encoder", "seed", value=0), "encoder seed must be"),
    (put("readout", value="count"), "the neurons of the last layer must fire"),
    (put("name", value="a\nb"), "network name must be"),
    *[
        (drop(key), f"the graph must have '{key}'")
        for key in ("name", "input_shape", "pixel_bits", "encoder", "readout")
    ],
    *[
        (drop("layers", 0, key), f"layer 0 must have '{key}'")
        for key in ("type", "name", "projections", "neuron", "fraction_bits")
    ],
    *[
        (drop("layers", 0, "projections", 0, key), f"projection 0 of layer 0 must have '{key}'")
        for key in ("type", "weight_bits", "stride", "padding")
    ],
    (put("layers", 0, "neuron", "once", value=1), "once must be true or false, not 1"),
    (put("layers", 0, "neuron", "synapse", value={"leak": {"type": "none"}}), "the synaptic current of the neuron of"),
    (drop("layers", 0, "neuron", "leak", "shift"), "the leak of the neuron of layer 0 must have 'shift'"),
    *CONNECTIONS,
]


@pytest.mark.parametrize(("change", "message"), WRONG_GRAPHS, ids=[message for _, message in WRONG_GRAPHS])
def test_wrong_graphs(tmp_path: Path, change: Callable[[Graph], None], message: str) -> None:
    graph, tensors = describe(integers())
    graph = copy.deepcopy(graph)
    change(graph)
    refused = INTEGERS.refusal(INTEGERS.write(tmp_path / "model", graph, tensors))
    with pytest.raises(InputError, match=message):
        raise InputError(refused)


WRONG_TENSORS: list[tuple[Callable[[Tensors], None], str]] = [
    (without("conv.0.weight"), "the tensors must have 'conv.0.weight'"),
    (without("last.bias"), "the tensors must have 'last.bias'"),
    (without("conv.threshold"), "the tensors must have 'conv.threshold'"),
    (set_to("surplus", np.zeros(1, np.int8)), "every tensor must belong to a layer, not 'surplus'"),
    (set_to("pool.weight", np.zeros(1, np.int8)), "every tensor must belong to a layer, not 'pool.weight'"),
    (set_to("last.threshold", np.ones(5, np.int32)), "the neuron of layer 2 must have 'reset'"),
    (retyped("conv.0.weight", np.float32), "tensor 'conv.0.weight' must be int8, not float32"),
    (retyped("conv.0.weight", np.int32), "tensor 'conv.0.weight' must be int8, not int32"),
    (retyped("conv.bias", np.int64), "tensor 'conv.bias' must be int32, not int64"),
    (retyped("conv.threshold", np.uint32), "tensor 'conv.threshold' must be int32, not uint32"),
    (set_to("conv.0.weight", np.zeros((4, 2, 3), np.int8)), "weight of layer 'conv' must be a non-empty array of 4"),
    (set_to("conv.0.weight", np.zeros((0, 2, 3, 3), np.int8)), "weight of layer 'conv' must be a non-empty array"),
    (set_to("conv.0.weight", np.full((4, 2, 3, 3), 8, np.int8)), "weight of layer 'conv' must be from -7 to 7"),
    (
        set_to("conv.0.weight", np.zeros((4, 3, 3, 3), np.int8)),
        "layer 'conv' must take the 2 channels before it, not 3",
    ),
    (set_to("conv.bias", np.zeros(3, np.int32)), "bias of layer 'conv' must have shape"),
    (set_to("conv.threshold", np.zeros(4, np.int32)), "threshold must be from 1 to 8191, not from 0 to 0"),
    (set_to("conv.sub", np.zeros(4, np.int32)), "sub must be None for the reset 'zero', not ndarray"),
]


@pytest.mark.parametrize(("change", "message"), WRONG_TENSORS, ids=[message for _, message in WRONG_TENSORS])
def test_wrong_tensors(tmp_path: Path, change: Callable[[Tensors], None], message: str) -> None:
    graph, tensors = describe(integers())
    change(tensors)
    assert message in INTEGERS.refusal(INTEGERS.write(tmp_path / "model", graph, tensors))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("conv.sub"), "sub must be an integer array, not NoneType"),
        (retyped("conv.sub", np.int64), "tensor 'conv.sub' must be int32, not int64"),
        (set_to("conv.sub", np.full(4, 8192, np.int32)), "sub must be from 0 to 8191, not from 8192 to 8192"),
        (
            set_to("conv.sub", np.ones(3, np.int32)),
            "the numbers of a neuron must have one value per channel each, not the shapes",
        ),
        (set_to("last.sub", np.ones(5, np.int32)), "every tensor must belong to a layer, not 'last.sub'"),
    ],
)
def test_wrong_subs(tmp_path: Path, change: Callable[[Tensors], None], message: str) -> None:
    conv = integers().layers[0]
    assert isinstance(conv, Population)
    subtracts = Neuron(np.array([3, 4, 5, 6]), ShiftLeak(2), "subtract", 14, np.array([0, 4, 4, 7]))
    graph, tensors = describe(replace(integers(), layers=(replace(conv, neuron=subtracts), *integers().layers[1:])))
    change(tensors)
    assert message in INTEGERS.refusal(INTEGERS.write(tmp_path / "model", graph, tensors))
