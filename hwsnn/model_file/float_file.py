"""Trained networks as files: one ``.safetensors`` with float64 tensors, and all else as JSON in its metadata.

Such a file is untrusted input (``hwsnn.model_file.tensor_file``). What comes back is what was saved, to the last bit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np

from hwsnn.float_network import (
    FLOAT_KINDS,
    FloatArray,
    FloatIntegrator,
    FloatLayer,
    FloatNetwork,
    FloatNeuron,
    FloatWeighted,
)
from hwsnn.spec.checks import assert_never, require_choice

from . import tensor_file
from .integer_file import describe_kind, restore_kind
from .tensor_file import Fields, TensorReader, Tensors

FORMAT = 1
MAX_REMARK = 1000
"""Longest remark, in characters."""


def save(network: FloatNetwork, path: Path) -> None:
    """Write ``network`` to ``path``, whole or not at all, the same bytes for the same network.

    Raises ``ValueError`` for a network that could not be loaded again: names that no model may have, layers that do not
    fit, remarks that are no single lines.
    """
    description, tensors = describe(network)
    restore(description, tensors)
    tensor_file.save(path, tensor_file.TRAINED, description, tensors)


def load(path: Path) -> FloatNetwork:
    """The trained network in the file ``path``. Raises ``InputError`` for whatever is not one."""
    return tensor_file.load(path, tensor_file.TRAINED, restore)


def describe(network: FloatNetwork) -> tuple[dict[str, Any], dict[str, FloatArray]]:
    """The network as JSON values, and the tensors by name: ``LAYER.weight``, ``.bias`` and ``.threshold``."""
    tensors: dict[str, FloatArray] = {}
    layers = []
    for layer in network.layers:
        entry = describe_kind(layer)
        layers.append(entry)
        if not isinstance(layer, FloatWeighted):
            continue
        entry["neuron"] = _describe_neuron(layer.neuron)
        tensors[f"{layer.name}.weight"] = layer.weight
        tensors[f"{layer.name}.bias"] = layer.bias
        if isinstance(layer.neuron, FloatNeuron):
            tensors[f"{layer.name}.threshold"] = layer.neuron.threshold
    description = {
        "format": FORMAT,
        "name": network.name,
        "input_shape": list(network.input_shape),
        "layers": layers,
        "timesteps": network.timesteps,
        "encoding": network.encoding,
        "remarks": list(network.remarks),
    }
    return description, {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}


def restore(description: object, tensors: Tensors) -> FloatNetwork:
    """The network that ``describe`` took apart. Raises ``ValueError`` for anything else."""
    reader, parts = Fields(description, "the network"), TensorReader(tensors)
    if reader.get("format") != FORMAT:
        raise ValueError(f"format must be {FORMAT}, not {reader.get('format')!r}: made by another version of hwsnn")
    layers = tuple(
        _restore_layer(Fields(entry, f"layer {index}"), parts) for index, entry in enumerate(reader.list("layers"))
    )
    network = FloatNetwork(
        name=reader.text("name"),
        input_shape=reader.integers("input_shape", 3),  # type: ignore[arg-type]
        layers=layers,
        remarks=tuple(_remark(value) for value in reader.list("remarks")),
        timesteps=reader.get("timesteps"),
        encoding=reader.get("encoding"),
    )
    reader.finish()
    parts.finish()
    network.check()
    return network


def _restore_layer(entry: Fields, tensors: TensorReader) -> FloatLayer:
    kind, settings = restore_kind(entry)
    name, made = entry.text("name"), cast("type[Any]", FLOAT_KINDS[kind])
    parts: list[Any] = []
    if made.weighted:
        parts = [tensors.take(f"{name}.{part}", np.float64) for part in ("weight", "bias")]
        parts.append(_restore_neuron(Fields(entry.get("neuron"), f"the neuron of {entry.where}"), name, tensors))
    layer: FloatLayer = made(name, *parts, **settings)
    entry.finish()
    return layer


def _describe_neuron(neuron: FloatNeuron | FloatIntegrator) -> dict[str, Any]:
    match neuron:
        case FloatNeuron():
            return {"kind": "spiking", "beta": float(neuron.beta), "compare": neuron.compare, "reset": neuron.reset}
        case FloatIntegrator():
            return {"kind": "integrator", "beta": float(neuron.beta)}
        case _:
            raise assert_never(neuron)


def _restore_neuron(entry: Fields, layer: str, tensors: TensorReader) -> FloatNeuron | FloatIntegrator:
    kind, beta = entry.text("kind"), entry.number("beta")
    require_choice(f"the kind of {entry.where}", kind, ("spiking", "integrator"))
    neuron: FloatNeuron | FloatIntegrator = FloatIntegrator(beta)
    if kind == "spiking":
        threshold = tensors.take(f"{layer}.threshold", np.float64)
        neuron = FloatNeuron(threshold, beta, entry.text("compare"), entry.text("reset"))  # type: ignore[arg-type]
    entry.finish()
    return neuron


def _remark(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or len(value) > MAX_REMARK:
        raise ValueError(f"a remark must be one line of at most {MAX_REMARK} printable characters, not {value!r}")
    return value
