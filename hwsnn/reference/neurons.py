"""One step of neurons: leak, add, saturate, compare, reset."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hwsnn.spec.checks import assert_never
from hwsnn.spec.integers import Range, signed_limits

from ..spec import AnyNeuron, Integrator, Leak, MultiplyLeak, Neuron, NoLeak, Reset, ShiftLeak
from .exact import FloatArray, exact_float

State: TypeAlias = dict[str, FloatArray]
"""The variables that a neuron declares as its state, by name, each (N, rows, columns, channels); all 0 where empty."""


class Neurons:
    """The neurons of one layer over ``timesteps`` steps, with input currents in a range.

    State and currents are arrays (N, rows, columns, channels) of ``dtype`` that no method modifies, so the same current
    may be used at every step. A step is ``integrate``; then, of neurons that fire, ``fire`` and ``reset``.
    """

    def __init__(self, neuron: AnyNeuron, currents: Range, timesteps: int) -> None:
        self._neuron = neuron
        self._low, self._high = signed_limits(neuron.membrane_bits)
        self._saturates = timesteps * currents.magnitude + _beyond(neuron) > self._high
        largest = max(currents.magnitude - self._low, neuron.leak.largest_product(-self._low))
        self.dtype = exact_float(largest)
        """The narrowest type that holds every value of a step."""
        self._constants = {name: values.astype(self.dtype) for name, values in neuron.constants.items()}

    def integrate(self, state: State, current: FloatArray) -> State:
        """The state with v = u, that is saturate(leak(v) + I)."""
        u = current
        if state:
            u = _leaked(self._neuron.leak, state["v"])
            u += current
        return {"v": np.clip(u, self._low, self._high) if self._saturates else u}

    def fire(self, state: State) -> npt.NDArray[np.bool_]:
        """Which neurons spike, of the state that ``integrate`` made."""
        spikes: npt.NDArray[np.bool_] = state["v"] >= self._constants["threshold"]
        return spikes

    def reset(self, state: State, spikes: npt.NDArray[np.bool_]) -> State:
        """The state after the reset of those that spike."""
        match self._neuron:
            case Neuron(reset=reset):
                return {"v": self._after_reset(reset, state["v"], spikes)}
            case Integrator():
                return state
            case neuron:
                raise assert_never(neuron)

    def _after_reset(self, reset: Reset, u: FloatArray, spikes: npt.NDArray[np.bool_]) -> FloatArray:
        match reset:
            case "subtract":
                taken: FloatArray = np.multiply(spikes, self._constants["sub"])
                return np.subtract(u, taken, out=taken)
            case "zero":
                return np.multiply(u, ~spikes)
            case "none":
                return u
            case _:
                raise assert_never(reset)


def _beyond(neuron: AnyNeuron) -> int:
    """How far a membrane may lie from zero beside the sum of its currents, where it does not saturate.

    Leaks and resets move it towards zero; a reset beyond that, by what sub exceeds the threshold.
    """
    match neuron:
        case Neuron():
            return 0 if neuron.sub is None else max(0, int((neuron.sub.astype(np.int64) - neuron.threshold).max()))
        case Integrator():
            return 0
        case _:
            raise assert_never(neuron)


def _leaked(leak: Leak, v: FloatArray) -> FloatArray:
    """leak(v), an array of its own."""
    match leak:
        case NoLeak():
            return np.copy(v)
        case ShiftLeak():
            lost: FloatArray = np.multiply(v, v.dtype.type(2.0**-leak.shift))
            np.floor(lost, out=lost)
            return np.subtract(v, lost, out=lost)
        case MultiplyLeak():
            product: FloatArray = np.multiply(v, v.dtype.type(leak.multiplier / 2**leak.shift))
            return np.floor(product, out=product)
        case _:
            raise assert_never(leak)
