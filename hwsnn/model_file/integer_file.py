"""Model files: one ``.safetensors`` with integer tensors, and the graph as JSON in its metadata.

A model file is untrusted input (``hwsnn.model_file.tensor_file``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from hwsnn.float_network import FloatLayer
from hwsnn.spec import (
    INPUT,
    KINDS,
    PROJECTIONS,
    AnyProjection,
    Conv,
    Encoder,
    Layer,
    Network,
    Population,
    Projection,
    Window,
)
from hwsnn.spec.checks import require_choice
from hwsnn.spec.integers import IntArray

from . import tensor_file
from .bounds import require_bounded
from .neurons import describe_neuron, restore_neuron
from .tensor_file import Fields, TensorReader, Tensors

FORMAT = 3


def model_hash(network: Network) -> str:
    """SHA-256 (hexadecimal) of a network: equal exactly for equal graphs and tensors."""
    graph, tensors = describe(network)
    digest = hashlib.sha256(json.dumps(graph, sort_keys=True, separators=(",", ":")).encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(str(tensors[name].shape).encode())
        digest.update(np.ascontiguousarray(tensors[name], dtype="<i4").tobytes())
    return digest.hexdigest()


def save(network: Network, path: Path, notes: dict[str, Any] | None = None) -> None:
    """Write ``network`` to ``path``, atomically. ``notes`` (JSON) are for people, such as the source of the model."""
    tensor_file.save(path, tensor_file.MODEL, *describe(network), notes)


def load(path: Path) -> Network:
    """The network in the model file ``path``. Raises ``InputError`` for any other file."""
    return tensor_file.load(path, tensor_file.MODEL, restore)


def describe(network: Network) -> tuple[dict[str, Any], dict[str, IntArray]]:
    """The graph as JSON values, and the tensors by name.

    ``LAYER.bias`` and each constant of a layer's neurons, ``LAYER.threshold`` and so on; of its projections, numbered
    from 0, ``LAYER.0.weight``, and maybe ``.gain`` and ``.padding_values``.
    """
    tensors: dict[str, IntArray] = {}
    layers = []
    for layer, before in zip(network.layers, names_before(network.layers), strict=True):
        entry = describe_kind(layer, before)
        layers.append(entry)
        if not isinstance(layer, Population):
            continue
        entry["projections"] = [
            _describe_projection(projection, before, f"{layer.name}.{index}", tensors)
            for index, projection in enumerate(layer.projections)
        ]
        entry["neuron"] = describe_neuron(layer.neuron)
        tensors[f"{layer.name}.bias"] = layer.bias.astype(np.int32)
        for constant, values in layer.neuron.constants.items():
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
    """The reverse of ``describe``. Raises ``ValueError`` for anything else."""
    reader, parts = Fields(graph, "the graph"), TensorReader(tensors)
    if reader.get("format") != FORMAT:
        raise ValueError(
            f"format must be {FORMAT}, not {reader.get('format')!r}: made by another version of hwsnn; "
            "make it again from its source: hwsnn quantize SRC -o MODEL"
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
    encoder.finish()
    reader.finish()
    parts.finish()
    require_bounded(network.layers, network.shapes, network.timesteps)
    return network


def names_before(layers: Sequence[Layer | FloatLayer]) -> list[str]:
    """The name of the layer before each one, which is its source where no other is named."""
    return [INPUT, *(layer.name for layer in layers)][: len(layers)]


def describe_kind(layer: Layer | FloatLayer, before: str) -> dict[str, Any]:
    """The fields of a layer besides its projections, tensors and neuron, as JSON values.

    ``before``: the layer before it. A source is named only where it is another one, so that a network has one hash.
    """
    fields = {"name": layer.name, "type": layer.kind} | _as_json(layer.settings)
    return {name: value for name, value in fields.items() if (name, value) != ("source", before)}


def describe_projection(projection: Projection, before: str) -> dict[str, Any]:
    """The fields of a projection besides its tensors and weight bits, as JSON values; ``before`` as for its layer."""
    source, delay = projection.port
    fields = {"type": projection.kind} | _as_json(projection.settings)
    if source not in (None, before):
        fields["source"] = source
    return fields | ({"delay": delay} if delay else {})


def restore_kind(entry: Fields) -> tuple[str, dict[str, Any]]:
    """The kind of a layer or projection and its settings. Raises ``ValueError`` for anything else."""
    kind = entry.text("type")
    require_choice(f"the type of {entry.where}", kind, tuple(SETTINGS))
    return kind, SETTINGS[kind](entry)


def _restore_pool(entry: Fields) -> Window | None:
    if "pool_size" not in entry:
        return None
    return Window(entry.integers("pool_size", 2), entry.integers("pool_stride", 2))  # type: ignore[arg-type]


def _restore_source(entry: Fields) -> str | None:
    return entry.text("source") if "source" in entry else None


def _restore_port(entry: Fields) -> dict[str, Any]:
    return {"source": _restore_source(entry), "delay": entry.get("delay", 0)}


SETTINGS: Mapping[str, Callable[[Fields], dict[str, Any]]] = {
    "population": lambda entry: {"pool": _restore_pool(entry)},
    "conv": lambda entry: {
        "stride": entry.integers("stride", 2),
        "padding": entry.integers("padding", 2),
        "groups": entry.get("groups", 1),
        **_restore_port(entry),
    },
    "dense": _restore_port,
    "maxpool": lambda entry: {
        "size": entry.integers("size", 2),
        "stride": entry.integers("stride", 2),
        "mode": entry.text("mode"),
        "source": _restore_source(entry),
    },
    "sum": lambda entry: {"sources": tuple(entry.list("sources"))},
}
"""Reads the settings of each kind of layer and projection. The class checks their values."""


def _as_json(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}


def _describe_projection(
    projection: AnyProjection, before: str, prefix: str, tensors: dict[str, IntArray]
) -> dict[str, Any]:
    tensors[f"{prefix}.weight"] = projection.weight.astype(np.int8)
    if projection.gain is not None:
        tensors[f"{prefix}.gain"] = projection.gain.astype(np.int32)
    if isinstance(projection, Conv) and projection.padding_values is not None:
        tensors[f"{prefix}.padding_values"] = projection.padding_values.astype(np.int32)
    return describe_projection(projection, before) | {"weight_bits": projection.weight_bits}


def _restore_layer(entry: Fields, tensors: TensorReader) -> Layer:
    kind, settings = restore_kind(entry)
    require_choice(f"the type of {entry.where}", kind, tuple(KINDS))
    name, made = entry.text("name"), cast("type[Any]", KINDS[kind])
    layer: Layer
    if made is not Population:
        layer = made(name, **settings)
    else:
        described = Fields(entry.get("neuron"), f"the neuron of {entry.where}")
        projections = tuple(
            _restore_projection(Fields(part, f"projection {index} of {entry.where}"), name, index, tensors)
            for index, part in enumerate(entry.list("projections"))
        )
        bias, neuron = tensors.take(f"{name}.bias", np.int32), restore_neuron(described, name, tensors)
        layer = Population(name, projections, bias, neuron, entry.get("fraction_bits"), **settings)
    entry.finish()
    return layer


def _restore_projection(entry: Fields, layer: str, index: int, tensors: TensorReader) -> AnyProjection:
    kind, settings = restore_kind(entry)
    require_choice(f"the type of {entry.where}", kind, tuple(PROJECTIONS))
    prefix, made = f"{layer}.{index}", cast("type[Any]", PROJECTIONS[kind])
    weight, gain = tensors.take(f"{prefix}.weight", np.int8), tensors.maybe(f"{prefix}.gain", np.int32)
    if made is Conv:
        settings["padding_values"] = tensors.maybe(f"{prefix}.padding_values", np.int32)
    projection: AnyProjection = made(layer, weight, entry.get("weight_bits"), gain, **settings)
    entry.finish()
    return projection
