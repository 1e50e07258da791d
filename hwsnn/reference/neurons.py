"""The neurons of a layer, step by step: leak, add, saturate, compare, reset."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from hwsnn.spec.checks import assert_never
from hwsnn.spec.integers import Range, signed_limits

from ..spec import AnyNeuron, ChannelLeak, Integrator, Leak, MultiplyLeak, Neuron, NoLeak, ShiftLeak
from .exact import FloatArray, exact_float

Spikes: TypeAlias = npt.NDArray[np.bool_] | npt.NDArray[np.uint8]
"""How many spikes: bool where there is at most one."""


class Step(NamedTuple):
    """What a step leaves: arrays (N, rows, columns, channels) of everything that it computed.

    ``s``: the synaptic current, or the input current where there is none. ``whole``: leak(v) + s, before anything is
    taken off and before it saturates. ``fired``, of neurons that fire once: whether they have in any step yet.
    """

    s: FloatArray
    whole: FloatArray
    u: FloatArray
    spikes: Spikes
    fired: Spikes


class Neurons:
    """The neurons of one layer over ``timesteps`` steps, with input currents in a range."""

    def __init__(self, neuron: AnyNeuron, currents: Range, timesteps: int) -> None:
        self._neuron = neuron
        added, largest = currents.magnitude, list[int]()
        self._limits_of_s: tuple[int, int] | None = None
        if neuron.synapse is not None:
            low, high = signed_limits(neuron.synapse.bits)
            largest += [added - low, neuron.synapse.leak.largest_product(-low)]
            self._limits_of_s = (low, high) if timesteps * added > high else None
            added = min(timesteps * added, -low)
        low, high = signed_limits(neuron.membrane_bits)
        self._limits = (low, high) if timesteps * added + _beyond(neuron) > high else None
        # Several spikes may take off as much as there is between the limits.
        largest += [max(added, -low) - low, neuron.leak.largest_product(-low)]
        self.dtype = exact_float(max(largest))
        """The narrowest type that holds every value of a step."""
        self._constants = {name: values.astype(self.dtype) for name, values in neuron.constants.items()}
        thresholds = neuron.thresholds if isinstance(neuron, Neuron) else ()
        self._thresholds = [values.astype(self.dtype) for values in thresholds]

    def step(self, before: Step | None, current: FloatArray) -> Step:
        """A step with input currents (N, rows, columns, channels) of ``dtype``, which stay as they are.

        ``before``: the step before it, None for none.
        """
        s = self._synaptic(before, current)
        v = self._initial(s.shape) if before is None else self._reset(before)
        whole = s
        if v is not None:
            whole = _leaked(self._neuron.leak, v)
            whole += s
        u = _clipped(self._late(before, v, whole), self._limits)
        spikes = self._fire(u)
        fired = spikes
        if before is not None and isinstance(self._neuron, Neuron) and self._neuron.once:
            spikes, fired = spikes > before.fired, spikes | before.fired
        return Step(s, whole, u, spikes, fired)

    def _synaptic(self, before: Step | None, current: FloatArray) -> FloatArray:
        """s = saturate(leak_s(s) + I), or the current itself."""
        if self._neuron.synapse is None:
            return current
        if before is None:
            return _clipped(current, self._limits_of_s)
        s = _leaked(self._neuron.synapse.leak, before.s)
        s += current
        return _clipped(s, self._limits_of_s)

    def _initial(self, shape: tuple[int, ...]) -> FloatArray | None:
        """v before the first step; None for 0."""
        initial = self._constants.get("initial")
        return None if initial is None else np.broadcast_to(initial, shape)

    def _late(self, before: Step | None, v: FloatArray | None, whole: FloatArray) -> FloatArray:
        """What u is before it saturates: ``whole``, and the resets that belong to v before this step."""
        match self._neuron:
            case Neuron(reset="late-subtract") if before is not None:
                return whole - np.multiply(before.spikes, self._constants["sub"])
            case Neuron(reset="late-zero") if before is not None:
                return np.multiply(whole, ~before.spikes)
            case Neuron(reset="undelayed-subtract") if v is not None:
                return whole - np.multiply(v >= self._constants["threshold"], self._constants["sub"])
            case _:
                return whole

    def _fire(self, u: FloatArray) -> Spikes:
        if len(self._thresholds) == 1:
            fires: npt.NDArray[np.bool_] = u >= self._thresholds[0]
            return fires
        spikes = np.zeros(u.shape, np.uint8)
        for threshold in self._thresholds:
            spikes += u >= threshold
        return spikes

    def _reset(self, step: Step) -> FloatArray:
        """v after a step."""
        v = self._without_floor(step)
        return np.maximum(v, self._constants["floor"]) if "floor" in self._constants else v

    def _without_floor(self, step: Step) -> FloatArray:
        match self._neuron:
            case Integrator():
                return step.u
            case Neuron(reset=reset):
                pass
            case neuron:
                raise assert_never(neuron)
        match reset:
            case "subtract":
                taken: FloatArray = np.multiply(step.spikes, self._constants["sub"])
                return np.subtract(step.u, taken, out=taken)
            case "zero":
                return np.multiply(step.u, np.logical_not(step.spikes))
            case "none" | "late-subtract" | "late-zero":
                return step.u
            case "undelayed-subtract":
                return _clipped(step.whole - np.multiply(step.spikes, self._constants["sub"]), self._limits)
            case _:
                raise assert_never(reset)


def _clipped(values: FloatArray, limits: tuple[int, int] | None) -> FloatArray:
    return values if limits is None else np.clip(values, *limits)


def _beyond(neuron: AnyNeuron) -> int:
    """How far a membrane may lie from zero beside the sum of its currents, where it does not saturate.

    Leaks, resets to zero and lower bounds move it towards zero. What a reset takes off moves it beyond zero by at most
    what that exceeds the membrane that it is taken from: a threshold, or a membrane that leaked since.
    """
    initial = 0 if neuron.initial is None else int(np.abs(neuron.initial.astype(np.int64)).max())
    if not isinstance(neuron, Neuron) or neuron.sub is None:
        return initial
    taken = neuron.sub.astype(np.int64) * np.arange(1, neuron.spikes + 1)[:, np.newaxis]
    return max(initial, int((taken - neuron.thresholds if neuron.reset == "subtract" else taken).max()))


def _leaked(leak: Leak, v: FloatArray) -> FloatArray:
    """leak(v), an array of its own."""
    match leak:
        case NoLeak():
            return np.array(v)
        case ShiftLeak():
            lost: FloatArray = np.multiply(v, v.dtype.type(2.0**-leak.shift))
            np.floor(lost, out=lost)
            return np.subtract(v, lost, out=lost)
        case MultiplyLeak():
            product: FloatArray = np.multiply(v, v.dtype.type(leak.multiplier / 2**leak.shift))
            return np.floor(product, out=product)
        case ChannelLeak():
            products: FloatArray = np.multiply(v, (leak.multipliers / 2**leak.shift).astype(v.dtype))
            return np.floor(products, out=products)
        case _:
            raise assert_never(leak)
