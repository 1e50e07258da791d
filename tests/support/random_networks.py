"""Small random networks of everything that a network can be, and random folds for them.

They compare the hardware with the reference, and the cycle model with the hardware.
"""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np

from hwsnn.folding.fold_shape import fold_of_adders
from hwsnn.folding.folding import Folding, LayerFold, Sums, column_queues, edge_queues
from hwsnn.folding.shared_adders import has_solver
from hwsnn.reference import encode
from hwsnn.reference.layers import PopulationLayer, stage
from hwsnn.spec import (
    Conv,
    Dense,
    Encoder,
    EncoderKind,
    Integrator,
    Layer,
    MaxPool,
    Network,
    NoLeak,
    Pair,
    PoolMode,
    Population,
    Readout,
    Shape,
    Window,
)
from hwsnn.spec.integers import Int64Array
from tests.support.dice import Dice
from tests.support.layers import dense_layer
from tests.support.random_neurons import random_neuron, silent, with_widths
from tests.support.random_projections import random_gain, random_units, random_weights
from tests.support.wishes import Wishes

MAX_SIDE, MAX_INPUT_CHANNELS, MAX_CHANNELS, MAX_TIMESTEPS, MAX_LAYERS = 8, 3, 6, 6, 3
SAMPLES = 4
"""Frames on which the thresholds are chosen."""
QUEUE_DEPTHS = ((1,), (1, 2, 3), (1, 2, 3, 4, 5, 40, 100))
"""What the queues of one folding are drawn from: none has room, all are short, or anything."""


def random_network(seed: int, wishes: Wishes | None = None) -> Network:
    """The random network of ``seed`` (0 or more): up to 8x8 pixels, 3 layers, 6 channels and 6 time steps.

    Thresholds lie where membranes do, so that most neurons neither sleep nor always fire. About a third of the layers
    have membranes so narrow that they can saturate.
    """
    return _Draw(seed, wishes or Wishes()).network()


def random_folds(network: Network, seed: int) -> dict[str, LayerFold]:
    """Random folds of a network's layers: any parallelism up to all channels and steps, and any form of sums.

    Where da4ml is installed, about a third of the layers that can share adders do.
    """
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
        {name: int(random.choice(depths)) for name in edge_queues(network)},
    )


def _folds(network: Network, random: np.random.Generator) -> dict[str, LayerFold]:
    def part(whole: int) -> int:
        return int(random.integers(1, whole, endpoint=True))

    forms: tuple[Sums, ...] = ("lut5", "lut6", "block")
    apart = random.spawn(1)[0]  # so that the other draws are the same without da4ml

    def fold(layer: Population) -> LayerFold:
        cin_par = part(max(projection.in_channels for projection in layer.projections))
        cout_par, t_par = part(layer.out_channels), part(1 if layer.recurrent else network.timesteps)
        sums = forms[random.integers(len(forms))]
        drawn = LayerFold(cin_par, cout_par, t_par, sums, part(t_par) - 1 if sums == "block" else 0)
        shared = fold_of_adders(layer) if has_solver() and apart.random() < 0.33 else None
        return drawn if shared is None else replace(shared, t_par=t_par)

    return {layer.name: fold(layer) for _, layer in network.populations()}


class _Draw:
    """The random choices that make one network, layer by layer, with a few frames that run through them."""

    def __init__(self, seed: int, wishes: Wishes) -> None:
        self._name = f"random{seed}"
        self._dice = dice = Dice(seed)
        self._wishes = wishes
        encodings: tuple[EncoderKind, ...] = get_args(EncoderKind)
        readouts: tuple[Readout, ...] = get_args(Readout)
        self._readout = dice.choice(readouts if wishes.spiking != "never" else readouts[2:], wishes.readout)
        self._encoder = Encoder(dice.choice(encodings, wishes.encoding), dice.integer(1, (1 << 31) - 1))
        self._timesteps = dice.integer(1, MAX_TIMESTEPS)
        self._pixel_bits = 8 if dice.happens(0.6) else dice.integer(1, 7)
        self._layers = list[Layer]()

    def network(self) -> Network:
        dice = self._dice
        self._shape = (dice.integer(1, MAX_INPUT_CHANNELS), dice.integer(1, MAX_SIDE), dice.integer(1, MAX_SIDE))
        self._largest_input = self._encoder.largest_value(self._pixel_bits)
        network = Network(
            self._name,
            self._shape,
            self._pixel_bits,
            self._encoder,
            self._timesteps,
            (_counter(self._shape),),
            "membrane",
        )
        frames = dice.random.integers(
            0, network.largest_pixel, (SAMPLES, *network.frame_shape), dtype=np.uint8, endpoint=True
        )
        self._steps = encode(network, frames).transpose(1, 0, 3, 4, 2)
        windows = self._wishes.pool or self._wishes.padding_values
        for index in range(dice.integer(1 if windows else 0, MAX_LAYERS - 1)):
            self._add_hidden(index)
        self._add_last()
        return replace(network, layers=tuple(self._layers), readout=self._readout)

    def _add_hidden(self, index: int) -> None:
        dice, wishes = self._dice, self._wishes
        windows = index == 0 and bool(wishes.pool or wishes.padding_values)
        pools = self._largest_input == 1 and (index > 0 or not self._encoder.held)
        if pools and not windows and dice.happens(0.35):
            size = self._window()
            mode: PoolMode = dice.choice(get_args(PoolMode))
            self._add(MaxPool(f"pool{index}", size, (dice.integer(1, size[0]), dice.integer(1, size[1])), mode))
        elif windows or dice.happens(0.8):
            self._add(self._population(self._conv(f"conv{index}"), pools=True))
        else:
            self._add(self._population(self._dense(f"dense{index}"), pools=False))

    def _add_last(self) -> None:
        """A dense one, or a convolution of one position; sometimes of several, of which a pool leaves one."""
        last = self._dense("last")
        if not self._dice.happens(0.3):
            return self._add(self._population(last, pools=False))
        conv = Conv(last.name, last.weight, last.weight_bits, last.gain)
        if self._dice.happens(0.2) and self._wishes.pool is not False:
            return self._add(self._population(replace(conv, padding=(1, 1)), pools=True, size=(3, 3)))
        return self._add(self._population(conv, pools=False))

    def _add(self, layer: Layer) -> None:
        """Run the frames through ``layer`` too."""
        self._steps = stage(layer, [self._largest_input], self._timesteps)(self._steps)
        self._shape = layer.output_shape(self._shape)
        self._largest_input = layer.neuron.spikes if isinstance(layer, Population) else 1
        self._layers.append(layer)

    def _conv(self, name: str) -> Conv:
        dice = self._dice
        kernel = self._window()
        groups = dice.choice([part for part in range(1, self._shape[0] + 1) if self._shape[0] % part == 0])
        padding = (dice.integer(0, kernel[0] // 2), dice.integer(0, kernel[1] // 2))
        values = None
        if not self._layers and dice.happens(0.3, self._wishes.padding_values):
            padding = (max(padding[0], 1), padding[1]) if self._wishes.padding_values else padding
            values = dice.random.integers(0, self._largest_input, self._shape[0], endpoint=True)
        channels = groups * dice.integer(1, MAX_CHANNELS // groups)
        weight, bits = random_weights(dice, (channels, self._shape[0] // groups, *kernel), self._wishes.weight_bits)
        stride = (dice.integer(1, 2), dice.integer(1, 2))
        return Conv(name, weight, bits, random_gain(dice, channels, self._wishes.gain), stride, padding, groups, values)

    def _dense(self, name: str) -> Dense:
        channels = self._dice.integer(1, MAX_CHANNELS)
        weight, bits = random_weights(self._dice, (channels, *self._shape), self._wishes.weight_bits)
        return Dense(name, weight, bits, random_gain(self._dice, channels, self._wishes.gain))

    def _population(self, projection: Conv | Dense, *, pools: bool, size: Pair | None = None) -> Population:
        """A population fed by ``projection``, maybe behind a pool, of the given size if it must have one."""
        dice, wishes, last = self._dice, self._wishes, projection.name == "last"
        fraction_bits, bias = random_units(dice, [projection], [self._largest_input], wishes.fraction_bits)
        kind = dice.choice(wishes.kinds(last=last, readout=self._readout))
        probe = silent(dice, kind, wishes, projection.out_channels)
        layer = Population(projection.name, (projection,), bias, probe, fraction_bits)
        if size is not None or (pools and dice.happens(0.3, wishes.pool)):
            _, rows, columns = projection.output_shape(self._shape)
            size = size or (dice.integer(1, min(rows, 3)), dice.integer(1, min(columns, 3)))
            layer = replace(layer, pool=Window(size, (dice.integer(1, size[0]), dice.integer(1, size[1]))))
        most = 32 - (self._timesteps - 1).bit_length() if last else 32
        membranes = PopulationLayer(layer, [self._largest_input], self._timesteps).membranes(self._steps)
        by_channel: Int64Array = membranes.reshape(-1, layer.out_channels)
        neuron = random_neuron(dice, kind, wishes, probe, by_channel, most)
        return with_widths(dice, replace(layer, neuron=neuron), [self._largest_input], self._timesteps)

    def _window(self) -> Pair:
        return self._dice.integer(1, min(self._shape[1], 4)), self._dice.integer(1, min(self._shape[2], 4))


def _counter(shape: Shape) -> Population:
    """A stand-in for layers that are not drawn yet."""
    return dense_layer("last", np.ones((1, *shape), np.int64), np.zeros(1, np.int64), 8, Integrator(NoLeak(), 32))
