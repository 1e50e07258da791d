"""Model files: one ``.safetensors`` with integer tensors, and the graph as JSON in its metadata.

A model file is untrusted input (``hwsnn.model_file.tensor_file``).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from hwsnn.spec import (
    Conv,
    Dense,
    Encoder,
    Integrator,
    Layer,
    Leak,
    MaxPool,
    MultiplyLeak,
    Network,
    Neuron,
    NoLeak,
    ShiftLeak,
)
from hwsnn.spec.integers import IntArray

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
        if isinstance(layer, MaxPool):
            layers.append(describe_pool(layer))
            continue
        entry: dict[str, Any] = {"name": layer.name, "weight_bits": layer.weight_bits}
        if isinstance(layer, Conv):
            entry |= {"type": "conv", "stride": list(layer.stride), "padding": list(layer.padding)}
        else:
            entry |= {"type": "dense"}
        entry["neuron"] = {"leak": _describe_leak(layer.neuron.leak), "membrane_bits": layer.neuron.membrane_bits}
        tensors[f"{layer.name}.weight"] = layer.weight.astype(np.int8)
        tensors[f"{layer.name}.bias"] = layer.bias.astype(np.int32)
        if isinstance(layer.neuron, Neuron):
            entry["neuron"]["reset"] = layer.neuron.reset
            tensors[f"{layer.name}.threshold"] = layer.neuron.threshold.astype(np.int32)
            if layer.neuron.sub is not None:
                tensors[f"{layer.name}.sub"] = layer.neuron.sub.astype(np.int32)
        layers.append(entry)
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


def describe_pool(layer: MaxPool) -> dict[str, Any]:
    """A spiking max-pool as JSON values."""
    return {
        "type": "maxpool",
        "name": layer.name,
        "size": list(layer.size),
        "stride": list(layer.stride),
        "mode": layer.mode,
    }


def restore_pool(entry: Fields) -> MaxPool:
    """The max-pool that ``describe_pool`` took apart. Raises ``ValueError`` for anything else."""
    size, stride = entry.integers("size", 2), entry.integers("stride", 2)
    return MaxPool(entry.text("name"), size, stride, entry.text("mode"))  # type: ignore[arg-type]


def _restore_layer(entry: Fields, tensors: TensorReader) -> Layer:
    kind, name = entry.text("type"), entry.text("name")
    if kind == "maxpool":
        return restore_pool(entry)
    if kind not in ("conv", "dense"):
        raise ValueError(f"the type of {entry.where} must be conv, dense or maxpool, not {kind!r}")
    neuron = Fields(entry.get("neuron"), f"the neuron of {entry.where}")
    leak = _restore_leak(Fields(neuron.get("leak"), f"the leak of {entry.where}"))
    bits = neuron.get("membrane_bits")
    built: Neuron | Integrator = Integrator(leak, bits)
    if f"{name}.threshold" in tensors:
        threshold = tensors.take(f"{name}.threshold", np.int32)
        sub = tensors.take(f"{name}.sub", np.int32) if f"{name}.sub" in tensors else None
        built = Neuron(threshold, leak, neuron.text("reset"), bits, sub)  # type: ignore[arg-type]
    weight, bias = tensors.take(f"{name}.weight", np.int8), tensors.take(f"{name}.bias", np.int32)
    common = (name, weight, bias, entry.get("weight_bits"), built)
    if kind == "dense":
        return Dense(*common)
    return Conv(*common, stride=entry.integers("stride", 2), padding=entry.integers("padding", 2))  # type: ignore[arg-type]


def _describe_leak(leak: Leak) -> dict[str, Any]:
    if isinstance(leak, ShiftLeak):
        return {"type": "shift", "shift": leak.shift}
    if isinstance(leak, MultiplyLeak):
        return {"type": "multiply", "multiplier": leak.multiplier, "shift": leak.shift}
    return {"type": "none"}


def _restore_leak(leak: Fields) -> Leak:
    kind = leak.text("type")
    if kind == "none":
        return NoLeak()
    if kind == "shift":
        return ShiftLeak(leak.get("shift"))
    if kind == "multiply":
        return MultiplyLeak(leak.get("multiplier"), leak.get("shift"))
    raise ValueError(f"the type of {leak.where} must be none, shift or multiply, not {kind!r}")
