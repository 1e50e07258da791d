"""The layers of a network: populations of neurons with the projections that feed them, and spiking max-pools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias, get_args

import numpy as np

from .checks import require_choice, require_integer, require_integers, require_pair
from .integers import Int64Array, IntArray, Range, signed_limits
from .limits import MAX_EXTENT, MAX_FRACTION_BITS, MAX_GAIN, MAX_WEIGHT_BITS, MIN_WEIGHT_BITS, Pair, Shape
from .neurons import AnyNeuron
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

    @property
    def gained(self) -> Int64Array:
        """The weights times the gain of their output channel."""
        weight = self.weight.astype(np.int64)
        return weight if self.gain is None else weight * self.gain.astype(np.int64)[:, None, None, None]

    def sums(self, largest_input: int) -> tuple[Int64Array, Int64Array]:
        """The smallest and the largest sum of each output channel for inputs from 0 to ``largest_input``, with gain."""
        flat = self.gained.reshape(self.out_channels, -1)
        return np.minimum(flat, 0).sum(axis=1) * largest_input, np.maximum(flat, 0).sum(axis=1) * largest_input


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
class Population:
    """Neurons of ``out_channels`` channels, and the projections whose sums are their input currents.

    ``projections``: one, for now. ``bias``: (channels,), added at every step. ``fraction_bits``: F, 0 to 8: sums are
    multiplied by 2^F; biases, thresholds and membranes are in that finer unit. ``pool``: windows of output positions
    of which the largest current counts, before the neuron; None for no pool.
    """

    name: str
    projections: tuple[AnyProjection, ...]
    bias: IntArray
    neuron: AnyNeuron
    fraction_bits: int = 0
    pool: Window | None = None

    kind: ClassVar[str] = "population"

    def __post_init__(self) -> None:
        if len(self.projections) != 1:
            raise ValueError(f"layer {self.name!r} must have one projection, not {len(self.projections)}")
        if self.projection.name != self.name:
            raise ValueError(f"the projection of layer {self.name!r} must bear its name, not {self.projection.name!r}")
        require_integers(f"bias of layer {self.name!r}", self.bias, 1, *signed_limits(32))
        require_integer(f"fraction bits of layer {self.name!r}", self.fraction_bits, 0, MAX_FRACTION_BITS)
        for what, values in {"bias": self.bias, **self.neuron.constants}.items():
            require_by_channel(self.name, what, values, self.out_channels)
        if self.pool is not None:
            require_current_pool(self.name, self.pool, sliding=self.projection.sliding)

    @property
    def projection(self) -> AnyProjection:
        """The only projection."""
        return self.projections[0]

    @property
    def out_channels(self) -> int:
        """Channels of the output."""
        return self.projection.out_channels

    @property
    def sliding(self) -> bool:
        """As ``Projection.sliding``."""
        return self.projection.sliding

    @property
    def window(self) -> Window:
        """The inputs of an output position: of all windows of its pool, where it has one."""
        window = self.projection.window
        return window if self.pool is None else window.pooled(self.pool)

    @property
    def windows(self) -> int:
        """Windows of the projection for an output position."""
        return 1 if self.pool is None else self.pool.size[0] * self.pool.size[1]

    @property
    def settings(self) -> dict[str, Any]:
        """The fields besides name, projections, tensors and neuron."""
        pool = {} if self.pool is None else {"pool_size": self.pool.size, "pool_stride": self.pool.stride}
        return {"fraction_bits": self.fraction_bits} | pool

    def output_shape(self, shape: Shape) -> Shape:
        """The output shape for an input of ``shape``; ``ValueError`` if that does not fit."""
        channels, *extent = self.projection.output_shape(shape)
        if self.pool is None:
            return channels, extent[0], extent[1]
        return (channels, *self.pool.positions(self.name, (extent[0], extent[1])))

    def current_ranges(self, largest_input: int) -> list[Range]:
        """Per output channel, the range of the input current (bias included) for inputs from 0 to ``largest_input``."""
        return [Range(int(low), int(high)) for low, high in zip(*self._currents(largest_input), strict=True)]

    def membrane_range(self, largest_input: int, timesteps: int) -> Range:
        """The range of unsaturated membranes over ``timesteps`` steps, before and after reset, constants included."""
        return self.state_ranges(largest_input, timesteps)["v"]

    def state_ranges(self, largest_input: int, timesteps: int) -> dict[str, Range]:
        """The range of each signed state variable over ``timesteps`` steps if nothing saturates."""
        return state_ranges(self.neuron, *self._currents(largest_input), timesteps)

    def _currents(self, largest_input: int) -> tuple[Int64Array, Int64Array]:
        """The smallest and the largest input current of each output channel, (channels,) each."""
        low, high = (
            np.sum([ends[side] for ends in self._sums(largest_input)], axis=0) << self.fraction_bits for side in (0, 1)
        )
        bias = self.bias.astype(np.int64)
        return low + bias, high + bias

    def _sums(self, largest_input: int) -> list[tuple[Int64Array, Int64Array]]:
        return [projection.sums(largest_input) for projection in self.projections]


@dataclass(frozen=True)
class MaxPool:
    """Spiking max-pool: ``or`` (any spike of the window at a step) or ``winner`` (the input that fired most so far)."""

    name: str
    size: Pair
    stride: Pair
    mode: PoolMode

    kind: ClassVar[str] = "maxpool"
    sliding: ClassVar[bool] = True
    neuron: ClassVar[None] = None

    def __post_init__(self) -> None:
        require_pair(f"size of layer {self.name!r}", self.size, 1, MAX_EXTENT)
        require_pair(f"stride of layer {self.name!r}", self.stride, 1, MAX_EXTENT)
        require_choice(f"mode of layer {self.name!r}", self.mode, get_args(PoolMode))

    @property
    def window(self) -> Window:
        """The inputs of an output position."""
        return Window(self.size, self.stride)

    @property
    def settings(self) -> dict[str, Any]:
        """The fields of the layer besides its name."""
        return {"size": self.size, "stride": self.stride, "mode": self.mode}

    def output_shape(self, shape: Shape) -> Shape:
        """The output shape for an input of ``shape``; ``ValueError`` if that does not fit."""
        return (shape[0], *self.window.positions(self.name, shape[1:]))


Layer: TypeAlias = Population | MaxPool
KINDS: Mapping[str, type[Layer]] = {kind.kind: kind for kind in get_args(Layer)}
"""Every kind of layer by its name, as in model files."""


def largest_weight(bits: int) -> int:
    """The largest weight of ``bits`` bits: a weight of 1 bit is a sign, and one of more bits has a symmetric range."""
    return max((1 << (bits - 1)) - 1, 1)


def require_by_channel(layer: str, what: str, values: Any, channels: int) -> None:
    """Raise ``ValueError`` unless there is one value for each of the channels."""
    if values.shape != (channels,):
        raise ValueError(f"{what} of layer {layer!r} must have shape {(channels,)}, not {values.shape}")


def require_current_pool(layer: str, pool: Window, *, sliding: bool) -> None:
    """Raise ``ValueError`` unless the currents of a projection may be pooled so."""
    require_pair(f"pool size of layer {layer!r}", pool.size, 1, MAX_EXTENT)
    require_pair(f"pool stride of layer {layer!r}", pool.stride, 1, MAX_EXTENT)
    if any(pool.padding):
        raise ValueError(f"the pool of layer {layer!r} must have no padding, not {pool.padding}")
    if not sliding:
        raise ValueError(f"the pool of layer {layer!r} must follow a convolution, not a fully connected projection")
