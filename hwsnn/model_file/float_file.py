"""Trained networks as files: one ``.safetensors`` with float64 tensors, and the rest as JSON in its metadata.

Such a file is untrusted input (``hwsnn.model_file.tensor_file``). What comes back is what was saved, to the last bit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np

from hwsnn.float_network import (
    FLOAT_KINDS,
    FLOAT_PROJECTIONS,
    AnyFloatNeuron,
    AnyFloatProjection,
    FloatArray,
    FloatIntegrator,
    FloatLayer,
    FloatNetwork,
    FloatNeuron,
    FloatPopulation,
)
from hwsnn.spec.checks import assert_never, require_choice

from . import tensor_file
from .integer_file import describe_kind, describe_projection, names_before, restore_kind
from .tensor_file import Fields, TensorReader, Tensors

FORMAT = 2
INPUT = "input"
"""Prefix of the tensors that belong to the network's input; a layer of that name has none of theirs."""
SAID = ("timesteps", "encoding", "readout")
"""What a network may leave open, beside its input scale."""
DECAYS = ("beta", "alpha")
MAX_REMARK = 1000
"""Longest remark, in characters."""


def save(network: FloatNetwork, path: Path) -> None:
    """Write ``network`` to ``path``, atomically; the same network gives the same bytes.

    Raises ``ValueError`` for a network that could not be loaded again: names that no model may have, layers that do not
    fit, remarks that are no single lines.
    """
    description, tensors = describe(network)
    restore(description, tensors)
    tensor_file.save(path, tensor_file.TRAINED, description, tensors)


def load(path: Path) -> FloatNetwork:
    """The trained network in the file ``path``. Raises ``InputError`` for any other file."""
    return tensor_file.load(path, tensor_file.TRAINED, restore)


def describe(network: FloatNetwork) -> tuple[dict[str, Any], dict[str, FloatArray]]:
    """The network as JSON values, and the tensors by name.

    ``LAYER.0.weight`` of a layer's projection, ``LAYER.bias``, and what its neurons have by channel.
    """
    tensors: dict[str, FloatArray] = {}
    layers = []
    for layer, before in zip(network.layers, names_before(network.layers), strict=True):
        entry = describe_kind(layer, before)
        layers.append(entry)
        if not isinstance(layer, FloatPopulation):
            continue
        entry["projections"] = [describe_projection(projection, before) for projection in layer.projections]
        entry["neuron"] = _describe_neuron(layer.neuron)
        for index, projection in enumerate(layer.projections):
            tensors[f"{layer.name}.{index}.weight"] = projection.weight
        tensors[f"{layer.name}.bias"] = layer.bias
        for name, values in layer.neuron.by_channel.items():
            tensors[f"{layer.name}.{name}"] = values
    for name in ("mean", "std"):
        values = getattr(network, name)
        if values is not None:
            tensors[f"{INPUT}.{name}"] = values
    description = {
        "format": FORMAT,
        "name": network.name,
        "input_shape": list(network.input_shape),
        "layers": layers,
        "remarks": list(network.remarks),
        **{name: value for name in SAID if (value := getattr(network, name)) is not None},
    }
    if network.input_scale is not None:
        description["input_scale"] = float(network.input_scale)
    return description, tensors


def restore(description: object, tensors: Tensors) -> FloatNetwork:
    """The reverse of ``describe``. Raises ``ValueError`` for anything else."""
    reader, parts = Fields(description, "the network"), TensorReader(tensors)
    if reader.get("format") != FORMAT:
        raise ValueError(
            f"format must be {FORMAT}, not {reader.get('format')!r}: made by another version of hwsnn; "
            "make it again by its recipe: hwsnn train RECIPE --data DATA -o DIR"
        )
    layers = tuple(
        _restore_layer(Fields(entry, f"layer {index}"), parts) for index, entry in enumerate(reader.list("layers"))
    )
    network = FloatNetwork(
        name=reader.text("name"),
        input_shape=reader.integers("input_shape", 3),  # type: ignore[arg-type]
        layers=layers,
        remarks=tuple(_remark(value) for value in reader.list("remarks")),
        mean=parts.maybe(f"{INPUT}.mean", np.float64),
        std=parts.maybe(f"{INPUT}.std", np.float64),
        input_scale=reader.number("input_scale") if "input_scale" in reader else None,
        **{name: reader.get(name) for name in SAID if name in reader},
    )
    reader.finish()
    parts.finish()
    network.check()
    return network


def _restore_layer(entry: Fields, tensors: TensorReader) -> FloatLayer:
    kind, settings = restore_kind(entry)
    require_choice(f"the type of {entry.where}", kind, tuple(FLOAT_KINDS))
    name, made = entry.text("name"), cast("type[Any]", FLOAT_KINDS[kind])
    layer: FloatLayer
    if made is not FloatPopulation:
        layer = made(name, **settings)
    else:
        projections = tuple(
            _restore_projection(Fields(part, f"projection {index} of {entry.where}"), name, index, tensors)
            for index, part in enumerate(entry.list("projections"))
        )
        bias = tensors.take(f"{name}.bias", np.float64)
        neuron = _restore_neuron(Fields(entry.get("neuron"), f"the neuron of {entry.where}"), name, tensors)
        layer = FloatPopulation(name, projections, bias, neuron, **settings)
    entry.finish()
    return layer


def _restore_projection(entry: Fields, layer: str, index: int, tensors: TensorReader) -> AnyFloatProjection:
    kind, settings = restore_kind(entry)
    require_choice(f"the type of {entry.where}", kind, tuple(FLOAT_PROJECTIONS))
    made = cast("type[Any]", FLOAT_PROJECTIONS[kind])
    projection: AnyFloatProjection = made(layer, tensors.take(f"{layer}.{index}.weight", np.float64), **settings)
    entry.finish()
    return projection


def _describe_neuron(neuron: AnyFloatNeuron) -> dict[str, Any]:
    decays = {name: float(value) for name in DECAYS if isinstance(value := getattr(neuron, name), float | int)}
    match neuron:
        case FloatNeuron():
            fires = {"compare": neuron.compare, "reset": neuron.reset, "spikes": neuron.spikes, "once": neuron.once}
            return {"kind": "spiking", **decays, **fires}
        case FloatIntegrator():
            return {"kind": "integrator", **decays}
        case _:
            raise assert_never(neuron)


def _restore_neuron(entry: Fields, layer: str, tensors: TensorReader) -> AnyFloatNeuron:
    kind = entry.text("kind")
    require_choice(f"the kind of {entry.where}", kind, ("spiking", "integrator"))
    numbers: dict[str, Any] = {name: tensors.maybe(f"{layer}.{name}", np.float64) for name in ("initial", "floor")}
    for name in DECAYS:
        by_channel = tensors.maybe(f"{layer}.{name}", np.float64)
        if by_channel is not None:
            numbers[name] = by_channel
        elif name in entry or name == "beta":
            numbers[name] = entry.number(name)
    neuron: AnyFloatNeuron
    if kind == "integrator":
        neuron = FloatIntegrator(**numbers)
    else:
        threshold = tensors.take(f"{layer}.threshold", np.float64)
        numbers |= {name: entry.get(name) for name in ("compare", "reset", "spikes", "once")}
        neuron = FloatNeuron(threshold, **numbers)
    entry.finish()
    return neuron


def _remark(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or len(value) > MAX_REMARK:
        raise ValueError(f"a remark must be one line of at most {MAX_REMARK} printable characters, not {value!r}")
    return value
