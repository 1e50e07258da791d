"""Small random networks whose layers branch, join and come back to themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import get_args

import numpy as np

from hwsnn.reference import encode
from hwsnn.reference.layers import PopulationLayer, stage
from hwsnn.spec import (
    INPUT,
    MAX_SPIKES,
    Conv,
    Dense,
    Encoder,
    EncoderKind,
    Integrator,
    Layer,
    MaxPool,
    Network,
    NoLeak,
    PoolMode,
    Population,
    Readout,
    Shape,
    Sum,
    Window,
)
from hwsnn.spec.integers import Int64Array, IntArray
from hwsnn.spec.limits import MAX_GAIN
from tests.support.dice import Dice
from tests.support.layers import dense_layer
from tests.support.random_neurons import random_neuron, silent, with_widths
from tests.support.random_projections import random_gain, random_units, random_weights
from tests.support.wishes import Kind, Wishes

MAX_SIDE, MAX_INPUT_CHANNELS, MAX_CHANNELS, MAX_TIMESTEPS, MAX_LAYERS = 5, 3, 4, 5, 6
MAX_KERNEL = 3
SAMPLES = 4
"""Frames on which the thresholds are chosen."""
ANYTHING = Wishes()


@dataclass(frozen=True, eq=False)
class Signal:
    """What a source gives on the sample frames: (T, N, H, W, C), or (1, ...) of pixels that are held."""

    source: str
    shape: Shape
    largest: int
    steps: np.ndarray
    held: bool = False


def random_graph(seed: int) -> Network:
    """The random graph of ``seed`` (0 or more): up to 5x5 pixels, 6 layers, 4 channels and 5 time steps.

    Populations take up to three sources, the input among them, as branches that were split join again; sums take
    layers of one shape; a third of the populations takes its own spikes. The last layer takes whatever is left.
    """
    return _Draw(seed).network()


class _Draw:
    """The random choices that make one graph, layer by layer, with a few frames that run through them."""

    def __init__(self, seed: int) -> None:
        self._name = f"graph{seed}"
        self._dice = dice = Dice(seed)
        readouts: tuple[Readout, ...] = get_args(Readout)
        encodings: tuple[EncoderKind, ...] = get_args(EncoderKind)
        self._readout = dice.choice(readouts)
        self._encoder = Encoder(dice.choice(encodings), dice.integer(1, (1 << 31) - 1))
        self._timesteps = dice.integer(1, MAX_TIMESTEPS)
        self._pixel_bits = dice.choice([8, 8, 8, 3, 2, 1])
        self._layers = list[Layer]()
        self._signals = list[Signal]()
        self._used = set[str]()

    def network(self) -> Network:
        dice = self._dice
        shape = (dice.integer(1, MAX_INPUT_CHANNELS), dice.integer(1, MAX_SIDE), dice.integer(1, MAX_SIDE))
        counter = dense_layer("last", np.ones((1, *shape), np.int64), np.zeros(1, np.int64), 8, _LOOKS)
        network = Network(self._name, shape, self._pixel_bits, self._encoder, self._timesteps, (counter,), "membrane")
        frames = dice.random.integers(
            0, network.largest_pixel, (SAMPLES, *network.frame_shape), dtype=np.uint8, endpoint=True
        )
        steps, held = encode(network, frames).transpose(1, 0, 3, 4, 2), self._encoder.held
        self._signals.append(
            Signal(INPUT, shape, self._encoder.largest_value(self._pixel_bits), steps[:1] if held else steps, held)
        )
        self._add_population("first", [self._signals[0]])
        for index in range(dice.integer(1, MAX_LAYERS - 2)):
            self._add_hidden(f"layer{index}")
        self._add_population("last", self._left())
        return replace(network, layers=tuple(self._layers), readout=self._readout)

    def _left(self) -> list[Signal]:
        """What no layer takes yet, and sometimes something that another takes, too."""
        left = [signal for signal in self._signals if signal.source not in self._used]
        if self._dice.happens(0.3):
            left.insert(self._dice.integer(0, len(left)), self._dice.choice(self._signals))
        return left

    def _add_hidden(self, name: str) -> None:
        dice = self._dice
        alike = [group for signal in self._signals if len(group := self._alike(signal)) > 1]
        if alike and dice.happens(0.6):
            return self._add_sum(name, dice.choice(alike))
        main = self._signals[-1] if dice.happens(0.6) else dice.choice(self._signals)
        if main.largest == 1 and not main.held and max(main.shape[1:]) > 1 and dice.happens(0.3):
            size = dice.integer(1, min(main.shape[1], 3)), dice.integer(1, min(main.shape[2], 3))
            mode: PoolMode = dice.choice(get_args(PoolMode))
            stride = dice.integer(1, size[0]), dice.integer(1, size[1])
            return self._add(MaxPool(name, size, stride, mode, self._said(main)), [main])
        others = [dice.choice(self._signals) for _ in range(dice.integer(0, 2))]
        return self._add_population(
            name, [main, *(other for other in others if other is not main or dice.happens(0.2))]
        )

    def _alike(self, signal: Signal) -> list[Signal]:
        """The signals that a sum can add to this one, and it."""
        return [other for other in self._signals if other.shape == signal.shape and not other.held and not signal.held]

    def _add_sum(self, name: str, alike: list[Signal]) -> None:
        """Of two or three, the newest with preference; sometimes of one signal twice."""
        taken = [alike[-1]]
        for _ in range(self._dice.integer(1, 2)):
            other = self._dice.choice(alike if self._dice.happens(0.1) else alike[:-1])
            if sum(signal.largest for signal in [*taken, other]) <= MAX_SPIKES:
                taken.append(other)
        if len(taken) < 2:
            return self._add_population(name, taken)
        return self._add(Sum(name, tuple(signal.source for signal in taken)), taken)

    def _add(self, layer: Layer, taken: list[Signal]) -> None:
        """Run the frames through ``layer`` too."""
        largest = [signal.largest for signal in taken]
        spikes = layer.neuron.spikes if isinstance(layer, Population) else sum(largest)
        if isinstance(layer, Population) and layer.recurrent:
            sources = iter(largest)
            largest = [spikes if projection.delay else next(sources) for projection in layer.projections]
        steps = stage(layer, largest, self._timesteps)(*(signal.steps for signal in taken))
        shape = layer.output_shape(*(signal.shape for signal in taken))
        self._layers.append(layer)
        self._signals.append(Signal(layer.name, shape, spikes, steps))
        self._used |= {signal.source for signal in taken}

    def _said(self, signal: Signal) -> str | None:
        """The source as a layer says it: sometimes not at all, where it is the layer before."""
        return None if signal is self._signals[-1] and self._dice.happens(0.5) else signal.source

    def _add_population(self, name: str, sources: list[Signal]) -> None:
        """A population of all ``sources`` that fit the first one's output; the last layer makes all fit."""
        last, taken, projections = name == "last", list[Signal](), list[Conv | Dense]()
        shape: Shape | None = (self._dice.integer(1, MAX_CHANNELS), 1, 1) if last else self._shape_of_another()
        for source in sources:
            projection = self._projection(name, source, shape, last=last)
            if projection is not None:
                taken.append(source)
                projections.append(projection)
                shape = projection.output_shape(source.shape)
        if not taken:
            return self._add_population(name, sources)
        return self._add(self._population(name, taken, projections, last=last), taken)

    def _shape_of_another(self) -> Shape | None:
        """The shape of a signal, for branches that join; None for a free choice."""
        shape = self._dice.choice(self._signals).shape
        return shape if self._dice.happens(0.5) else None

    def _projection(self, name: str, source: Signal, shape: Shape | None, *, last: bool) -> Conv | Dense | None:
        """From ``source`` to an output of ``shape``; None if no window fits."""
        dice, said = self._dice, self._said(source)
        if shape is None:
            channels, *extent = dice.integer(1, MAX_CHANNELS), 1, 1
            dense = dice.happens(0.2)
        else:
            channels, *extent = shape
            dense = extent == [1, 1] and dice.happens(0.8 if last else 0.5)
        if dense:
            weight, bits = random_weights(dice, (channels, *source.shape))
            return Dense(name, weight, bits, random_gain(dice, channels), source=said)
        fits = [
            _windows(size, None if shape is None else positions, whole=last)
            for size, positions in zip(source.shape[1:], extent, strict=True)
        ]
        if not all(fits):
            return None
        kernel, stride, padding = zip(dice.choice(fits[0]), dice.choice(fits[1]), strict=True)
        groups = dice.choice([n for n in range(1, channels + 1) if channels % n == source.shape[0] % n == 0])
        weight, bits = random_weights(dice, (channels, source.shape[0] // groups, *kernel))
        if kernel == (1, 1) and channels == source.shape[0] and dice.happens(0.5):
            groups, weight, bits = channels, np.ones((channels, 1, 1, 1), np.int64), dice.integer(1, 4)
        values: IntArray | None = None
        if source.source == INPUT and any(padding) and dice.happens(0.5):
            values = dice.random.integers(0, source.largest, source.shape[0], endpoint=True)
        gain = random_gain(dice, channels, True if groups == channels and dice.happens(0.5) else None)
        return Conv(name, weight, bits, gain, stride, padding, groups, values, source=said)

    def _population(self, name: str, taken: list[Signal], projections: list[Conv | Dense], *, last: bool) -> Population:
        dice = self._dice
        largest = [signal.largest for signal in taken]
        fraction_bits, bias = random_units(dice, projections, largest)
        kind = dice.choice(ANYTHING.kinds(last=last, readout=self._readout))
        probe = silent(dice, kind, ANYTHING, projections[0].out_channels)
        layer = Population(name, tuple(projections), bias, probe, fraction_bits)
        _, rows, columns = projections[0].output_shape(taken[0].shape)
        if len(projections) == 1 and layer.sliding and not last and dice.happens(0.2):
            layer = replace(layer, pool=Window((dice.integer(1, min(rows, 2)), dice.integer(1, min(columns, 2)))))
        most = 32 - (self._timesteps - 1).bit_length() if last else 32
        membranes = PopulationLayer(layer, largest, self._timesteps).membranes(*(signal.steps for signal in taken))
        by_channel: Int64Array = membranes.reshape(-1, layer.out_channels)
        layer = replace(layer, neuron=random_neuron(dice, kind, ANYTHING, probe, by_channel, most))
        if layer.neuron.fires and layer.pool is None and dice.happens(0.4):
            layer, at = self._recurrent(layer, kind, positions=rows * columns)
            largest.insert(at, layer.neuron.spikes)
        return with_widths(dice, layer, largest, self._timesteps)

    def _recurrent(self, layer: Population, kind: Kind, *, positions: int) -> tuple[Population, int]:
        """The layer with a projection of its own spikes, which move membranes about as far as thresholds are."""
        dice, channels = self._dice, layer.out_channels
        groups = dice.choice([n for n in range(1, channels + 1) if channels % n == 0])
        weight, bits = random_weights(dice, (channels, channels // groups, 1, 1))
        reach = np.abs(weight).sum() / channels * (1 << layer.fraction_bits) * layer.neuron.spikes + 1
        typical = np.median(layer.neuron.constants["threshold"]) * dice.random.uniform(0.3, 2)
        gain = np.full(channels, int(np.clip(np.rint(typical / reach), 1, MAX_GAIN)))
        own: Conv | Dense = Conv(layer.name, weight, bits, gain, groups=groups, source=layer.name, delay=1)
        if positions == 1 and groups == 1 and dice.happens(0.7):
            own = Dense(layer.name, weight, bits, gain, source=layer.name, delay=1)
        at = dice.choice([0, len(layer.projections)])
        projections = [*layer.projections]
        projections.insert(at, own)
        return replace(layer, projections=tuple(projections)), at


_LOOKS = Integrator(NoLeak(), 32)


def _windows(size: int, positions: int | None, *, whole: bool) -> list[tuple[int, int, int]]:
    """Every (kernel, stride, padding) along an axis that makes so many positions; None for any number.

    ``whole``: only those of the whole axis.
    """
    if whole:
        return [(size, 1, 0)]
    every = product(range(1, MAX_KERNEL + 1), (1, 2), (0, 1))
    return [
        (kernel, stride, padding)
        for kernel, stride, padding in every
        if padding <= kernel // 2
        and kernel <= size + 2 * padding
        and positions in (None, (size + 2 * padding - kernel) // stride + 1)
    ]
