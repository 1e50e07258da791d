"""Membrane potentials: leak, add, saturate, compare, reset."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hwsnn.spec.integers import Range, signed_limits

from ..spec import Integrator, MultiplyLeak, Neuron, ShiftLeak
from .exact import FloatArray, exact_float


class Neurons:
    """The neurons of one layer over ``timesteps`` steps, with input currents in a range.

    Membranes and currents are arrays (N, rows, columns, channels) of ``dtype`` that no method writes, so that the same
    current may be given at every step.
    """

    def __init__(self, neuron: Neuron | Integrator, currents: Range, timesteps: int) -> None:
        self._neuron = neuron
        self._low, self._high = signed_limits(neuron.membrane_bits)
        # Leaks and resets move a membrane towards zero, and a reset beyond it by what sub exceeds the threshold:
        # without saturation it is at most that and the sum of its currents.
        beyond = 0
        if isinstance(neuron, Neuron) and neuron.sub is not None:
            beyond = max(0, int((neuron.sub.astype(np.int64) - neuron.threshold).max()))
        self._saturates = timesteps * currents.magnitude + beyond > self._high
        largest = currents.magnitude - self._low
        if isinstance(neuron.leak, MultiplyLeak):
            largest = max(largest, -self._low * neuron.leak.multiplier)
        self.dtype = exact_float(largest)
        """What holds every value of a step."""
        self._threshold = neuron.threshold.astype(self.dtype) if isinstance(neuron, Neuron) else None
        self._sub = None
        if isinstance(neuron, Neuron) and neuron.sub is not None:
            self._sub = neuron.sub.astype(self.dtype)

    def integrate(self, v: FloatArray | None, current: FloatArray) -> FloatArray:
        """u = saturate(leak(v) + I) of membranes v, where None is all zeros."""
        u = current
        if v is not None:
            u = self._leaked(v)
            u += current
        return np.clip(u, self._low, self._high) if self._saturates else u

    def fire(self, u: FloatArray) -> npt.NDArray[np.bool_]:
        """Which neurons spike. An integrator has no threshold, hence none of this."""
        if self._threshold is None:
            raise TypeError("only neurons with a threshold fire")
        spikes: npt.NDArray[np.bool_] = u >= self._threshold
        return spikes

    def reset(self, u: FloatArray, spikes: npt.NDArray[np.bool_]) -> FloatArray:
        """The membranes after the reset of those that spike."""
        if self._sub is not None:
            taken: FloatArray = np.multiply(spikes, self._sub)
            return np.subtract(u, taken, out=taken)
        if isinstance(self._neuron, Neuron) and self._neuron.reset == "zero":
            return np.multiply(u, ~spikes)
        return u

    def _leaked(self, v: FloatArray) -> FloatArray:
        """leak(v), an array of its own."""
        leak = self._neuron.leak
        if isinstance(leak, MultiplyLeak):
            product: FloatArray = np.multiply(v, self.dtype(leak.beta))
            return np.floor(product, out=product)
        if isinstance(leak, ShiftLeak):
            lost: FloatArray = np.multiply(v, self.dtype(2.0**-leak.shift))
            np.floor(lost, out=lost)
            return np.subtract(v, lost, out=lost)
        return np.copy(v)
