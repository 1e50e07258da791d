"""What one layer makes of a batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hwsnn.spec.integers import IntArray

from ..spec import Conv, Dense
from .exact import FloatArray
from .neurons import Neurons
from .steps import Steps
from .synapses import Synapses


class WeightedLayer:
    """Synapses and the neurons behind them."""

    def __init__(self, layer: Conv | Dense, largest_input: int, timesteps: int) -> None:
        self._timesteps = timesteps
        self._synapses = Synapses(layer, largest_input)
        self._neurons = Neurons(layer.neuron, self._synapses.range, timesteps)

    def spikes(self, inputs: Steps) -> Steps:
        """What the neurons fire, (T, N, rows, columns, channels), on spikes or held pixels."""
        fired, v = [], None
        for current in self._currents(inputs):
            u = self._neurons.integrate(v, current)
            fired.append(self._neurons.fire(u))
            if len(fired) < self._timesteps:
                v = self._neurons.reset(u, fired[-1])
        return np.stack(fired).view(np.uint8)

    def final_potentials(self, inputs: Steps) -> IntArray:
        """The membranes (N, rows, columns, channels) of an integrator after the last step, int64."""
        v = None
        for current in self._currents(inputs):
            v = self._neurons.integrate(v, current)
        assert v is not None  # there is at least one step
        return v.astype(np.int64)

    def _currents(self, inputs: Steps) -> Iterator[FloatArray]:
        """The currents of every step; held pixels give one for all."""
        for step in range(self._timesteps):
            if step < len(inputs):
                current = self._synapses(inputs[step], self._neurons.dtype)
            yield current
