"""Forward pass of one layer, by its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial, singledispatch

import numpy as np
import numpy.typing as npt

from hwsnn.spec.checks import unknown_kind
from hwsnn.spec.integers import IntArray

from ..spec import MaxPool, Population
from .exact import FloatArray
from .neurons import Neurons, State
from .pools import pool
from .steps import Steps
from .synapses import Synapses


@singledispatch
def stage(layer: object, largest_input: int, timesteps: int) -> Callable[[Steps], Steps]:
    """The forward pass of ``layer``, whose input is spikes or held pixels."""
    raise unknown_kind("the reference", layer)


class WeightedLayer:
    """Synapses and the neurons that follow them."""

    def __init__(self, layer: Population, largest_input: int, timesteps: int) -> None:
        self._timesteps = timesteps
        self._synapses = Synapses(layer, largest_input)
        self._neurons = Neurons(layer.neuron, self._synapses.range, timesteps)

    def spikes(self, inputs: Steps) -> Steps:
        """The neurons' spikes, (T, N, rows, columns, channels), for spikes or constant pixels."""
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
        """The currents of every step; constant pixels give the same for all."""
        for step in range(self._timesteps):
            if step < len(inputs):
                current = self._synapses(inputs[step], self._neurons.dtype)
            yield current


@stage.register(Population)
def _(layer: Population, largest_input: int, timesteps: int) -> Callable[[Steps], Steps]:
    return WeightedLayer(layer, largest_input, timesteps).spikes


@stage.register(MaxPool)
def _(layer: MaxPool, largest_input: int, timesteps: int) -> Callable[[Steps], Steps]:
    return partial(pool, layer)
