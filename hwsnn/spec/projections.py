"""What the weights of a layer connect, whatever numbers they are: integer and float layers share it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, NamedTuple

import numpy.typing as npt

from .checks import require_integer, require_pair
from .limits import MAX_EXTENT, Pair, Shape


class Window(NamedTuple):
    """What an output position sees of each channel; ``padding``: zeros on both sides. All (vertical, horizontal)."""

    size: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)

    def padded(self, extent: Pair) -> Pair:
        """The input's (height, width) with its padding."""
        return extent[0] + 2 * self.padding[0], extent[1] + 2 * self.padding[1]

    def positions(self, layer: str, extent: Pair) -> Pair:
        """(rows, columns) of windows over an input of ``extent``; ``ValueError`` where not one fits."""
        height, width = self.padded(extent)
        if self.size[0] > height or self.size[1] > width:
            raise ValueError(f"the window of layer {layer!r} must fit its input of {height}x{width}, not {self.size}")
        return (height - self.size[0]) // self.stride[0] + 1, (width - self.size[1]) // self.stride[1] + 1


@dataclass(frozen=True, eq=False)
class Projection(ABC):
    """Weights and biases between the input of a layer and its output channels.

    ``weight``: (out channels, in channels, window height, window width); ``bias``: (out channels,), added at every
    step.
    """

    name: str
    weight: npt.NDArray[Any]
    bias: npt.NDArray[Any]

    kind: ClassVar[str]
    weighted: ClassVar[bool] = True
    sliding: ClassVar[bool]
    """Whether the window moves over the image, so that each must be gathered; else it is the image, pixel by pixel."""

    def __post_init__(self) -> None:
        self._require_by_channel("bias", self.bias)

    def _require_by_channel(self, what: str, values: npt.NDArray[Any]) -> None:
        """Raise ``ValueError`` unless there is one value an output channel."""
        channels = (self.out_channels,)
        if values.shape != channels:
            raise ValueError(f"{what} of layer {self.name!r} must have shape {channels}, not {values.shape}")

    @property
    @abstractmethod
    def window(self) -> Window:
        """What an output position sees."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The fields of its kind alone: what makes the layer beside its name, tensors, weight bits and neuron."""

    @abstractmethod
    def output_shape(self, shape: Shape) -> Shape:
        """The shape this layer makes of ``shape``; ``ValueError`` where it does not fit."""

    @property
    def kernel(self) -> Pair:
        """(height, width) of the window."""
        return self.weight.shape[2], self.weight.shape[3]

    @property
    def in_channels(self) -> int:
        """Channels of the input."""
        return int(self.weight.shape[1])

    @property
    def out_channels(self) -> int:
        """Channels of the output."""
        return int(self.weight.shape[0])

    @property
    def synapses(self) -> int:
        """Weights, zeros included."""
        return int(self.weight.size)

    @property
    def fan_out(self) -> int:
        """Outputs at a position that an input in its window feeds."""
        return self.out_channels

    @property
    def taps(self) -> int:
        """Places of the window that hardware takes at once: all of one that slides, else a pixel."""
        return prod(self.kernel) if self.sliding else 1


@dataclass(frozen=True, eq=False)
class Convolution(Projection):
    """A convolution (cross-correlation, as everywhere in the field).

    ``stride`` and ``padding``: (vertical, horizontal), padding with zeros on both sides. ``groups``: into how many
    parts the channels fall, whose outputs see their own inputs alone: ``weight`` has the input channels of a group. As
    many groups as input channels are a depthwise convolution.
    """

    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    groups: int = 1

    kind: ClassVar[str] = "conv"
    sliding: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require_pair(f"stride of layer {self.name!r}", self.stride, 1, MAX_EXTENT)
        require_pair(f"padding of layer {self.name!r}", self.padding, 0, MAX_EXTENT)
        require_integer(f"groups of layer {self.name!r}", self.groups, 1, MAX_EXTENT)
        if self.out_channels % self.groups:
            raise ValueError(
                f"groups of layer {self.name!r} must divide its {self.out_channels} output channels, not {self.groups}"
            )

    @property
    def in_channels(self) -> int:
        return super().in_channels * self.groups

    @property
    def fan_out(self) -> int:
        return self.out_channels // self.groups

    @property
    def window(self) -> Window:
        return Window(self.kernel, self.stride, self.padding)

    @property
    def settings(self) -> dict[str, Any]:
        grouped = {"groups": self.groups} if self.groups > 1 else {}
        return {"stride": self.stride, "padding": self.padding} | grouped

    def output_shape(self, shape: Shape) -> Shape:
        channels, *_ = shape
        if self.in_channels != channels:
            raise ValueError(f"layer {self.name!r} must take the {channels} channels before it, not {self.in_channels}")
        return (self.out_channels, *self.window.positions(self.name, shape[1:]))


@dataclass(frozen=True, eq=False)
class FullyConnected(Projection):
    """Every output sees the whole input, flattened in the order of ``weight``, PyTorch's; the output is 1 x 1."""

    kind: ClassVar[str] = "dense"
    sliding: ClassVar[bool] = False
    stride: ClassVar[Pair] = (1, 1)
    padding: ClassVar[Pair] = (0, 0)

    @property
    def window(self) -> Window:
        return Window(self.kernel)

    @property
    def settings(self) -> dict[str, Any]:
        return {}

    def output_shape(self, shape: Shape) -> Shape:
        if self.weight.shape[1:] != shape:
            raise ValueError(f"layer {self.name!r} must take the shape {shape} before it, not {self.weight.shape[1:]}")
        return self.out_channels, 1, 1
