"""What one layer makes of a batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from hwsnn.spec.integers import IntArray

from ..spec import Conv, Dense
from .exact import FloatArray
from .neurons import Neurons, State
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
        fired, state = list[npt.NDArray[np.bool_]](), State()
        for current in self._currents(inputs):
            state = self._neurons.integrate(state, current)
            fired.append(self._neurons.fire(state))
            if len(fired) < self._timesteps:
                state = self._neurons.reset(state, fired[-1])
        return np.stack(fired).view(np.uint8)

    def final_potentials(self, inputs: Steps) -> IntArray:
        """The membranes (N, rows, columns, channels) of an integrator after the last step, int64."""
        state = State()
        for current in self._currents(inputs):
            state = self._neurons.integrate(state, current)
        return state["v"].astype(np.int64)

    def _currents(self, inputs: Steps) -> Iterator[FloatArray]:
        """The currents of every step; held pixels give one for all."""
        for step in range(self._timesteps):
            if step < len(inputs):
                current = self._synapses(inputs[step], self._neurons.dtype)
            yield current
