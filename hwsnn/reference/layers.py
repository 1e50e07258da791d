"""Forward pass of one layer, by its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial, singledispatch

import numpy as np

from hwsnn.spec.checks import unknown_kind
from hwsnn.spec.integers import Int64Array

from ..spec import MaxPool, Population
from .exact import FloatArray
from .neurons import Neurons, Step
from .pools import pool
from .steps import Steps
from .synapses import Synapses


@singledispatch
def stage(layer: object, largest_input: int, timesteps: int) -> Callable[[Steps], Steps]:
    """The forward pass of ``layer``, whose input is spikes or values of the input."""
    raise unknown_kind("the reference", layer)


class PopulationLayer:
    """Synapses and the neurons that follow them."""

    def __init__(self, layer: Population, largest_input: int, timesteps: int) -> None:
        self._timesteps = timesteps
        self._synapses = Synapses(layer, largest_input)
        self._neurons = Neurons(layer.neuron, self._synapses.range, timesteps)

    def spikes(self, inputs: Steps) -> Steps:
        """The neurons' numbers of spikes, (T, N, rows, columns, channels), for spikes or values of the input."""
        return np.stack([step.spikes for step in self.over(inputs)]).view(np.uint8)

    def membranes(self, inputs: Steps) -> Int64Array:
        """u of every step, the membranes before the reset: (T, N, rows, columns, channels)."""
        return np.stack([step.u for step in self.over(inputs)]).astype(np.int64)

    def over(self, inputs: Steps) -> Iterator[Step]:
        """Every step of the neurons, for spikes or values of the input."""
        return self._neurons.over(self._currents(inputs))

    def _currents(self, inputs: Steps) -> Iterator[FloatArray]:
        """The currents of every step; constant values give the same for all."""
        for step in range(self._timesteps):
            if step < len(inputs):
                current = self._synapses(inputs[step], self._neurons.dtype)
            yield current


@stage.register(Population)
def _(layer: Population, largest_input: int, timesteps: int) -> Callable[[Steps], Steps]:
    return PopulationLayer(layer, largest_input, timesteps).spikes


@stage.register(MaxPool)
def _(layer: MaxPool, largest_input: int, timesteps: int) -> Callable[[Steps], Steps]:
    return partial(pool, layer)
