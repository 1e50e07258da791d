"""Model files: what is written comes back, and nothing else is taken for a model."""

from __future__ import annotations

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
from hwsnn.model_file.integer_file import describe, load, model_hash, restore, save
from hwsnn.spec import (
    ChannelLeak,
    Encoder,
    MaxPool,
    MultiplyLeak,
    Network,
    Neuron,
    NoLeak,
    Population,
    ShiftLeak,
    SynapticCurrent,
    Window,
)
from tests.model_file.small_networks import INTEGERS, integers, joined
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_network


@pytest.mark.parametrize("network_of", [random_network, random_graph])
@pytest.mark.parametrize("seed", range(40))
def test_round_trip(tmp_path: Path, network_of: Callable[[int], Network], seed: int) -> None:
    before = network_of(seed)
    save(before, tmp_path / "model.safetensors")
    after = load(tmp_path / "model.safetensors")
    assert model_hash(after) == model_hash(before)
    assert after.edges == before.edges
    graph, tensors = describe(before)
    same_graph, same_tensors = describe(after)
    assert same_graph == graph
    assert all((same_tensors[name] == tensor).all() for name, tensor in tensors.items())
    assert len(same_tensors) == len(tensors)


def test_what_is_restored_is_what_was_built() -> None:
    """Field by field, as ``describe`` could forget one on both sides."""
    before, after = integers(), restore(*describe(integers()))
    for name in ("name", "input_shape", "pixel_bits", "encoder", "timesteps", "readout", "shapes"):
        assert getattr(after, name) == getattr(before, name)
    for old, new in zip(before.layers, after.layers, strict=True):
        assert type(new) is type(old)
        if not isinstance(old, Population) or not isinstance(new, Population):
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


def test_how_a_source_is_named_does_not_matter(tmp_path: Path) -> None:
    """The layer before may be named or not: that is one network, with one hash and one file."""
    conv, pool, last = integers().layers
    assert isinstance(conv, Population)
    assert isinstance(pool, MaxPool)
    assert isinstance(last, Population)
    named = (
        replace(conv, projections=(replace(conv.projection, source="pixels"),)),
        replace(pool, source="conv"),
        replace(last, projections=(replace(last.projection, source="pool"),)),
    )
    other = replace(integers(), layers=named)
    assert model_hash(other) == model_hash(integers())
    assert "source" not in json.dumps(describe(other)[0])
    assert "delay" not in json.dumps(describe(other)[0])


def test_what_lies_in_the_file_of_a_graph() -> None:
    """So that others can read it, and so that a change of the format does not go unnoticed."""
    graph, tensors = describe(joined())
    conv = {"type": "conv", "stride": [1, 1], "padding": [1, 1], "weight_bits": 8}
    one = {"type": "conv", "stride": [1, 1], "padding": [0, 0], "weight_bits": 8}
    assert [layer.get("projections", layer) for layer in graph["layers"]] == [
        [conv],
        [conv, one | {"source": "b", "delay": 1}],
        {"type": "sum", "name": "c", "sources": ["a", "b"]},
        {"type": "maxpool", "name": "d", "size": [2, 2], "stride": [2, 2], "mode": "or", "source": "b"},
        [{"type": "dense", "source": "c", "weight_bits": 8}, {"type": "dense", "weight_bits": 8}],
    ]
    assert {name for name in tensors if "weight" in name} == {
        "a.0.weight",
        "b.0.weight",
        "b.1.weight",
        "last.0.weight",
        "last.1.weight",
    }


def test_the_same_network_gives_the_same_file(tmp_path: Path) -> None:
    written = set()
    for _ in range(10):
        save(integers(), tmp_path / "model", {"made": "by a test"})
        written.add((tmp_path / "model").read_bytes())
    assert len(written) == 1


def test_weights_are_written_in_their_order_of_axes(tmp_path: Path) -> None:
    """However they lie in memory: a module with channels last has others."""
    before = integers()
    index, layer = next(before.populations())
    weight = np.asarray(layer.projection.weight)
    turned = replace(layer.projection, weight=weight.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2))
    assert not turned.weight.flags.c_contiguous
    layers = list(before.layers)
    layers[index] = replace(layer, projections=(turned, *layer.projections[1:]))
    save(replace(before, layers=tuple(layers)), tmp_path / "model")
    assert model_hash(load(tmp_path / "model")) == model_hash(before)


def test_notes_are_for_people(tmp_path: Path) -> None:
    save(integers(), tmp_path / "model", {"accuracy": 0.98})
    with safe_open(tmp_path / "model", framework="numpy") as file:
        assert json.loads(file.metadata()["notes"]) == {"accuracy": 0.98}
    assert model_hash(load(tmp_path / "model")) == model_hash(integers())


def changed_layer(index: int, **fields: Any) -> Network:
    layers = list(integers().layers)
    layers[index] = replace(layers[index], **fields)
    return replace(integers(), layers=tuple(layers))


def changed_projection(index: int, **fields: Any) -> Network:
    layer = integers().layers[index]
    assert isinstance(layer, Population)
    return changed_layer(index, projections=(replace(layer.projection, **fields),))


def changed_neuron(index: int, **fields: Any) -> Network:
    layer = integers().population(index)
    return changed_layer(index, neuron=replace(layer.neuron, **fields))


def one_more(array: np.ndarray, at: int) -> np.ndarray:
    changed: np.ndarray = array.copy()
    changed.flat[at] += -1 if changed.flat[at] > 0 else 1
    return changed


def every_change() -> list[Network]:
    conv, pool, last = integers().layers
    assert isinstance(conv, Population)
    assert isinstance(pool, MaxPool)
    assert isinstance(last, Population)
    assert isinstance(conv.neuron, Neuron)
    return [
        replace(integers(), name="other"),
        replace(integers(), pixel_bits=8),
        replace(integers(), encoder=Encoder("poisson", 98)),
        replace(integers(), encoder=Encoder("uniform", 99)),
        replace(integers(), timesteps=4),
        changed_projection(0, weight=one_more(conv.projection.weight, 0)),
        changed_projection(0, weight=one_more(conv.projection.weight, -1)),
        changed_layer(0, bias=one_more(conv.bias, 2)),
        changed_projection(0, weight_bits=5),
        changed_layer(0, name="other", projections=(replace(conv.projection, name="other"),)),
        changed_projection(0, padding=(1, 1), stride=(1, 2)),
        changed_projection(0, gain=np.full(4, 1)),
        changed_projection(0, gain=np.full(4, 2)),
        changed_layer(0, fraction_bits=1),
        changed_layer(0, pool=Window((1, 1), (1, 1))),
        changed_neuron(0, threshold=one_more(conv.neuron.threshold, 3)),
        changed_neuron(0, leak=ShiftLeak(3)),
        changed_neuron(0, reset="none"),
        changed_neuron(0, reset="subtract", sub=conv.neuron.threshold),
        changed_neuron(0, reset="subtract", sub=one_more(conv.neuron.threshold, 1)),
        changed_neuron(0, membrane_bits=13),
        changed_neuron(0, initial=np.arange(4)),
        changed_neuron(0, floor=-np.arange(4)),
        changed_neuron(0, once=True),
        changed_neuron(0, leak=ChannelLeak(np.array([0, 4, 5, 8]), 3)),
        changed_neuron(0, leak=ChannelLeak(np.array([0, 4, 6, 8]), 3)),
        changed_neuron(0, synapse=SynapticCurrent(NoLeak(), 14)),
        changed_neuron(0, synapse=SynapticCurrent(NoLeak(), 15)),
        changed_neuron(0, synapse=SynapticCurrent(ChannelLeak(np.array([0, 4, 6, 8]), 3), 14)),
        changed_neuron(0, synapse=SynapticCurrent(NoLeak(), 14), reset="late-zero"),
        changed_layer(1, mode="or"),
        changed_layer(1, size=(1, 1)),
        changed_projection(2, weight=one_more(last.projection.weight, 50)),
        changed_neuron(2, leak=MultiplyLeak(9, 5)),
        changed_neuron(2, leak=MultiplyLeak(8, 4)),
    ]


def test_the_hash_changes_with_every_change() -> None:
    hashes = [model_hash(integers())]
    for number, changed in enumerate(every_change()):
        assert model_hash(changed) not in hashes, number
        hashes.append(model_hash(changed))
    assert model_hash(integers()) == hashes[0]


def test_missing_and_folder(tmp_path: Path) -> None:
    assert "no such model file" in INTEGERS.refusal(tmp_path / "none")
    assert "is a folder, not a model file" in INTEGERS.refusal(tmp_path)


def test_other_safetensors_files(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(to_bytes({"weight": np.zeros(3, np.float32)}))
    assert "its metadata lacks the key 'hwsnn'; make one with hwsnn quantize" in INTEGERS.refusal(tmp_path / "model")
    other = replace(INTEGERS, key="other").write(tmp_path / "model", *describe(integers()))
    assert "lacks the key 'hwsnn'" in INTEGERS.refusal(other)


def test_saving_is_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        save(integers(), tmp_path / "none" / "model")
    with pytest.raises(TypeError):
        save(integers(), tmp_path / "model", {"unwritable": object()})
    assert list(tmp_path.iterdir()) == []
