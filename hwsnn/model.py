"""Model files: one ``.safetensors`` with integer tensors, and the graph as JSON in its metadata.

A model file is untrusted input: nothing in it is executed, every value is checked, and whatever is wrong is an
``InputError`` of one line.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError, reason
from .files import written_whole
from .numeric import IntArray
from .spec import (
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

FORMAT = 1
Tensors = dict[str, IntArray]


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
    from safetensors.numpy import save as to_bytes

    graph, tensors = describe(network)
    metadata = {"hwsnn": json.dumps(graph, sort_keys=True)}
    if notes is not None:
        metadata["notes"] = json.dumps(notes, sort_keys=True)
    with written_whole(path) as partial:
        partial.write_bytes(_in_order(to_bytes(tensors, metadata)))


def _in_order(file: bytes) -> bytes:
    """A safetensors file with its header in one order; the library writes metadata in any."""
    start, end = 8, 8 + int.from_bytes(file[:8], "little")
    header = json.dumps(json.loads(file[start:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # as the library does: the tensors stay aligned
    return len(header).to_bytes(8, "little") + header + file[end:]


def load(path: Path) -> Network:
    """The network in the model file ``path``. Raises ``InputError`` for whatever is not one."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise InputError(f"{path}: no such model file; give a .safetensors file, or the name of a shipped model")
    path.open("rb").close()  # safetensors would call a file that may not be read missing
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a mapping)
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: not a readable safetensors file ({reason(error)})") from None
    if "hwsnn" not in metadata:
        raise InputError(f"{path}: not a hwsnn model: its metadata lacks the key 'hwsnn'; make one with hwsnn quantize")
    try:
        return restore(json.loads(metadata["hwsnn"]), tensors)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a usable hwsnn model: {reason(error)}") from None


def describe(network: Network) -> tuple[dict[str, Any], Tensors]:
    """The graph as JSON values, and the tensors by name: ``LAYER.weight``, ``.bias`` and ``.threshold``."""
    tensors: Tensors = {}
    layers = []
    for layer in network.layers:
        if isinstance(layer, MaxPool):
            layers.append(
                {
                    "type": "maxpool",
                    "name": layer.name,
                    "size": list(layer.size),
                    "stride": list(layer.stride),
                    "mode": layer.mode,
                }
            )
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
    reader = _Reader(graph, "the graph")
    if reader.get("format") != FORMAT:
        raise ValueError(f"format must be {FORMAT}, not {reader.get('format')!r}: made by another version of hwsnn")
    entries = reader.get("layers")
    if not isinstance(entries, list):
        raise ValueError(f"layers must be a list, not {type(entries).__name__}")
    unused = set(tensors)
    encoder = _Reader(reader.get("encoder"), "the encoder")
    network = Network(
        name=reader.text("name"),
        input_shape=reader.integers("input_shape", 3),  # type: ignore[arg-type]
        pixel_bits=reader.get("pixel_bits"),
        encoder=Encoder(encoder.text("kind"), encoder.get("seed")),  # type: ignore[arg-type]
        timesteps=reader.get("timesteps"),
        layers=tuple(_restore_layer(_Reader(entry, f"layer {i}"), tensors, unused) for i, entry in enumerate(entries)),
        readout=reader.text("readout"),  # type: ignore[arg-type]
    )
    if unused:
        raise ValueError(f"every tensor must belong to a layer, not {sorted(unused)[0]!r}")
    return network


class _Reader:
    """Typed look-ups in one JSON object, with errors that say where."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise ValueError(f"{where} must be a JSON object, not {type(value).__name__}")
        self._value = value
        self.where = where

    def get(self, key: str) -> Any:
        if key not in self._value:
            raise ValueError(f"{self.where} must have {key!r}")
        return self._value[key]

    def text(self, key: str) -> str:
        value = self.get(key)
        if not isinstance(value, str):
            raise ValueError(f"{key} of {self.where} must be a string, not {type(value).__name__}")
        return value

    def integers(self, key: str, length: int) -> tuple[int, ...]:
        value = self.get(key)
        if not isinstance(value, list) or len(value) != length:
            raise ValueError(f"{key} of {self.where} must be {length} integers, not {value!r}")
        return tuple(value)


def _restore_layer(entry: _Reader, tensors: Tensors, unused: set[str]) -> Layer:
    kind, name = entry.text("type"), entry.text("name")
    if kind == "maxpool":
        return MaxPool(name, entry.integers("size", 2), entry.integers("stride", 2), entry.text("mode"))  # type: ignore[arg-type]
    if kind not in ("conv", "dense"):
        raise ValueError(f"the type of {entry.where} must be conv, dense or maxpool, not {kind!r}")

    def tensor(part: str, dtype: type) -> IntArray:
        key = f"{name}.{part}"
        if key not in tensors:
            raise ValueError(f"the tensors must have {key!r}")
        if tensors[key].dtype != dtype:
            raise ValueError(f"tensor {key!r} must be {np.dtype(dtype)}, not {tensors[key].dtype}")
        unused.discard(key)
        return tensors[key]

    neuron = _Reader(entry.get("neuron"), f"the neuron of {entry.where}")
    leak = _restore_leak(_Reader(neuron.get("leak"), f"the leak of {entry.where}"))
    bits = neuron.get("membrane_bits")
    fires = f"{name}.threshold" in tensors
    if fires:
        built: Neuron | Integrator = Neuron(tensor("threshold", np.int32), leak, neuron.text("reset"), bits)  # type: ignore[arg-type]
    else:
        built = Integrator(leak, bits)
    common = (name, tensor("weight", np.int8), tensor("bias", np.int32), entry.get("weight_bits"), built)
    if kind == "dense":
        return Dense(*common)
    return Conv(*common, stride=entry.integers("stride", 2), padding=entry.integers("padding", 2))  # type: ignore[arg-type]


def _describe_leak(leak: Leak) -> dict[str, Any]:
    if isinstance(leak, ShiftLeak):
        return {"type": "shift", "shift": leak.shift}
    if isinstance(leak, MultiplyLeak):
        return {"type": "multiply", "multiplier": leak.multiplier, "shift": leak.shift}
    return {"type": "none"}


def _restore_leak(leak: _Reader) -> Leak:
    kind = leak.text("type")
    if kind == "none":
        return NoLeak()
    if kind == "shift":
        return ShiftLeak(leak.get("shift"))
    if kind == "multiply":
        return MultiplyLeak(leak.get("multiplier"), leak.get("shift"))
    raise ValueError(f"the type of {leak.where} must be none, shift or multiply, not {kind!r}")
