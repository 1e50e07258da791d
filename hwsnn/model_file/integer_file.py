"""Model files: one ``.safetensors`` with integer tensors, and the graph as JSON in its metadata.

A model file is untrusted input (``hwsnn.model_file.tensor_file``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, cast

import numpy as np

from hwsnn.spec import KINDS, LEAKS, AnyNeuron, Encoder, Integrator, Layer, Leak, Network, Neuron, Projection, Weighted
from hwsnn.spec.checks import require_choice
from hwsnn.spec.integers import IntArray
from hwsnn.spec.layers import MaxPool

from . import tensor_file
from .bounds import require_bounded
from .tensor_file import Fields, TensorReader, Tensors

FORMAT = 2


def model_hash(network: Network) -> str:
    """SHA-256 (hexadecimal) of everything a network means: equal exactly for equal graphs and tensors."""
    graph, tensors = describe(network)
    digest = hashlib.sha256(json.dumps(graph, sort_keys=True, separators=(",", ":")).encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(str(tensors[name].shape).encode())
        digest.update(np.ascontiguousarray(tensors[name], dtype="<i4").tobytes())
    return digest.hexdigest()


def save(network: Network, path: Path, notes: dict[str, Any] | None = None) -> None:
    """Write ``network`` to ``path``, whole or not at all. ``notes`` (JSON) is for people: where the model came from."""
    tensor_file.save(path, tensor_file.MODEL, *describe(network), notes)


def load(path: Path) -> Network:
    """The network in the model file ``path``. Raises ``InputError`` for whatever is not one."""
    return tensor_file.load(path, tensor_file.MODEL, restore)


def describe(network: Network) -> tuple[dict[str, Any], dict[str, IntArray]]:
    """The graph as JSON values, and the tensors by name: ``LAYER.weight``, ``.bias``, ``.threshold`` and ``.sub``."""
    tensors: dict[str, IntArray] = {}
    layers = []
    for layer in network.layers:
        entry = describe_kind(layer)
        layers.append(entry)
        if not isinstance(layer, Weighted):
            continue
        neuron = layer.neuron
        leak = {"type": neuron.leak.kind, **asdict(neuron.leak)}
        entry["weight_bits"] = layer.weight_bits
        entry["neuron"] = {"leak": leak, "membrane_bits": neuron.membrane_bits, **neuron.settings}
        tensors[f"{layer.name}.weight"] = layer.weight.astype(np.int8)
        tensors[f"{layer.name}.bias"] = layer.bias.astype(np.int32)
        for constant, values in neuron.constants.items():
            tensors[f"{layer.name}.{constant}"] = values.astype(np.int32)
    graph = {
        "format": FORMAT,
        "name": network.name,
        "input_shape": list(network.input_shape),
        "pixel_bits": network.pixel_bits,
        "encoder": {"kind": network.encoder.kind, "seed": network.encoder.seed},
        "timesteps": network.timesteps,
        "readout": network.readout,
        "layers": layers,
    }
    return graph, tensors


def restore(graph: object, tensors: Tensors) -> Network:
    """The network that ``describe`` took apart. Raises ``ValueError`` for anything else."""
    reader, parts = Fields(graph, "the graph"), TensorReader(tensors)
    if reader.get("format") != FORMAT:
        raise ValueError(
            f"format must be {FORMAT}, not {reader.get('format')!r}: made by another version of hwsnn; "
            "make it anew from its source: hwsnn quantize SRC -o MODEL"
        )
    entries = reader.list("layers")
    encoder = Fields(reader.get("encoder"), "the encoder")
    network = Network(
        name=reader.text("name"),
        input_shape=reader.integers("input_shape", 3),  # type: ignore[arg-type]
        pixel_bits=reader.get("pixel_bits"),
        encoder=Encoder(encoder.text("kind"), encoder.get("seed")),  # type: ignore[arg-type]
        timesteps=reader.get("timesteps"),
        layers=tuple(_restore_layer(Fields(entry, f"layer {i}"), parts) for i, entry in enumerate(entries)),
        readout=reader.text("readout"),  # type: ignore[arg-type]
    )
    parts.finish()
    require_bounded(network.layers, network.shapes, network.timesteps)
    return network


def describe_kind(layer: Projection | MaxPool) -> dict[str, Any]:
    """What a layer is beside its tensors, weight bits and neuron, as JSON values."""
    settings = {name: list(value) if isinstance(value, tuple) else value for name, value in layer.settings.items()}
    return {"name": layer.name, "type": layer.kind} | settings


def restore_kind(entry: Fields) -> tuple[str, dict[str, Any]]:
    """The kind and the settings that ``describe_kind`` took apart. Raises ``ValueError`` for anything else."""
    kind = entry.text("type")
    require_choice(f"the type of {entry.where}", kind, tuple(SETTINGS))
    return kind, SETTINGS[kind](entry)


SETTINGS: Mapping[str, Callable[[Fields], dict[str, Any]]] = {
    "conv": lambda entry: {
        "stride": entry.integers("stride", 2),
        "padding": entry.integers("padding", 2),
        "groups": entry.get("groups", 1),
    },
    "dense": lambda entry: {},
    "maxpool": lambda entry: {
        "size": entry.integers("size", 2),
        "stride": entry.integers("stride", 2),
        "mode": entry.text("mode"),
    },
}
"""Reads the settings of each kind. What they may be is for the layer to check."""


def _restore_layer(entry: Fields, tensors: TensorReader) -> Layer:
    kind, settings = restore_kind(entry)
    name, made = entry.text("name"), cast("type[Any]", KINDS[kind])
    layer: Layer
    if not made.weighted:
        layer = made(name, **settings)
        return layer
    built = _restore_neuron(Fields(entry.get("neuron"), f"the neuron of {entry.where}"), name, tensors)
    weight, bias = tensors.take(f"{name}.weight", np.int8), tensors.take(f"{name}.bias", np.int32)
    layer = made(name, weight, bias, entry.get("weight_bits"), built, **settings)
    return layer


def _restore_neuron(entry: Fields, layer: str, tensors: TensorReader) -> AnyNeuron:
    leak, bits = _restore_leak(Fields(entry.get("leak"), f"the leak of {entry.where}")), entry.get("membrane_bits")
    if f"{layer}.threshold" not in tensors:
        return Integrator(leak, bits)
    threshold = tensors.take(f"{layer}.threshold", np.int32)
    sub = tensors.take(f"{layer}.sub", np.int32) if f"{layer}.sub" in tensors else None
    return Neuron(threshold, leak, entry.text("reset"), bits, sub)  # type: ignore[arg-type]


def _restore_leak(entry: Fields) -> Leak:
    name = entry.text("type")
    require_choice(f"the type of {entry.where}", name, tuple(LEAKS))
    kind = LEAKS[name]
    return kind(*(entry.get(field.name) for field in fields(kind)))
