"""Model files: what is written comes back, and nothing else is taken for a model."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save as to_bytes

from hwsnn.errors import InputError
from hwsnn.model_file.integer_file import describe, load, model_hash, restore, save
from hwsnn.spec import Encoder, Integrator, MaxPool, MultiplyLeak, Network, Neuron, Population, ShiftLeak
from tests.support.layers import conv_layer, dense_layer
from tests.support.random_networks import random_network

Graph = dict[str, Any]
Tensors = dict[str, np.ndarray]


def network() -> Network:
    random = np.random.default_rng(0)
    neuron = Neuron(np.array([3, 4, 5, 6]), ShiftLeak(2), "zero", 14)
    return Network(
        "test",
        (2, 6, 5),
        7,
        Encoder("poisson", 99),
        3,
        (
            conv_layer("conv", random.integers(-7, 8, (4, 2, 3, 3)), np.arange(4), 4, neuron, (1, 1), (1, 0)),
            MaxPool("pool", (2, 1), (2, 2), "winner"),
            dense_layer(
                "last", random.integers(-127, 128, (5, 4, 3, 2)), -np.arange(5), 8, Integrator(MultiplyLeak(9, 4), 15)
            ),
        ),
        "membrane",
    )


def write(path: Path, graph: object, tensors: Tensors, key: str = "hwsnn") -> Path:
    text = graph if isinstance(graph, str) else json.dumps(graph)
    path.write_bytes(to_bytes(tensors, {key: text}))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    assert len(message) < len(str(path)) + 400
    return message


@pytest.mark.parametrize("seed", range(40))
def test_round_trip(tmp_path: Path, seed: int) -> None:
    before = random_network(seed)
    save(before, tmp_path / "model.safetensors")
    after = load(tmp_path / "model.safetensors")
    assert model_hash(after) == model_hash(before)
    graph, tensors = describe(before)
    same_graph, same_tensors = describe(after)
    assert same_graph == graph
    assert all((same_tensors[name] == tensor).all() for name, tensor in tensors.items())
    assert len(same_tensors) == len(tensors)


def test_what_is_restored_is_what_was_built() -> None:
    """Field by field, as ``describe`` could forget one on both sides."""
    before, after = network(), restore(*describe(network()))
    for name in ("name", "input_shape", "pixel_bits", "encoder", "timesteps", "readout", "shapes"):
        assert getattr(after, name) == getattr(before, name)
    for old, new in zip(before.layers, after.layers, strict=True):
        assert type(new) is type(old)
        if isinstance(old, MaxPool) or isinstance(new, MaxPool):
            assert new == old
            continue
        assert (new.projection.weight == old.projection.weight).all()
        assert (new.bias == old.bias).all()
        assert (new.name, new.projection.weight_bits) == (old.name, old.projection.weight_bits)
        assert (new.neuron.leak, new.neuron.membrane_bits) == (old.neuron.leak, old.neuron.membrane_bits)
        assert new.projection.settings == old.projection.settings
        if isinstance(old.neuron, Neuron):
            assert isinstance(new.neuron, Neuron)
            assert new.neuron.reset == old.neuron.reset
            assert (new.neuron.threshold == old.neuron.threshold).all()
            np.testing.assert_array_equal(new.neuron.sub, old.neuron.sub)


def test_the_same_network_gives_the_same_file(tmp_path: Path) -> None:
    written = set()
    for _ in range(10):
        save(network(), tmp_path / "model", {"made": "by a test"})
        written.add((tmp_path / "model").read_bytes())
    assert len(written) == 1


def test_notes_are_for_people(tmp_path: Path) -> None:
    save(network(), tmp_path / "model", {"accuracy": 0.98})
    with safe_open(tmp_path / "model", framework="numpy") as file:
        assert json.loads(file.metadata()["notes"]) == {"accuracy": 0.98}
    assert model_hash(load(tmp_path / "model")) == model_hash(network())


def changed_layer(index: int, **fields: Any) -> Network:
    layers = list(network().layers)
    layers[index] = replace(layers[index], **fields)
    return replace(network(), layers=tuple(layers))


def changed_neuron(index: int, **fields: Any) -> Network:
    layer = network().layers[index]
    assert not isinstance(layer, MaxPool)
    return changed_layer(index, neuron=replace(layer.neuron, **fields))


def one_more(array: np.ndarray, at: int) -> np.ndarray:
    changed: np.ndarray = array.copy()
    changed.flat[at] += -1 if changed.flat[at] > 0 else 1
    return changed


def every_change() -> list[Network]:
    conv, pool, last = network().layers
    assert isinstance(conv, Population)
    assert isinstance(pool, MaxPool)
    assert isinstance(last, Population)
    assert isinstance(conv.neuron, Neuron)
    return [
        replace(network(), name="other"),
        replace(network(), pixel_bits=8),
        replace(network(), encoder=Encoder("poisson", 98)),
        replace(network(), encoder=Encoder("uniform", 99)),
        replace(network(), timesteps=4),
        changed_layer(0, weight=one_more(conv.weight, 0)),
        changed_layer(0, weight=one_more(conv.weight, -1)),
        changed_layer(0, bias=one_more(conv.bias, 2)),
        changed_layer(0, weight_bits=5),
        changed_layer(0, name="other"),
        changed_layer(0, padding=(1, 1), stride=(1, 2)),
        changed_neuron(0, threshold=one_more(conv.neuron.threshold, 3)),
        changed_neuron(0, leak=ShiftLeak(3)),
        changed_neuron(0, reset="none"),
        changed_neuron(0, reset="subtract", sub=conv.neuron.threshold),
        changed_neuron(0, reset="subtract", sub=one_more(conv.neuron.threshold, 1)),
        changed_neuron(0, membrane_bits=13),
        changed_layer(1, mode="or"),
        changed_layer(1, size=(1, 1)),
        changed_layer(2, weight=one_more(last.weight, 50)),
        changed_neuron(2, leak=MultiplyLeak(9, 5)),
        changed_neuron(2, leak=MultiplyLeak(8, 4)),
    ]


def test_the_hash_changes_with_every_change() -> None:
    hashes = [model_hash(network())]
    for number, changed in enumerate(every_change()):
        assert model_hash(changed) not in hashes, number
        hashes.append(model_hash(changed))
    assert model_hash(network()) == hashes[0]


def test_missing_and_folder(tmp_path: Path) -> None:
    assert "no such model file" in refusal(tmp_path / "none")
    assert "is a folder, not a model file" in refusal(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 8, b"\xff" * 64, b"random bytes, nothing else", pickle.dumps(list(range(99))), b"{}" * 30],
)
def test_not_safetensors(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model").write_bytes(content)
    assert "not a readable safetensors file" in refusal(tmp_path / "model")


def test_truncated_anywhere(tmp_path: Path) -> None:
    save(network(), tmp_path / "model")
    whole = (tmp_path / "model").read_bytes()
    for length in range(0, len(whole), 13):
        (tmp_path / "model").write_bytes(whole[:length])
        refusal(tmp_path / "model")


def test_damage_anywhere_is_one_line_or_another_model(tmp_path: Path) -> None:
    save(network(), tmp_path / "model")
    whole = (tmp_path / "model").read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(400):
        damaged = bytearray(whole)
        for at in random.integers(0, header, random.integers(1, 4)):
            damaged[at] = random.integers(256)
        (tmp_path / "model").write_bytes(damaged)
        try:
            load(tmp_path / "model")
        except InputError as error:
            refused += 1
            assert "\n" not in str(error)  # noqa: PT017  (some damage gives another valid model)
    assert refused > 200


def test_other_safetensors_files(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(to_bytes({"weight": np.zeros(3, np.float32)}))
    assert "its metadata lacks the key 'hwsnn'; make one with hwsnn quantize" in refusal(tmp_path / "model")
    assert "lacks the key 'hwsnn'" in refusal(write(tmp_path / "model", *describe(network()), key="other"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ("[]", "the graph must be a JSON object, not list"),
        ("null", "the graph must be a JSON object, not NoneType"),
        ("{}", "the graph must have 'format'"),
        (
            '{"format": 1}',
            "format must be 2, not 1: made by another version of hwsnn; make it again from its source: hwsnn quantize",
        ),
        ("[" * 100_000, "not a usable hwsnn model"),
        ('{"a":' * 100_000, "not a usable hwsnn model"),
        ("9" * 10_000, "not a usable hwsnn model"),
    ],
    ids=lambda text: text[:20],
)
def test_graphs_that_are_not(tmp_path: Path, text: str, message: str) -> None:
    assert message in refusal(write(tmp_path / "model", text, describe(network())[1]))


def put(*keys: str | int, value: object) -> Callable[[Graph], None]:
    def change(graph: Graph) -> None:
        at: Any = graph
        for key in keys[:-1]:
            at = at[key]
        at[keys[-1]] = value

    return change


def drop(*keys: str | int) -> Callable[[Graph], None]:
    def change(graph: Graph) -> None:
        at: Any = graph
        for key in keys[:-1]:
            at = at[key]
        del at[keys[-1]]

    return change


WRONG_GRAPHS: list[tuple[Callable[[Graph], None], str]] = [
    (put("layers", value={}), "layers must be a list, not dict"),
    (put("layers", value=[]), "every tensor must belong to a layer|at least one layer"),
    (put("layers", 0, value=7), "layer 0 must be a JSON object, not int"),
    (put("layers", 0, "type", value="lstm"), "the type of layer 0 must be one of conv, dense, maxpool, not 'lstm'"),
    (put("layers", 0, "name", value=3), "name of layer 0 must be a string, not int"),
    (put("layers", 0, "name", value="../conv"), "the tensors must have '../conv.weight'"),
    (put("layers", 0, "stride", value=[1]), r"stride of layer 0 must be 2 integers, not \[1\]"),
    (put("layers", 0, "stride", value=[1, 0.5]), "stride of layer 'conv' must be an integer from 1 to 4096, not 0.5"),
    (put("layers", 0, "stride", value=[1, True]), "stride of layer 'conv' must be"),
    (put("layers", 0, "padding", value=[0, 10**9]), "padding of layer 'conv' must be"),
    (put("layers", 0, "weight_bits", value=2), "weight of layer 'conv' must be from -1 to 1"),
    (put("layers", 0, "weight_bits", value="8"), "weight bits of layer 'conv' must be an integer"),
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
        for key in ("type", "name", "weight_bits", "neuron", "stride")
    ],
    (drop("layers", 0, "neuron", "leak", "shift"), "the leak of the neuron of layer 0 must have 'shift'"),
]


@pytest.mark.parametrize(("change", "message"), WRONG_GRAPHS, ids=[message for _, message in WRONG_GRAPHS])
def test_wrong_graphs(tmp_path: Path, change: Callable[[Graph], None], message: str) -> None:
    graph, tensors = describe(network())
    graph = copy.deepcopy(graph)
    change(graph)
    refused = refusal(write(tmp_path / "model", graph, tensors))
    with pytest.raises(InputError, match=message):
        raise InputError(refused)


def retyped(name: str, dtype: type) -> Callable[[Tensors], None]:
    def change(tensors: Tensors) -> None:
        tensors[name] = tensors[name].astype(dtype)

    return change


def set_to(name: str, value: np.ndarray) -> Callable[[Tensors], None]:
    def change(tensors: Tensors) -> None:
        tensors[name] = value

    return change


def without(name: str) -> Callable[[Tensors], None]:
    def change(tensors: Tensors) -> None:
        del tensors[name]

    return change


WRONG_TENSORS: list[tuple[Callable[[Tensors], None], str]] = [
    (without("conv.weight"), "the tensors must have 'conv.weight'"),
    (without("last.bias"), "the tensors must have 'last.bias'"),
    (without("conv.threshold"), "layer 'conv' must fire: only the last layer may integrate"),
    (set_to("surplus", np.zeros(1, np.int8)), "every tensor must belong to a layer, not 'surplus'"),
    (set_to("pool.weight", np.zeros(1, np.int8)), "every tensor must belong to a layer, not 'pool.weight'"),
    (set_to("last.threshold", np.ones(5, np.int32)), "the neuron of layer 2 must have 'reset'"),
    (retyped("conv.weight", np.float32), "tensor 'conv.weight' must be int8, not float32"),
    (retyped("conv.weight", np.int32), "tensor 'conv.weight' must be int8, not int32"),
    (retyped("conv.bias", np.int64), "tensor 'conv.bias' must be int32, not int64"),
    (retyped("conv.threshold", np.uint32), "tensor 'conv.threshold' must be int32, not uint32"),
    (set_to("conv.weight", np.zeros((4, 2, 3), np.int8)), "weight of layer 'conv' must be a non-empty array of 4"),
    (set_to("conv.weight", np.zeros((0, 2, 3, 3), np.int8)), "weight of layer 'conv' must be a non-empty array"),
    (set_to("conv.weight", np.full((4, 2, 3, 3), 8, np.int8)), "weight of layer 'conv' must be from -7 to 7"),
    (set_to("conv.weight", np.zeros((4, 3, 3, 3), np.int8)), "layer 'conv' must take the 2 channels before it, not 3"),
    (set_to("conv.bias", np.zeros(3, np.int32)), "bias of layer 'conv' must have shape"),
    (set_to("conv.threshold", np.zeros(4, np.int32)), "threshold must be from 1 to 8191, not from 0 to 0"),
    (set_to("conv.sub", np.zeros(4, np.int32)), "sub must be None for the reset 'zero', not ndarray"),
]


@pytest.mark.parametrize(("change", "message"), WRONG_TENSORS, ids=[message for _, message in WRONG_TENSORS])
def test_wrong_tensors(tmp_path: Path, change: Callable[[Tensors], None], message: str) -> None:
    graph, tensors = describe(network())
    change(tensors)
    assert message in refusal(write(tmp_path / "model", graph, tensors))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("conv.sub"), "sub must be an integer array, not NoneType"),
        (retyped("conv.sub", np.int64), "tensor 'conv.sub' must be int32, not int64"),
        (set_to("conv.sub", np.full(4, 8192, np.int32)), "sub must be from 0 to 8191, not from 8192 to 8192"),
        (set_to("conv.sub", np.ones(3, np.int32)), "sub must have the threshold's shape (4,), not (3,)"),
        (set_to("last.sub", np.ones(5, np.int32)), "every tensor must belong to a layer, not 'last.sub'"),
    ],
)
def test_wrong_subs(tmp_path: Path, change: Callable[[Tensors], None], message: str) -> None:
    conv = network().layers[0]
    assert isinstance(conv, Population)
    subtracts = Neuron(np.array([3, 4, 5, 6]), ShiftLeak(2), "subtract", 14, np.array([0, 4, 4, 7]))
    graph, tensors = describe(replace(network(), layers=(replace(conv, neuron=subtracts), *network().layers[1:])))
    change(tensors)
    assert message in refusal(write(tmp_path / "model", graph, tensors))


def test_saving_is_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        save(network(), tmp_path / "none" / "model")
    with pytest.raises(TypeError):
        save(network(), tmp_path / "model", {"unwritable": object()})
    assert list(tmp_path.iterdir()) == []
