"""Neurons in model files: their fields as JSON values; their constants per channel are tensors."""

from __future__ import annotations

from itertools import count, takewhile
from typing import Any

import numpy as np

from hwsnn.spec import (
    LEAKS,
    AnyNeuron,
    ChannelLeak,
    Integrator,
    Leak,
    MultiplyLeak,
    Neuron,
    NoLeak,
    ShiftLeak,
    SynapticCurrent,
)
from hwsnn.spec.checks import assert_never

from .tensor_file import Fields, TensorReader


def describe_neuron(neuron: AnyNeuron) -> dict[str, Any]:
    """The fields of a neuron besides its constants."""
    synapse = neuron.synapse
    return {
        "leak": _describe_leak(neuron.leak),
        "membrane_bits": neuron.membrane_bits,
        **({} if synapse is None else {"synapse": {"leak": _describe_leak(synapse.leak), "bits": synapse.bits}}),
        **neuron.settings,
    }


def restore_neuron(entry: Fields, layer: str, tensors: TensorReader) -> AnyNeuron:
    """The reverse of ``describe_neuron``, with the constants ``LAYER.NAME`` of the tensors."""
    synapse = None
    if "synapse" in entry:
        described = Fields(entry.get("synapse"), f"the synaptic current of {entry.where}")
        leak = _restore_leak(described, f"{layer}.synapse_multiplier", tensors)
        synapse = SynapticCurrent(leak, described.get("bits"))
        described.finish()
    leak, bits = _restore_leak(entry, f"{layer}.multiplier", tensors), entry.get("membrane_bits")
    initial, floor = (tensors.maybe(f"{layer}.{name}", np.int32) for name in ("initial", "floor"))
    neuron: AnyNeuron
    if "reset" in entry or f"{layer}.threshold" in tensors:
        names = takewhile(lambda name: name in tensors, (f"{layer}.threshold_{k}" for k in count(2)))
        further = [tensors.take(name, np.int32) for name in names]
        neuron = Neuron(
            tensors.take(f"{layer}.threshold", np.int32),
            leak,
            entry.text("reset"),  # type: ignore[arg-type]
            bits,
            tensors.maybe(f"{layer}.sub", np.int32),
            synapse,
            initial,
            floor,
            _rows(layer, further) if further else None,
            entry.get("once", False),
        )
    else:
        neuron = Integrator(leak, bits, synapse, initial, floor)
    entry.finish()
    return neuron


def _rows(layer: str, further: list[Any]) -> Any:
    if len({row.shape for row in further}) > 1:
        raise ValueError(f"the thresholds of layer {layer!r} must have one shape")
    return np.stack(further)


def _describe_leak(leak: Leak) -> dict[str, Any]:
    match leak:
        case NoLeak():
            return {"type": leak.kind}
        case ShiftLeak() | ChannelLeak():
            return {"type": leak.kind, "shift": leak.shift}
        case MultiplyLeak():
            return {"type": leak.kind, "multiplier": leak.multiplier, "shift": leak.shift}
        case _:
            raise assert_never(leak)


def _restore_leak(owner: Fields, multipliers: str, tensors: TensorReader) -> Leak:
    entry = Fields(owner.get("leak"), f"the leak of {owner.where}")
    kind = entry.text("type")
    leak: Leak
    match kind:
        case "none":
            leak = NoLeak()
        case "shift":
            leak = ShiftLeak(entry.get("shift"))
        case "multiply":
            leak = MultiplyLeak(entry.get("multiplier"), entry.get("shift"))
        case "channels":
            leak = ChannelLeak(tensors.take(multipliers, np.int32), entry.get("shift"))
        case _:
            raise ValueError(f"the type of {entry.where} must be one of {', '.join(LEAKS)}, not {kind!r}")
    entry.finish()
    return leak
