"""Random trained networks whose layers form graphs: residual, concatenated, recurrent, with neurons of every kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from hwsnn.float_network import (
    AnyFloatNeuron,
    AnyFloatProjection,
    Compare,
    FloatArray,
    FloatConv,
    FloatDense,
    FloatIntegrator,
    FloatLayer,
    FloatNetwork,
    FloatNeuron,
    FloatPopulation,
)
from hwsnn.spec import INPUT, MAX_SPIKES, EncoderKind, MaxPool, PoolMode, Readout, Reset, Shape, Sum
from hwsnn.spec.neurons import ONCE, SEVERAL
from tests.support.dice import Dice

STEPS, QUARTER, PIXEL_BITS = 3, 0.25, 3
"""So few steps that 8 bits hold whatever three quarters of a quarter become within them."""
CHANNELS = 4
LEAKS: list[Any] = [1.0, 0.5, 0.0, np.array([0.5, 0.75, 1.0, 0.0])]
SYNAPSES: list[Any] = [None, None, 1.0, 0.5, np.array([1.0, 0.25, 0.0, 0.5])]


@dataclass(frozen=True)
class _Source:
    """Something that gives values up to ``largest``."""

    name: str
    shape: Shape
    largest: int


def random_float_graph(seed: int, *, exact: bool = True, signs: bool = False) -> FloatNetwork:
    """A network of up to 6 layers on two channels of 5x5 values of 3 bits.

    ``exact``: weights are -1, 0 and 1 times a power of two that each projection has of its own, biases, thresholds and
    all else multiples of a quarter, and one projection of each population has quarters; else of a normal distribution.
    ``signs``: none of the weights is 0.
    """
    return _Draw(seed, exact, signs).network()


class _Draw:
    def __init__(self, seed: int, exact: bool, signs: bool) -> None:
        self._dice, self._exact, self._signs = Dice(seed), exact, signs
        self._name = f"random{seed}"
        self._layers = list[FloatLayer]()
        self._sources = [_Source(INPUT, (2, 5, 5), (1 << PIXEL_BITS) - 1)]
        self._unused = [INPUT]

    def network(self) -> FloatNetwork:
        dice = self._dice
        encoding: EncoderKind = "steps" if dice.happens(0.6) else "direct"
        self._add_population("layer0", [self._conv("layer0", self._sources[0])])
        self._used(self._sources[:1])
        for index in range(1, dice.integer(2, 5)):
            name = f"layer{index}"
            spatial = [one for one in self._sources if one.shape[1:] == (5, 5)]
            spikes = [one for one in spatial if one.name != INPUT]
            if dice.happens(0.2) and self._sum(name, spikes):
                continue
            if dice.happens(0.15) and self._pool(name, spikes):
                continue
            self._add_population(name, self._projections(name, spatial, spikes))
        readout = self._add_last()
        normalized: dict[str, Any] = (
            {} if dice.happens(0.5) else {"mean": np.array([0.5, 1.0]), "std": np.array([0.5, 0.25])}
        )
        return FloatNetwork(
            self._name,
            (2, 5, 5),
            tuple(self._layers),
            timesteps=STEPS,
            encoding=encoding,
            readout=readout,
            input_scale=0.25,
            **normalized,
        )

    # Layers

    def _sum(self, name: str, spikes: list[_Source]) -> bool:
        """Whether there was something to add."""
        chosen = self._some(spikes, 2)
        largest = sum(one.largest for one in chosen)
        if len(chosen) < 2 or largest > MAX_SPIKES:
            return False
        self._add(Sum(name, tuple(one.name for one in chosen)), (CHANNELS, 5, 5), largest)
        self._used(chosen)
        return True

    def _pool(self, name: str, spikes: list[_Source]) -> bool:
        """Whether there was something to pool."""
        bits = [one for one in spikes if one.largest == 1]
        if not bits:
            return False
        source = self._dice.choice(bits)
        mode: PoolMode = self._dice.choice(get_args(PoolMode))
        self._add(MaxPool(name, (2, 2), (2, 2), mode, source.name), (CHANNELS, 2, 2), 1)
        self._used([source])
        return True

    def _projections(self, name: str, spatial: list[_Source], spikes: list[_Source]) -> list[AnyFloatProjection]:
        """One or more convolutions, maybe with skips."""
        dice = self._dice
        chosen = self._some(spatial, dice.choice([1, 1, 2, 2, 3]))
        found: list[AnyFloatProjection] = [self._conv(name, one) for one in chosen]
        self._used(chosen)
        if dice.happens(0.4):
            skipped = dice.choice(spikes)
            found.append(self._depthwise(name, skipped.name))
            self._used([skipped])
        return found

    def _add_population(self, name: str, projections: list[AnyFloatProjection]) -> None:
        dice = self._dice
        if dice.happens(0.3):
            full = dice.happens(0.5)
            weight = self._weight((CHANNELS, CHANNELS, 1, 1), 0)
            recurrent = FloatConv(name, weight, source=name, delay=1) if full else self._depthwise(name, name, 1)
            projections = [*projections, recurrent]
            self._dice.random.shuffle(projections)  # type: ignore[arg-type]
        neuron = self._neuron(CHANNELS)
        population = FloatPopulation(name, tuple(projections), self._bias(CHANNELS), neuron)
        self._add(population, (CHANNELS, 5, 5), neuron.spikes)

    def _add_last(self) -> Readout:
        """A layer that takes all that no other takes."""
        dice, name = self._dice, "last"
        readout: Readout = dice.choice(get_args(Readout))
        chosen = [one for one in self._sources if one.name in self._unused]
        projections: list[AnyFloatProjection] = [
            FloatDense(name, self._weight((CHANNELS, *one.shape), place), source=one.name)
            for place, one in enumerate(chosen)
        ]
        neuron: AnyFloatNeuron = self._neuron(CHANNELS)
        if readout in ("membrane", "sum", "max") and dice.happens(0.6):
            neuron = FloatIntegrator(dice.choice(LEAKS), dice.choice(SYNAPSES))
        elif dice.happens(0.3):
            projections.append(
                FloatDense(name, self._weight((CHANNELS, CHANNELS, 1, 1), len(projections)), source=name, delay=1)
            )
        self._layers.append(FloatPopulation(name, tuple(projections), self._bias(CHANNELS), neuron))
        return readout

    def _add(self, layer: FloatLayer, shape: Shape, largest: int) -> None:
        self._layers.append(layer)
        self._sources.append(_Source(layer.name, shape, largest))
        self._unused.append(layer.name)

    def _some(self, sources: list[_Source], count: int) -> list[_Source]:
        """Up to ``count`` of them, each once, in any order."""
        order = self._dice.random.permutation(len(sources))[:count]
        return [sources[place] for place in order]

    def _used(self, sources: list[_Source]) -> None:
        names = {one.name for one in sources}
        self._unused = [name for name in self._unused if name not in names]

    # Numbers

    def _conv(self, name: str, source: _Source) -> FloatConv:
        """Of 1x1 or 3x3, which keeps the extent; all in front of the same neurons have weights of their own."""
        kernel = self._dice.choice([1, 3])
        weight = self._weight((CHANNELS, source.shape[0], kernel, kernel), self._dice.integer(0, 2))
        return FloatConv(name, weight, padding=(kernel // 2,) * 2, source=source.name)

    def _depthwise(self, name: str, source: str, delay: int = 0) -> FloatConv:
        """An identity times 1, or weights of one per channel."""
        weight = np.ones((CHANNELS, 1, 1, 1))
        if delay or self._dice.happens(0.3):
            weight = self._weight((CHANNELS, 1, 1, 1), 1)
        return FloatConv(name, weight, groups=CHANNELS, source=source, delay=delay)

    def _weight(self, shape: tuple[int, ...], place: int) -> FloatArray:
        random = self._dice.random
        size = QUARTER * 2.0**place
        if not self._exact:
            return np.asarray(random.normal(size=shape) * size)
        weight = random.choice([-1.0, 1.0], shape) if self._signs else random.integers(-1, 2, shape).astype(np.float64)
        weight.reshape(shape[0], -1)[:, 0] = 1.0  # no channel without weights
        return np.asarray(weight * size)

    def _bias(self, channels: int) -> FloatArray:
        return self._quarters(-2, 4, channels) if self._exact else self._dice.random.normal(size=channels)

    def _quarters(self, low: int, high: int, count: int) -> FloatArray:
        return np.asarray(self._dice.random.integers(low, high, count, endpoint=True) * QUARTER)

    def _neuron(self, channels: int) -> FloatNeuron:
        dice = self._dice
        reset: Reset = dice.choice(get_args(Reset))
        synapse = dice.choice(SYNAPSES)
        if reset == "late-zero" and synapse is None:
            synapse = 0.5
        once = reset in ONCE and dice.happens(0.2)
        spikes = dice.choice([1, 1, 2, 3]) if reset in SEVERAL and not once else 1
        compare: Compare = dice.choice(get_args(Compare))
        threshold = self._quarters(2, 10, channels) if self._exact else dice.random.uniform(0.5, 2.5, channels)
        initial = self._quarters(-2, 2, channels) if dice.happens(0.3) else None
        floor = -self._quarters(0, 8, channels) if dice.happens(0.3) else None
        return FloatNeuron(threshold, dice.choice(LEAKS), compare, reset, synapse, initial, floor, spikes, once)
