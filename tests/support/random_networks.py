"""Small random networks of every encoder, leak, reset, pool and readout, and random folds for them.

They compare the hardware with the reference, and the cycle model with the hardware.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar, get_args

import numpy as np

from hwsnn.folding.folding import Folding, LayerFold, Sums, column_queues
from hwsnn.spec import (
    MIN_MEMBRANE_BITS,
    Encoder,
    EncoderKind,
    Integrator,
    Layer,
    Leak,
    MaxPool,
    MultiplyLeak,
    Network,
    Neuron,
    NoLeak,
    Pair,
    PoolMode,
    Population,
    Readout,
    Reset,
    Shape,
    ShiftLeak,
)
from hwsnn.spec.integers import IntArray, signed_width
from tests.support.layers import conv_layer, dense_layer

MAX_SIDE, MAX_INPUT_CHANNELS, MAX_CHANNELS, MAX_TIMESTEPS, MAX_LAYERS = 8, 3, 6, 6, 3
WIDE_MEMBRANE = 32
"""Membrane bits while a layer's real need is still to be worked out."""
QUEUE_DEPTHS = ((1,), (1, 2, 3), (1, 2, 3, 4, 5, 40, 100))
"""What the queues of one folding are drawn from: none has room, all are short, or anything."""

_Choice = TypeVar("_Choice")


def random_network(seed: int) -> Network:
    """The random network of ``seed`` (0 or more): up to 8x8 pixels, 3 layers, 6 channels and 6 time steps.

    Thresholds lie where currents do, so that most neurons neither sleep nor always fire. About a third of the layers
    have membranes so narrow that they can saturate.
    """
    return _Draw(seed).network()


def random_folds(network: Network, seed: int) -> dict[str, LayerFold]:
    """Random folds of a network's layers: any parallelism up to all channels and steps, and any form of sums."""
    return _folds(network, np.random.default_rng(seed))


def random_folding(network: Network, seed: int) -> Folding:
    """The folds of ``random_folds``, and queues of random depths, in a third of the foldings of one place each."""
    random = np.random.default_rng(seed)
    layers = _folds(network, random)
    depths = QUEUE_DEPTHS[random.integers(len(QUEUE_DEPTHS))]
    return Folding(
        layers,
        {layer.name: int(random.choice(depths)) for layer in network.layers},
        {name: int(random.choice(depths)) for name in column_queues(network)},
    )


def _folds(network: Network, random: np.random.Generator) -> dict[str, LayerFold]:
    def part(whole: int) -> int:
        return int(random.integers(1, whole, endpoint=True))

    forms: tuple[Sums, ...] = get_args(Sums)

    def fold(layer: Population) -> LayerFold:
        cin_par, cout_par, t_par = part(layer.projection.in_channels), part(layer.out_channels), part(network.timesteps)
        sums = forms[random.integers(len(forms))]
        return LayerFold(cin_par, cout_par, t_par, sums, part(t_par) - 1 if sums == "block" else 0)

    return {layer.name: fold(layer) for _, layer in network.populations()}


class _Draw:
    """The random choices that make one network."""

    def __init__(self, seed: int) -> None:
        self._name = f"random{seed}"
        self._random = np.random.default_rng(seed)

    def network(self) -> Network:
        input_shape = (self._integer(1, MAX_INPUT_CHANNELS), self._integer(1, MAX_SIDE), self._integer(1, MAX_SIDE))
        pixel_bits = 8 if self._happens(0.6) else self._integer(1, 7)
        encodings: tuple[EncoderKind, ...] = ("direct", "uniform", "poisson", "latency")
        readouts: tuple[Readout, ...] = ("count", "membrane")
        encoding, readout = self._choice(encodings), self._choice(readouts)
        timesteps = self._integer(1, MAX_TIMESTEPS)
        encoder = Encoder(encoding)
        largest_input = encoder.largest_value(pixel_bits)
        shape, layers = input_shape, list[Layer]()
        for index in range(self._integer(0, MAX_LAYERS - 1)):
            layers.append(self._hidden_layer(index, shape, largest_input, timesteps, pools=index > 0 or encoder.spikes))
            shape, largest_input = layers[-1].output_shape(shape), 1
        last = self._dense("last", shape, largest_input, timesteps, fires=readout == "count")
        return Network(
            name=self._name,
            input_shape=input_shape,
            pixel_bits=pixel_bits,
            encoder=replace(encoder, seed=self._integer(1, (1 << 31) - 1)),
            timesteps=timesteps,
            layers=(*layers, _as_conv(last) if self._happens(0.3) else last),
            readout=readout,
        )

    def _hidden_layer(self, index: int, shape: Shape, largest_input: int, timesteps: int, *, pools: bool) -> Layer:
        if pools and self._happens(0.35):
            size = self._window(shape)
            mode: PoolMode = self._choice(get_args(PoolMode))
            return MaxPool(f"pool{index}", size, (self._integer(1, size[0]), self._integer(1, size[1])), mode)
        if self._happens(0.8):
            return self._conv(f"conv{index}", shape, largest_input, timesteps)
        return self._dense(f"dense{index}", shape, largest_input, timesteps, fires=True)

    def _conv(self, name: str, shape: Shape, largest_input: int, timesteps: int) -> Population:
        kernel = self._window(shape)
        padding = (self._integer(0, kernel[0] // 2), self._integer(0, kernel[1] // 2))
        stride = (self._integer(1, 2), self._integer(1, 2))
        groups = self._choice([part for part in range(1, shape[0] + 1) if shape[0] % part == 0])
        dense = self._synapses(name, (shape[0] // groups, *kernel), largest_input, fires=True, groups=groups)
        one = dense.projection
        conv = conv_layer(name, one.weight, dense.bias, one.weight_bits, dense.neuron, stride, padding, groups)
        return self._with_membranes(conv, largest_input, timesteps)

    def _dense(self, name: str, shape: Shape, largest_input: int, timesteps: int, *, fires: bool) -> Population:
        return self._with_membranes(self._synapses(name, shape, largest_input, fires=fires), largest_input, timesteps)

    def _synapses(self, name: str, shape: Shape, largest_input: int, *, fires: bool, groups: int = 1) -> Population:
        """Weights, biases and neurons of a layer whose windows have ``shape``; its membranes are wide for now."""
        channels = groups * self._integer(1, MAX_CHANNELS // groups)
        bits = 8 if self._happens(0.4) else self._integer(2, 7)
        largest = (1 << (bits - 1)) - 1
        weight = self._random.integers(-largest, largest, (channels, *shape), endpoint=True)
        flat = weight.reshape(channels, -1) * largest_input
        spread = np.sqrt(0.25 * np.square(flat).sum(axis=1)) + 1
        bias = np.rint(spread * self._random.uniform(-0.5, 0.7, channels)).astype(np.int64)
        leak = self._leak()
        if not fires:
            return dense_layer(name, weight, bias, bits, Integrator(leak, WIDE_MEMBRANE))
        typical = np.maximum(0.3 * flat.sum(axis=1) + bias, 0) + spread * self._random.uniform(0, 0.8, channels)
        threshold = np.maximum(np.rint(typical), 1).astype(np.int64)
        resets: tuple[Reset, ...] = ("subtract", "zero", "none")
        reset = self._choice(resets)
        sub = self._sub(threshold) if reset == "subtract" else None
        return dense_layer(name, weight, bias, bits, Neuron(threshold, leak, reset, WIDE_MEMBRANE, sub))

    def _sub(self, threshold: IntArray) -> IntArray:
        """What spikes take off: the threshold, one less as for sources that fire above theirs, or anything."""
        if self._happens(0.6):
            return threshold - self._integer(0, 1)
        return self._random.integers(0, 2 * threshold, endpoint=True)

    def _with_membranes(self, layer: Population, largest_input: int, timesteps: int) -> Population:
        neuron = layer.neuron
        needed = layer.membrane_range(largest_input, timesteps).width
        least = signed_width(0, neuron.largest_constant) if isinstance(neuron, Neuron) else needed // 2
        least = max(least, MIN_MEMBRANE_BITS)
        bits = self._integer(least, needed - 1) if least < needed and self._happens(0.4) else max(needed, least)
        return replace(layer, neuron=replace(neuron, membrane_bits=bits))

    def _leak(self) -> Leak:
        kind = self._integer(0, 2)
        if kind == 0:
            return NoLeak()
        if kind == 1:
            return ShiftLeak(self._integer(1, 5))
        shift = self._integer(1, 8)
        return MultiplyLeak(self._integer(0, (1 << shift) - 1), shift)

    def _window(self, shape: Shape) -> Pair:
        return self._integer(1, min(shape[1], 4)), self._integer(1, min(shape[2], 4))

    def _integer(self, low: int, high: int) -> int:
        return int(self._random.integers(low, high, endpoint=True))

    def _happens(self, probability: float) -> bool:
        return bool(self._random.random() < probability)

    def _choice(self, options: Sequence[_Choice]) -> _Choice:
        return options[self._integer(0, len(options) - 1)]


def _as_conv(dense: Population) -> Population:
    """The convolution of one position with the same weights and neurons."""
    return conv_layer(dense.name, dense.projection.weight, dense.bias, dense.projection.weight_bits, dense.neuron)
