"""The integers per channel that a step of a neuron reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from amaranth.lib import data

from hwsnn.spec import AnyNeuron, Neuron
from hwsnn.spec.integers import Int64Array

from .rom import shape_of


def step_constants(neuron: AnyNeuron) -> Mapping[str, Int64Array]:
    """Every number that ``step_stages`` names, (channels,) each: the neuron's own, and those that follow from them.

    ``leaked_initial``: what the first step adds its current to; ``..._reduced``: less the reset amount; ``again``:
    whether the initial membrane reaches the threshold. ``floor_reduced``: u below it is below the floor after a spike.
    ``bound`` and ``threshold_before`` are the floor and the threshold in another cycle.
    """
    numbers = {name: values.astype(np.int64) for name, values in neuron.constants.items()}
    if neuron.floor is not None:
        numbers["bound"] = numbers["floor"]
    if neuron.initial is not None:
        numbers["leaked_initial"] = np.asarray(neuron.leak.leaked(numbers["initial"]))
    if not isinstance(neuron, Neuron):
        return numbers
    threshold = numbers["threshold"]
    if neuron.sub is not None and neuron.floor is not None:
        numbers["floor_reduced"] = numbers["floor"] + numbers["sub"]
    if neuron.reset == "undelayed-subtract":
        initial = numbers.setdefault("initial", np.zeros_like(threshold))
        leaked = numbers.setdefault("leaked_initial", np.zeros_like(threshold))
        numbers["leaked_initial_reduced"] = leaked - numbers["sub"]
        numbers["again"] = (initial >= threshold).astype(np.int64)
        numbers["threshold_before"] = threshold
    return numbers


def constants_layout(neuron: AnyNeuron, names: Iterable[str]) -> data.StructLayout:
    """These constants of a channel as one number, each as wide as the widest of all channels."""
    numbers = step_constants(neuron)
    return data.StructLayout({name: shape_of(int(numbers[name].min()), int(numbers[name].max())) for name in names})
