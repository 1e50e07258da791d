"""Membrane potentials: leak, add, saturate, compare, reset."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..numeric import IntArray, Range, signed_limits
from ..spec import Integrator, MultiplyLeak, Neuron, ShiftLeak


def membrane_type(neuron: Neuron | Integrator, currents: Range) -> type[np.integer]:
    """int32 where it holds every value of a step, before saturation too, else int64."""
    v = Range(*signed_limits(neuron.membrane_bits))
    largest = max((neuron.leak.bounds(v) + currents).magnitude, currents.magnitude, v.magnitude)
    if isinstance(neuron.leak, MultiplyLeak):
        largest = max(largest, v.magnitude * neuron.leak.multiplier)
    return np.int32 if largest < 1 << 31 else np.int64


class Membranes:
    """The membranes (N, rows, columns, channels) of one layer over a batch of images."""

    def __init__(self, neuron: Neuron | Integrator, shape: tuple[int, ...], dtype: type[np.integer]) -> None:
        self.potential: IntArray = np.zeros(shape, dtype)
        self._neuron = neuron
        self._low, self._high = signed_limits(neuron.membrane_bits)
        self._threshold = neuron.threshold.astype(dtype) if isinstance(neuron, Neuron) else None
        self._scratch = np.empty_like(self.potential)

    def integrate(self, current: IntArray) -> None:
        """v = saturate(leak(v) + I)."""
        v, leak = self.potential, self._neuron.leak
        if isinstance(leak, ShiftLeak):
            v -= np.right_shift(v, leak.shift, out=self._scratch)
        elif isinstance(leak, MultiplyLeak):
            v *= leak.multiplier
            v >>= leak.shift
        v += current
        np.clip(v, self._low, self._high, out=v)

    def fire(self) -> npt.NDArray[np.uint8]:
        """Which neurons spike now, as 0 and 1; those are reset. An integrator has no threshold, hence none of this."""
        if not isinstance(self._neuron, Neuron) or self._threshold is None:
            raise TypeError("only neurons with a threshold fire")
        spikes = self.potential >= self._threshold
        if self._neuron.reset == "subtract":
            self.potential -= np.multiply(spikes, self._threshold, out=self._scratch)
        elif self._neuron.reset == "zero":
            self.potential[spikes] = 0
        return spikes.view(np.uint8)
