"""The layers of a network: convolutions, fully connected layers and spiking max-pools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from .checks import require_choice, require_integer, require_integers, require_pair
from .integers import IntArray, Range, signed_limits
from .limits import MAX_EXTENT, MAX_WEIGHT_BITS, MIN_WEIGHT_BITS, Pair, Shape
from .neurons import Integrator, Neuron

PoolMode: TypeAlias = Literal["or", "winner"]


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
