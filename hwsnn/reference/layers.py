"""What one layer makes of a batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..numeric import IntArray
from ..spec import Conv, Dense
from .neurons import Membranes, membrane_type
from .steps import Steps
from .synapses import Synapses


class WeightedLayer:
    """Synapses and the neurons behind them."""

    def __init__(self, layer: Conv | Dense, largest_input: int, timesteps: int) -> None:
        self._neuron = layer.neuron
        self._timesteps = timesteps
        self._synapses = Synapses(layer, largest_input)
        self._type = membrane_type(layer.neuron, self._synapses.range)

    def spikes(self, inputs: Steps) -> Steps:
        """What the neurons fire, (T, N, rows, columns, channels), on spikes or held pixels."""
        return np.stack([membranes.fire() for membranes in self._integrated(inputs)])

    def final_potentials(self, inputs: Steps) -> IntArray:
        """The membranes (N, rows, columns, channels) of an integrator after the last step."""
        *_, membranes = self._integrated(inputs)
        return membranes.potential

    def _integrated(self, inputs: Steps) -> Iterator[Membranes]:
        """The membranes after every step's sum, before any reset. Held pixels give one current for all steps."""
        current = self._synapses(inputs[0], self._type)
        membranes = Membranes(self._neuron, current.shape, self._type)
        for step in range(self._timesteps):
            if 0 < step < len(inputs):
                current = self._synapses(inputs[step], self._type)
            membranes.integrate(current)
            yield membranes
