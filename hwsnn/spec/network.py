"""A whole network: its input, its layers in a row and its readout, with the shapes and widths that follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias, get_args

from .checks import require_choice, require_integer
from .encoder import Encoder
from .integers import Range, signed_limits, unsigned_width
from .layers import Conv, Dense, Layer, MaxPool
from .limits import MAX_PIXEL_BITS, MAX_TIMESTEPS, Shape, require_layer_names, require_network_name, require_shape
from .neurons import Integrator

Readout: TypeAlias = Literal["count", "membrane"]


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
