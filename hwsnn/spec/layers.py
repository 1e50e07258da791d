"""The layers of a network: convolutions, fully connected layers and spiking max-pools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias, get_args

import numpy as np

from .checks import require_choice, require_integer, require_integers, require_pair
from .integers import IntArray, Range, signed_limits
from .limits import MAX_EXTENT, MAX_WEIGHT_BITS, MIN_WEIGHT_BITS, Pair, Shape
from .neurons import AnyNeuron
from .projections import Convolution, FullyConnected, Projection, Window

PoolMode: TypeAlias = Literal["or", "winner"]


@dataclass(frozen=True, eq=False)
class Weighted(Projection):
    """A layer with weights, and its neurons."""

    weight: IntArray
    bias: IntArray
    weight_bits: int
    neuron: AnyNeuron

    def __post_init__(self) -> None:
        require_integer(f"weight bits of layer {self.name!r}", self.weight_bits, MIN_WEIGHT_BITS, MAX_WEIGHT_BITS)
        largest = (1 << (self.weight_bits - 1)) - 1
        require_integers(f"weight of layer {self.name!r}", self.weight, 4, -largest, largest)
        require_integers(f"bias of layer {self.name!r}", self.bias, 1, *signed_limits(32))
        super().__post_init__()
        for constant, values in self.neuron.constants.items():
            self._require_by_channel(constant, values)

    def current_ranges(self, largest_input: int) -> list[Range]:
        """Per output channel, where the input current lies (bias included) for inputs from 0 to ``largest_input``."""
        return [Range(int(low), int(high)) for low, high in zip(*self._currents(largest_input), strict=True)]

    def membrane_range(self, largest_input: int, timesteps: int) -> Range:
        """Where the unsaturated membranes lie in ``timesteps`` steps, before and after reset, constants included."""
        return self.state_ranges(largest_input, timesteps)["v"]

    def state_ranges(self, largest_input: int, timesteps: int) -> dict[str, Range]:
        """Where each variable of a neuron's state lies in ``timesteps`` steps if nothing saturates."""
        return self.neuron.ranges(*self._currents(largest_input), timesteps)

    def _currents(self, largest_input: int) -> tuple[IntArray, IntArray]:
        """The smallest and the largest input current of each output channel, (channels,) of int64 each."""
        flat = self.weight.reshape(len(self.weight), -1).astype(np.int64)
        bias = self.bias.astype(np.int64)
        return (
            np.minimum(flat, 0).sum(axis=1) * largest_input + bias,
            np.maximum(flat, 0).sum(axis=1) * largest_input + bias,
        )


@dataclass(frozen=True, eq=False)
class Conv(Convolution, Weighted):
    """A convolution and its neurons."""


@dataclass(frozen=True, eq=False)
class Dense(FullyConnected, Weighted):
    """A fully connected layer and its neurons."""


@dataclass(frozen=True)
class MaxPool:
    """Spiking max-pool: ``or`` (any spike of the window at a step) or ``winner`` (the input that fired most so far)."""

    name: str
    size: Pair
    stride: Pair
    mode: PoolMode

    kind: ClassVar[str] = "maxpool"
    weighted: ClassVar[bool] = False
    sliding: ClassVar[bool] = True
    padding: ClassVar[Pair] = (0, 0)
    neuron: ClassVar[None] = None

    def __post_init__(self) -> None:
        require_pair(f"size of layer {self.name!r}", self.size, 1, MAX_EXTENT)
        require_pair(f"stride of layer {self.name!r}", self.stride, 1, MAX_EXTENT)
        require_choice(f"mode of layer {self.name!r}", self.mode, get_args(PoolMode))

    @property
    def window(self) -> Window:
        """What an output position sees."""
        return Window(self.size, self.stride)

    @property
    def settings(self) -> dict[str, Any]:
        """What makes the layer beside its name, by field."""
        return {"size": self.size, "stride": self.stride, "mode": self.mode}

    def output_shape(self, shape: Shape) -> Shape:
        """The shape this layer makes of ``shape``; ``ValueError`` where it does not fit."""
        return (shape[0], *self.window.positions(self.name, shape[1:]))


WeightedKind: TypeAlias = Conv | Dense
Layer: TypeAlias = WeightedKind | MaxPool
KINDS: Mapping[str, type[Layer]] = {kind.kind: kind for kind in get_args(Layer)}
"""Every kind of layer by its name, as in model files."""
