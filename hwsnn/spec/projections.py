"""What the weights of a layer connect, whatever numbers they are: integer and float layers share it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from math import prod
from typing import Any, ClassVar, NamedTuple

import numpy.typing as npt

from .checks import require_integer, require_pair
from .graph import Port
from .limits import MAX_EXTENT, Pair, Shape


class Window(NamedTuple):
    """The inputs of an output position per channel; ``padding``: zeros on both sides. All (vertical, horizontal).

    ``right``: columns of zeros more on the right, or, below 0, columns there that no window takes.
    """

    size: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    right: int = 0

    @property
    def unused(self) -> int:
        """Columns at the end of a row that no window takes."""
        return max(-self.right, 0)

    def padded(self, extent: Pair) -> Pair:
        """The input's (height, width) with its padding."""
        return extent[0] + 2 * self.padding[0], extent[1] + 2 * self.padding[1] + max(self.right, 0)

    def pooled(self, pool: Window) -> Window:
        """The inputs of all windows that ``pool``, which has no padding, takes together."""
        rows, columns = (
            (size + (count - 1) * step, step * pool_step)
            for size, step, count, pool_step in zip(self.size, self.stride, pool.size, pool.stride, strict=True)
        )
        return Window((rows[0], columns[0]), (rows[1], columns[1]), self.padding)

    def positions(self, layer: str, extent: Pair) -> Pair:
        """(rows, columns) of windows over an input of ``extent``; ``ValueError`` if none fits."""
        height, width = self.padded(extent)
        width -= self.unused
        if self.size[0] > height or self.size[1] > width:
            raise ValueError(f"the window of layer {layer!r} must fit its input of {height}x{width}, not {self.size}")
        return (height - self.size[0]) // self.stride[0] + 1, (width - self.size[1]) // self.stride[1] + 1


@dataclass(frozen=True, eq=False)
class Projection(ABC):
    """Weights between an input and the output channels of the population that they feed.

    ``name``: that of the population. ``weight``: (out channels, in channels, window height, window width). ``source``:
    the layer whose output is the input, as in ``Port``. ``delay``: 1 for the population's own spikes of the last step.
    """

    name: str
    weight: npt.NDArray[Any]
    source: str | None = field(default=None, kw_only=True)
    delay: int = field(default=0, kw_only=True)

    kind: ClassVar[str]
    sliding: ClassVar[bool]
    """Whether the window slides over the image; else it is the whole image, taken pixel by pixel."""

    def __post_init__(self) -> None:
        if self.weight.ndim != 4 or self.weight.size == 0:
            raise ValueError(
                f"weight of layer {self.name!r} must be a non-empty array of 4 dimensions, "
                f"not of shape {self.weight.shape}"
            )
        require_integer(f"delay of layer {self.name!r}", self.delay, 0, 1)
        if self.delay:
            self._require_own_position()

    def _require_own_position(self) -> None:
        rows, columns = self.kernel
        wrong = None
        if self.kernel != (1, 1):
            wrong = f"a kernel of 1x1, not {rows}x{columns}"
        elif self.window != Window((1, 1)):
            wrong = f"a stride of 1 and no padding, not {self.window.stride} and {self.window.padding}"
        if wrong is not None:
            raise ValueError(
                f"a recurrent projection of layer {self.name!r} must have {wrong}: a neuron runs all its steps before "
                "its neighbours begin"
            )

    @property
    def port(self) -> Port:
        """Where its input comes from."""
        return Port(self.source, self.delay)

    @property
    @abstractmethod
    def window(self) -> Window:
        """The inputs of an output position."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The fields of this kind only: all but name, tensors and weight bits."""

    @abstractmethod
    def output_shape(self, shape: Shape) -> Shape:
        """The output shape for an input of ``shape``; ``ValueError`` if that does not fit."""

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
        """Outputs per position that one input of the window feeds."""
        return self.out_channels

    @property
    def taps(self) -> int:
        """Positions of the window that hardware takes at once: all of a sliding window, else one pixel."""
        return prod(self.kernel) if self.sliding else 1


@dataclass(frozen=True, eq=False)
class Convolution(Projection):
    """A convolution (cross-correlation, as everywhere in the field).

    ``stride`` and ``padding``: (vertical, horizontal), padding with zeros on both sides. ``groups``: the outputs of
    each group see only the inputs of that group, so ``weight`` has the input channels of one group. A depthwise
    convolution has as many groups as input channels.
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
