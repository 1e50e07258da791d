"""What an integer spiking network is: its layers, neurons and encoder, as frozen dataclasses.

Every class checks its own values on construction and raises ``ValueError`` with "X must be ..., not ...".
Shapes are inferred, ranges and widths follow from the weights; ``docs/numerics.md`` is the meaning of it all.
Axis order is (channels, height, width) throughout.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias, get_args

import numpy as np

from .checks import require_choice, require_integer, require_integers, require_pair
from .numeric import IntArray, Range, signed_limits, unsigned_width

MIN_WEIGHT_BITS, MAX_WEIGHT_BITS = 2, 8
MAX_PIXEL_BITS = 8
MAX_TIMESTEPS = 256
MIN_MEMBRANE_BITS, MAX_MEMBRANE_BITS = 2, 32
MAX_LEAK_SHIFT = 16
MAX_EXTENT = 4096
"""Largest height, width or channel count: a bound on what an untrusted model file can ask for."""
MIXED_SEED = 0x2A6D365B
"""As many ones as zeros, nearly: from a seed of few ones, such as 1, a shift register gives hundreds of zeros."""

Reset: TypeAlias = Literal["subtract", "zero", "none"]
EncoderKind: TypeAlias = Literal["direct", "uniform", "poisson", "latency"]
PoolMode: TypeAlias = Literal["or", "winner"]
Readout: TypeAlias = Literal["count", "membrane"]
Sums: TypeAlias = Literal["lut5", "lut6", "block"]
Shape: TypeAlias = tuple[int, int, int]
Pair: TypeAlias = tuple[int, int]

_LAYER_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_NETWORK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RESERVED_NAMES = frozenset({"encoder", "readout", "pixels", "result", "clk", "rst"})


def require_shape(what: str, value: object) -> None:
    """Raise ``ValueError`` unless ``value`` is (channels, height, width)."""
    if not isinstance(value, tuple) or len(value) != 3:
        raise ValueError(f"{what} must be (channels, height, width), not {value!r}")
    for extent in value:
        require_integer(what, extent, 1, MAX_EXTENT)


def require_network_name(name: str) -> None:
    """Raise ``ValueError`` unless a network may have this name."""
    if not _NETWORK_NAME.fullmatch(name):
        raise ValueError(f"network name must be 1 to 64 letters, digits, '.', '_' or '-', not {name!r}")


def is_layer_name(name: str) -> bool:
    """Whether a layer may have this name."""
    return bool(_LAYER_NAME.fullmatch(name)) and name not in RESERVED_NAMES


def require_layer_names(names: Iterable[str]) -> None:
    """Raise ``ValueError`` unless the layers of one network may have these names."""
    seen: set[str] = set()
    for name in names:
        if not is_layer_name(name):
            raise ValueError(
                "a layer's name must be a lower-case letter, then at most 31 of a-z, 0-9 and '_', and none of "
                f"{', '.join(sorted(RESERVED_NAMES))}, not {name!r}"
            )
        if name in seen:
            raise ValueError(f"layer names must differ, not repeat {name!r}")
        seen.add(name)


@dataclass(frozen=True)
class Encoder:
    """How a pixel becomes T time steps. ``seed`` matters to ``poisson`` alone (1 to 2^31 - 1)."""

    kind: EncoderKind
    seed: int = MIXED_SEED

    def __post_init__(self) -> None:
        require_choice("encoding", self.kind, get_args(EncoderKind))
        require_integer("encoder seed", self.seed, 1, (1 << 31) - 1)


@dataclass(frozen=True)
class NoLeak:
    """``leak(v) = v``: an integrate-and-fire neuron."""

    @property
    def beta(self) -> float:
        """The factor by which a membrane decays in a step."""
        return 1.0

    def leaked(self, v: IntArray) -> IntArray:
        """``leak(v)`` of every v, int64. Every leak is monotone, so that of a range's ends bounds that of the range."""
        return v


@dataclass(frozen=True)
class ShiftLeak:
    """``leak(v) = v - floor(v / 2^shift)``, shift from 1 to 16."""

    shift: int

    def __post_init__(self) -> None:
        require_integer("leak shift", self.shift, 1, MAX_LEAK_SHIFT)

    @property
    def beta(self) -> float:
        """The factor by which a membrane decays in a step."""
        return 1.0 - 2.0**-self.shift

    def leaked(self, v: IntArray) -> IntArray:
        """As ``NoLeak.leaked``."""
        return v - (v >> self.shift)


@dataclass(frozen=True)
class MultiplyLeak:
    """``leak(v) = floor(v * multiplier / 2^shift)``, shift from 1 to 16, multiplier from 0 to 2^shift - 1.

    A multiplier of 0 forgets the membrane at every step: a memoryless threshold.
    """

    multiplier: int
    shift: int

    def __post_init__(self) -> None:
        require_integer("leak shift", self.shift, 1, MAX_LEAK_SHIFT)
        require_integer("leak multiplier", self.multiplier, 0, (1 << self.shift) - 1)

    @property
    def beta(self) -> float:
        """The factor by which a membrane decays in a step."""
        return float(self.multiplier / (1 << self.shift))

    def leaked(self, v: IntArray) -> IntArray:
        """As ``NoLeak.leaked``. No product exceeds v or 2^32, so that nothing overflows whatever v is."""
        quotient = v >> self.shift
        return quotient * self.multiplier + (((v - (quotient << self.shift)) * self.multiplier) >> self.shift)


Leak: TypeAlias = NoLeak | ShiftLeak | MultiplyLeak


@dataclass(frozen=True, eq=False)
class Neuron:
    """A spiking neuron: ``v = saturate(leak(v) + I)``, a spike where ``v >= threshold``, then the reset.

    ``threshold``: (channels,), positive. ``membrane_bits``: two's-complement width at which v saturates, 2 to 32.
    ``sub``: (channels,), from 0 up: what a spike takes off v where the reset is ``subtract``, None for other resets.
    """

    threshold: IntArray
    leak: Leak
    reset: Reset
    membrane_bits: int
    sub: IntArray | None = None

    def __post_init__(self) -> None:
        require_integer("membrane bits", self.membrane_bits, MIN_MEMBRANE_BITS, MAX_MEMBRANE_BITS)
        require_choice("reset", self.reset, get_args(Reset))
        largest = signed_limits(self.membrane_bits)[1]
        require_integers("threshold", self.threshold, 1, 1, largest)
        if self.reset == "subtract":
            require_integers("sub", self.sub, 1, 0, largest)
        elif self.sub is not None:
            raise ValueError(f"sub must be None for the reset {self.reset!r}, not {type(self.sub).__name__}")
        if self.sub is not None and self.sub.shape != self.threshold.shape:
            raise ValueError(f"sub must have the threshold's shape {self.threshold.shape}, not {self.sub.shape}")

    @property
    def largest_constant(self) -> int:
        """The largest threshold, or what a spike takes off at most: a membrane must be able to hold it."""
        return max(int(part.max()) for part in (self.threshold, self.sub) if part is not None)

    def after_reset(self, low: IntArray, high: IntArray) -> tuple[IntArray, IntArray]:
        """Where membranes from ``low`` to ``high``, (channels,) of int64 each, lie behind the reset: from and to."""
        if self.reset == "none":
            return low, high
        threshold = self.threshold.astype(np.int64)
        fires, stays = high >= threshold, low < threshold
        if self.sub is None:
            lowest_fired = highest_fired = np.zeros_like(threshold)
        else:
            sub = self.sub.astype(np.int64)
            lowest_fired, highest_fired = np.maximum(low, threshold) - sub, high - sub
        highest_staying = np.minimum(high, threshold - 1)
        return (
            np.minimum(np.where(stays, low, lowest_fired), np.where(fires, lowest_fired, low)),
            np.maximum(np.where(stays, highest_staying, highest_fired), np.where(fires, highest_fired, high)),
        )


@dataclass(frozen=True)
class Integrator:
    """A neuron that never fires: ``v = saturate(leak(v) + I)``; the last layer of a ``membrane`` readout."""

    leak: Leak
    membrane_bits: int

    def __post_init__(self) -> None:
        require_integer("membrane bits", self.membrane_bits, MIN_MEMBRANE_BITS, MAX_MEMBRANE_BITS)


@dataclass(frozen=True, eq=False)
class _Weighted:
    name: str
    weight: IntArray
    bias: IntArray
    weight_bits: int
    neuron: Neuron | Integrator

    def __post_init__(self) -> None:
        require_integer(f"weight bits of layer {self.name!r}", self.weight_bits, MIN_WEIGHT_BITS, MAX_WEIGHT_BITS)
        largest = (1 << (self.weight_bits - 1)) - 1
        require_integers(f"weight of layer {self.name!r}", self.weight, 4, -largest, largest)
        require_integers(f"bias of layer {self.name!r}", self.bias, 1, *signed_limits(32))
        channels = self.weight.shape[0]
        if self.bias.shape != (channels,):
            raise ValueError(f"bias of layer {self.name!r} must have shape ({channels},), not {self.bias.shape}")
        if isinstance(self.neuron, Neuron) and self.neuron.threshold.shape != (channels,):
            raise ValueError(
                f"threshold of layer {self.name!r} must have shape ({channels},), not {self.neuron.threshold.shape}"
            )

    @property
    def synapses(self) -> int:
        """Weights, zeros included."""
        return int(self.weight.size)

    def current_ranges(self, largest_input: int) -> list[Range]:
        """Per output channel, where the input current lies (bias included) for inputs from 0 to ``largest_input``."""
        return [Range(int(low), int(high)) for low, high in zip(*self._currents(largest_input), strict=True)]

    def membrane_range(self, largest_input: int, timesteps: int) -> Range:
        """Where the unsaturated membranes lie in ``timesteps`` steps, before and after reset, constants included."""
        neuron = self.neuron
        total = Range(0, neuron.largest_constant if isinstance(neuron, Neuron) else 0)
        lowest, highest = self._currents(largest_input)
        low = high = np.zeros_like(lowest)
        for _ in range(timesteps):
            low, high = neuron.leak.leaked(low) + lowest, neuron.leak.leaked(high) + highest
            total |= Range(int(low.min()), int(high.max()))
            if isinstance(neuron, Neuron):
                low, high = neuron.after_reset(low, high)
                total |= Range(int(low.min()), int(high.max()))
        return total

    def _currents(self, largest_input: int) -> tuple[IntArray, IntArray]:
        """The smallest and the largest input current of each output channel, (channels,) of int64 each."""
        flat = self.weight.reshape(len(self.weight), -1).astype(np.int64)
        bias = self.bias.astype(np.int64)
        return (
            np.minimum(flat, 0).sum(axis=1) * largest_input + bias,
            np.maximum(flat, 0).sum(axis=1) * largest_input + bias,
        )


@dataclass(frozen=True, eq=False)
class Conv(_Weighted):
    """A convolution (cross-correlation, as everywhere in the field) and its neurons.

    ``weight``: (out channels, in channels, kernel height, kernel width); ``bias``: (out channels,), added at every
    step; ``stride`` and ``padding``: (vertical, horizontal), padding with zeros on both sides.
    """

    stride: Pair = (1, 1)
    padding: Pair = (0, 0)

    def __post_init__(self) -> None:
        super().__post_init__()
        require_pair(f"stride of layer {self.name!r}", self.stride, 1, MAX_EXTENT)
        require_pair(f"padding of layer {self.name!r}", self.padding, 0, MAX_EXTENT)

    @property
    def kernel(self) -> Pair:
        """(height, width) of the window."""
        return self.weight.shape[2], self.weight.shape[3]

    def output_shape(self, shape: Shape) -> Shape:
        """The shape this layer makes of ``shape``; ``ValueError`` where it does not fit."""
        return conv_shape(self.name, self.weight.shape, self.stride, self.padding, shape)


@dataclass(frozen=True, eq=False)
class Dense(_Weighted):
    """A fully connected layer and its neurons; the output is 1 x 1.

    ``weight``: (out, in channels, in height, in width), the order in which PyTorch flattens; ``bias``: (out,).
    """

    def output_shape(self, shape: Shape) -> Shape:
        """The shape this layer makes of ``shape``; ``ValueError`` where it does not fit."""
        return dense_shape(self.name, self.weight.shape, shape)


@dataclass(frozen=True)
class MaxPool:
    """Spiking max-pool: ``or`` (any spike of the window at a step) or ``winner`` (the input that fired most so far)."""

    name: str
    size: Pair
    stride: Pair
    mode: PoolMode

    def __post_init__(self) -> None:
        require_pair(f"size of layer {self.name!r}", self.size, 1, MAX_EXTENT)
        require_pair(f"stride of layer {self.name!r}", self.stride, 1, MAX_EXTENT)
        require_choice(f"mode of layer {self.name!r}", self.mode, get_args(PoolMode))

    def output_shape(self, shape: Shape) -> Shape:
        """The shape this layer makes of ``shape``; ``ValueError`` where it does not fit."""
        return (shape[0], *_windows(self.name, shape[1:], self.size, self.stride))


def conv_shape(name: str, weight: tuple[int, ...], stride: Pair, padding: Pair, shape: Shape) -> Shape:
    """What a convolution with weights of shape ``weight`` makes of ``shape``; ``ValueError`` where it does not fit."""
    channels, height, width = shape
    if weight[1] != channels:
        raise ValueError(f"layer {name!r} must take the {channels} channels before it, not {weight[1]}")
    padded = (height + 2 * padding[0], width + 2 * padding[1])
    return (weight[0], *_windows(name, padded, (weight[2], weight[3]), stride))


def dense_shape(name: str, weight: tuple[int, ...], shape: Shape) -> Shape:
    """What a dense layer with weights of shape ``weight`` makes of ``shape``; ``ValueError`` where it does not fit."""
    if weight[1:] != shape:
        raise ValueError(f"layer {name!r} must take the shape {shape} before it, not {weight[1:]}")
    return weight[0], 1, 1


def _windows(name: str, extent: Pair, size: Pair, stride: Pair) -> Pair:
    if size[0] > extent[0] or size[1] > extent[1]:
        raise ValueError(f"the window of layer {name!r} must fit its input of {extent[0]}x{extent[1]}, not {size}")
    return (extent[0] - size[0]) // stride[0] + 1, (extent[1] - size[1]) // stride[1] + 1


Layer: TypeAlias = Conv | Dense | MaxPool


@dataclass(frozen=True, eq=False)
class Network:
    """A whole integer network. The input is (channels, height, width) of unsigned ``pixel_bits``-bit pixels."""

    name: str
    input_shape: Shape
    pixel_bits: int
    encoder: Encoder
    timesteps: int
    layers: tuple[Layer, ...]
    readout: Readout

    def __post_init__(self) -> None:
        require_network_name(self.name)
        require_shape("input shape", self.input_shape)
        require_integer("pixel bits", self.pixel_bits, 1, MAX_PIXEL_BITS)
        require_integer("timesteps", self.timesteps, 1, MAX_TIMESTEPS)
        require_choice("readout", self.readout, get_args(Readout))
        self._check_layers()

    def _check_layers(self) -> None:
        if not self.layers:
            raise ValueError("a network must have at least one layer, not none")
        require_layer_names([layer.name for layer in self.layers])
        for layer in self.layers[:-1]:
            if not isinstance(layer, MaxPool) and isinstance(layer.neuron, Integrator):
                raise ValueError(f"layer {layer.name!r} must fire: only the last layer may integrate without firing")
        last = self.layers[-1]
        if isinstance(last, MaxPool):
            raise ValueError(f"the last layer must be a convolution or fully connected, not the pool {last.name!r}")
        if isinstance(last.neuron, Integrator) != (self.readout == "membrane"):
            raise ValueError(
                f"the neurons of the last layer must {'integrate' if self.readout == 'membrane' else 'fire'} "
                f"for a {self.readout!r} readout, not {type(last.neuron).__name__}"
            )
        if isinstance(self.layers[0], MaxPool) and self.encoder.kind == "direct":
            raise ValueError("the first layer must have weights under direct encoding, not be a max-pool")
        if self.shapes[-1][1:] != (1, 1):
            raise ValueError(
                f"the last layer's output must be 1x1, one score a class, not {self.shapes[-1][1]}x{self.shapes[-1][2]}"
            )

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """The input's shape, then the shape after each layer."""
        shapes = [self.input_shape]
        for layer in self.layers:
            shapes.append(layer.output_shape(shapes[-1]))
        return tuple(shapes)

    @property
    def classes(self) -> int:
        """How many scores the readout makes."""
        return self.shapes[-1][0]

    @property
    def largest_pixel(self) -> int:
        """M = 2^pixel_bits - 1."""
        return (1 << self.pixel_bits) - 1

    @property
    def score_range(self) -> Range:
        """Where the scores lie, as far as their declared width says."""
        last = self.layers[-1]
        if not isinstance(last, MaxPool) and isinstance(last.neuron, Integrator):
            return Range(*signed_limits(last.neuron.membrane_bits))
        return Range(0, self.timesteps)

    @property
    def score_bits(self) -> int:
        """Width of a score: unsigned for ``count``, two's complement for ``membrane``."""
        return self.score_range.width if self.readout == "membrane" else unsigned_width(self.timesteps)

    @property
    def answer_bits(self) -> int:
        """Width of the answer, an unsigned class index."""
        return unsigned_width(self.classes - 1)

    def takes_pixels(self, index: int) -> bool:
        """Whether layer ``index`` takes multi-bit pixels, once a frame, rather than T spikes."""
        return index == 0 and self.encoder.kind == "direct"

    def largest_input(self, index: int) -> int:
        """The largest value on the input of layer ``index``: a pixel's under direct encoding, else 1."""
        return self.largest_pixel if self.takes_pixels(index) else 1

    def weighted_layers(self) -> Iterator[tuple[int, Conv | Dense]]:
        """The layers with weights, each with its index."""
        for index, layer in enumerate(self.layers):
            if not isinstance(layer, MaxPool):
                yield index, layer

    def current_range(self, index: int) -> Range:
        """Where the input currents of layer ``index`` lie, over all its channels."""
        layer = self.layers[index]
        if isinstance(layer, MaxPool):
            raise ValueError(f"layer {layer.name!r} must have weights to have a current, not be a pool")
        ranges = layer.current_ranges(self.largest_input(index))
        return Range(min(r.low for r in ranges), max(r.high for r in ranges))

    def can_saturate(self, index: int) -> bool:
        """Whether a membrane of layer ``index`` can reach the ends of its declared width and be clipped there."""
        return self._saturating[index]

    @cached_property
    def _saturating(self) -> tuple[bool, ...]:
        return tuple(
            not isinstance(layer, MaxPool)
            and layer.membrane_range(self.largest_input(index), self.timesteps).width > layer.neuron.membrane_bits
            for index, layer in enumerate(self.layers)
        )


@dataclass(frozen=True)
class LayerFold:
    """How parallel a layer with weights is: input channels, output channels and time steps handled in a clock.

    A part that does not divide its whole is padded: with zero weights, with steps whose spikes are dropped. ``sums``:
    where the tables of partial sums lie; in look-up tables of 5 or 6 inputs, or in block memory. ``logic_steps``: for
    how many of the steps in a clock they lie in look-up tables of 6 inputs although ``sums`` is ``block``.
    """

    cin_par: int
    cout_par: int
    t_par: int = 1
    sums: Sums = "lut5"
    logic_steps: int = 0

    def __post_init__(self) -> None:
        require_integer("cin_par", self.cin_par, 1, MAX_EXTENT)
        require_integer("cout_par", self.cout_par, 1, MAX_EXTENT)
        require_integer("t_par", self.t_par, 1, MAX_TIMESTEPS)
        require_choice("sums", self.sums, get_args(Sums))
        require_integer("logic_steps", self.logic_steps, 0, self.t_par - 1 if self.sums == "block" else 0)


@dataclass(frozen=True)
class Folding:
    """How parallel a network is: a fold for each layer with weights, and the depths of its queues.

    ``fifo_depths``: of the queue behind each layer, in beats, those under way in the layer included, at least 1.
    ``column_depths``: of the queue of window columns in each convolution, at least 1.
    """

    layers: Mapping[str, LayerFold]
    fifo_depths: Mapping[str, int]
    column_depths: Mapping[str, int]

    def __post_init__(self) -> None:
        for name, depth in self.fifo_depths.items():
            require_integer(f"fifo depth behind layer {name!r}", depth, 1, 1 << 16)
        for name, depth in self.column_depths.items():
            require_integer(f"column depth of layer {name!r}", depth, 1, 1 << 16)

    def beat_steps(self, network: Network, index: int) -> int:
        """Time steps in a beat behind layer ``index``; -1 for what comes from the encoder, one step a beat."""
        while index >= 0 and isinstance(network.layers[index], MaxPool):
            index -= 1
        return min(self.layers[network.layers[index].name].t_par, network.timesteps) if index >= 0 else 1
