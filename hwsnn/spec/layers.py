"""The layers of a network: populations of neurons with the projections that feed them, spiking max-pools and sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, TypeAlias, get_args

import numpy as np

from .checks import require_choice, require_integer, require_integers, require_pair
from .graph import Port
from .integers import Int64Array, IntArray, Range, signed_limits
from .limits import MAX_EXTENT, MAX_FRACTION_BITS, MAX_GAIN, MAX_WEIGHT_BITS, MIN_WEIGHT_BITS, Pair, Shape
from .neurons import AnyNeuron
from .populations import AbstractPopulation, require_by_channel
from .projections import Convolution, FullyConnected, Projection, Window
from .ranges import state_ranges

PoolMode: TypeAlias = Literal["or", "winner"]


@dataclass(frozen=True, eq=False)
class IntegerProjection(Projection):
    """A projection of integer weights.

    ``weight_bits``: 1 to 8; weights of 1 bit are -1 and 1. ``gain``: (out channels,), positive, what the sums of an
    output channel are multiplied by; None for 1.
    """

    weight: IntArray
    weight_bits: int
    gain: IntArray | None = None

    def __post_init__(self) -> None:
        require_integer(f"weight bits of layer {self.name!r}", self.weight_bits, MIN_WEIGHT_BITS, MAX_WEIGHT_BITS)
        largest = largest_weight(self.weight_bits)
        require_integers(f"weight of layer {self.name!r}", self.weight, 4, -largest, largest)
        if self.weight_bits == 1 and not self.weight.all():
            raise ValueError(f"weight of layer {self.name!r} must be -1 or 1 where it has 1 bit, not 0")
        super().__post_init__()
        if self.gain is not None:
            require_integers(f"gain of layer {self.name!r}", self.gain, 1, 1, MAX_GAIN)
            require_by_channel(self.name, "gain", self.gain, self.out_channels)

    @cached_property
    def gained(self) -> Int64Array:
        """The weights times the gain of their output channel."""
        gained = self.weight.astype(np.int64)
        if self.gain is not None:
            gained *= self.gain.astype(np.int64)[:, None, None, None]
        gained.flags.writeable = False
        return gained

    def sums(self, largest_input: int) -> tuple[Int64Array, Int64Array]:
        """The smallest and the largest sum of each output channel for inputs from 0 to ``largest_input``, with gain."""
        low, high = self._signs
        return low * largest_input, high * largest_input

    @cached_property
    def _signs(self) -> tuple[Int64Array, Int64Array]:
        """The sums of the negative and of the positive weights of each output channel, with gain."""
        flat = self.gained.reshape(self.out_channels, -1)
        return np.minimum(flat, 0).sum(axis=1), np.maximum(flat, 0).sum(axis=1)


@dataclass(frozen=True, eq=False)
class Conv(Convolution, IntegerProjection):
    """A convolution.

    ``padding_values``: (in channels,), what the padding is instead of 0; only on the input of a network.
    """

    padding_values: IntArray | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.padding_values is not None:
            require_integers(f"padding values of layer {self.name!r}", self.padding_values, 1, 0, 255)
            require_by_channel(self.name, "padding values", self.padding_values, self.in_channels)


@dataclass(frozen=True, eq=False)
class Dense(FullyConnected, IntegerProjection):
    """A fully connected projection."""


AnyProjection: TypeAlias = Conv | Dense
PROJECTIONS: Mapping[str, type[AnyProjection]] = {kind.kind: kind for kind in get_args(AnyProjection)}
"""Every kind of projection by its name, as in model files."""


@dataclass(frozen=True, eq=False)
class Population(AbstractPopulation[AnyProjection]):
    """Neurons of ``out_channels`` channels, and the projections whose sums are their input currents.

    ``bias``: (channels,), added at every step. ``fraction_bits``: F, 0 to 8: sums are multiplied by 2^F; biases,
    thresholds and membranes are in that finer unit.
    """

    name: str
    projections: tuple[AnyProjection, ...]
    bias: IntArray
    neuron: AnyNeuron
    fraction_bits: int = 0
    pool: Window | None = None

    def __post_init__(self) -> None:
        require_integers(f"bias of layer {self.name!r}", self.bias, 1, *signed_limits(32))
        require_integer(f"fraction bits of layer {self.name!r}", self.fraction_bits, 0, MAX_FRACTION_BITS)
        super().__post_init__()
        if self.recurrent and not self.neuron.fires:
            raise ValueError(f"neurons of the recurrent layer {self.name!r} must fire, not integrate")

    @property
    def by_channel(self) -> Mapping[str, IntArray]:
        return {"bias": self.bias, **self.neuron.constants}

    @property
    def settings(self) -> dict[str, Any]:
        return {"fraction_bits": self.fraction_bits} | super().settings

    def current_ranges(self, largest_inputs: Sequence[int]) -> list[Range]:
        """Per output channel, the range of the input current, bias included.

        ``largest_inputs``: of each projection, whose inputs are from 0 to that.
        """
        return [Range(int(low), int(high)) for low, high in zip(*self._currents(largest_inputs), strict=True)]

    def membrane_range(self, largest_inputs: Sequence[int], timesteps: int) -> Range:
        """The range of unsaturated membranes over ``timesteps`` steps, before and after reset, constants included."""
        return self.state_ranges(largest_inputs, timesteps)["v"]

    def state_ranges(self, largest_inputs: Sequence[int], timesteps: int) -> dict[str, Range]:
        """The range of each signed state variable over ``timesteps`` steps if nothing saturates."""
        return state_ranges(self.neuron, *self._currents(largest_inputs), timesteps)

    def _currents(self, largest_inputs: Sequence[int]) -> tuple[Int64Array, Int64Array]:
        """The smallest and the largest input current of each output channel, (channels,) each."""
        low = high = self.bias.astype(np.int64)
        for projection, largest in zip(self.projections, largest_inputs, strict=True):
            least, most = projection.sums(largest)
            low, high = low + (least << self.fraction_bits), high + (most << self.fraction_bits)
        return low, high


@dataclass(frozen=True)
class MaxPool:
    """Spiking max-pool: ``or`` (any spike of the window at a step) or ``winner`` (the input that fired most so far)."""

    name: str
    size: Pair
    stride: Pair
    mode: PoolMode
    source: str | None = None

    kind: ClassVar[str] = "maxpool"
    sliding: ClassVar[bool] = True
    neuron: ClassVar[None] = None

    def __post_init__(self) -> None:
        require_pair(f"size of layer {self.name!r}", self.size, 1, MAX_EXTENT)
        require_pair(f"stride of layer {self.name!r}", self.stride, 1, MAX_EXTENT)
        require_choice(f"mode of layer {self.name!r}", self.mode, get_args(PoolMode))

    @property
    def ports(self) -> tuple[Port, ...]:
        """Its input."""
        return (Port(self.source),)

    @property
    def window(self) -> Window:
        """The inputs of an output position."""
        return Window(self.size, self.stride)

    @property
    def settings(self) -> dict[str, Any]:
        """The fields of the layer besides its name."""
        source = {} if self.source is None else {"source": self.source}
        return {"size": self.size, "stride": self.stride, "mode": self.mode} | source

    def output_shape(self, *shapes: Shape) -> Shape:
        """The output shape for an input of that shape; ``ValueError`` if that does not fit."""
        (shape,) = shapes
        return (shape[0], *self.window.positions(self.name, shape[1:]))


@dataclass(frozen=True)
class Sum:
    """Adds the numbers of spikes of several layers of the same shape, at every step and position (SEW's ADD).

    ``sources``: the layers, at least two, as in ``Port``.
    """

    name: str
    sources: tuple[str, ...]

    kind: ClassVar[str] = "sum"
    sliding: ClassVar[bool] = False
    neuron: ClassVar[None] = None

    def __post_init__(self) -> None:
        if not isinstance(self.sources, tuple) or not all(isinstance(source, str) for source in self.sources):
            raise ValueError(f"sources of layer {self.name!r} must be names of layers, not {self.sources!r}")
        if len(self.sources) < 2:
            raise ValueError(f"layer {self.name!r} must add at least two layers, not {len(self.sources)}")

    @property
    def ports(self) -> tuple[Port, ...]:
        """Its inputs."""
        return tuple(map(Port, self.sources))

    @property
    def settings(self) -> dict[str, Any]:
        """The fields of the layer besides its name."""
        return {"sources": self.sources}

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape of its inputs; ``ValueError`` if they differ."""
        for shape in shapes[1:]:
            if shape != shapes[0]:
                raise ValueError(f"layer {self.name!r} must add layers of one shape, not {shapes[0]} and {shape}")
        return shapes[0]


Layer: TypeAlias = Population | MaxPool | Sum
KINDS: Mapping[str, type[Layer]] = {kind.kind: kind for kind in get_args(Layer)}
"""Every kind of layer by its name, as in model files."""


def largest_weight(bits: int) -> int:
    """The largest weight of ``bits`` bits: a weight of 1 bit is a sign, and one of more bits has a symmetric range."""
    return max((1 << (bits - 1)) - 1, 1)
