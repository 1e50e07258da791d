"""Forward pass of one layer, by its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial, reduce, singledispatch
from itertools import chain
from typing import TypeAlias

import numpy as np

from hwsnn.spec.checks import unknown_kind
from hwsnn.spec.integers import Int64Array, Range

from ..spec import MaxPool, Population, Sum
from .exact import FloatArray
from .neurons import Neurons, Step
from .pools import largest, pool
from .steps import Steps
from .synapses import Synapses

Stage: TypeAlias = Callable[..., Steps]
"""From what the inputs of a layer give in the same step, ``Steps`` each, to what the layer gives."""


@singledispatch
def stage(layer: object, largest_inputs: Sequence[int], timesteps: int) -> Stage:
    """The forward pass of ``layer``; the inputs at each of its ports are from 0 to the largest one there."""
    raise unknown_kind("the reference", layer)


class PopulationLayer:
    """Synapses and the neurons that follow them."""

    def __init__(self, layer: Population, largest_inputs: Sequence[int], timesteps: int) -> None:
        self._timesteps = timesteps
        self._forward, self._recurrent, sums = list[Synapses](), list[Synapses](), Range(0, 0)
        for projection, most in zip(layer.projections, largest_inputs, strict=True):
            kept = self._recurrent if projection.delay else self._forward
            bias = layer.bias if kept is self._forward and not kept else np.zeros_like(layer.bias)
            kept.append(Synapses(projection, layer.fraction_bits, bias, most))
            sums += kept[-1].sums
        currents = sums | (sums + Range(int(layer.bias.min()), int(layer.bias.max())))
        self._neurons = Neurons(layer.neuron, currents, timesteps)
        self._pool = layer.pool

    def spikes(self, *inputs: Steps) -> Steps:
        """The neurons' numbers of spikes, (T, N, rows, columns, channels); the inputs as for ``over``."""
        return np.stack([step.spikes for step in self.over(*inputs)]).view(np.uint8)

    def membranes(self, *inputs: Steps) -> Int64Array:
        """u of every step, the membranes before the reset: (T, N, rows, columns, channels); as ``spikes``."""
        return np.stack([step.u for step in self.over(*inputs)]).astype(np.int64)

    def over(self, *inputs: Steps) -> Iterator[Step]:
        """Every step of the neurons, for spikes or values at each projection without delay."""
        dtype = self._neurons.dtype
        by_synapses = list(zip(self._forward, inputs, strict=True))
        constant = [(synapses, steps) for synapses, steps in by_synapses if len(steps) == 1]
        changing = [(synapses, steps) for synapses, steps in by_synapses if len(steps) > 1]
        held = [reduce(np.add, (synapses(steps[0], dtype) for synapses, steps in constant))] if constant else []
        before: Step | None = None
        for t in range(self._timesteps):
            if before is None or changing or self._recurrent:
                now = (synapses(steps[t], dtype) for synapses, steps in changing)
                own = () if before is None else self._from_itself(before)
                current = self._pooled(reduce(np.add, chain(held, now, own)))
            before = self._neurons.step(before, current)
            yield before

    def _from_itself(self, before: Step) -> Iterator[FloatArray]:
        spikes = before.spikes.view(np.uint8)
        return (synapses(spikes, self._neurons.dtype) for synapses in self._recurrent)

    def _pooled(self, current: FloatArray) -> FloatArray:
        return current if self._pool is None else largest(self._pool, current)


@stage.register(Population)
def _(layer: Population, largest_inputs: Sequence[int], timesteps: int) -> Stage:
    return PopulationLayer(layer, largest_inputs, timesteps).spikes


@stage.register(MaxPool)
def _(layer: MaxPool, largest_inputs: Sequence[int], timesteps: int) -> Stage:
    return partial(pool, layer)


@stage.register(Sum)
def _(layer: Sum, largest_inputs: Sequence[int], timesteps: int) -> Stage:
    return _added


def _added(*inputs: Steps) -> Steps:
    total = np.array(inputs[0])
    for other in inputs[1:]:
        total += other
    return total
