"""A whole network: its input, its layers in a row and its readout, with the shapes and widths that follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias, get_args

from .checks import require_choice, require_integer
from .encoder import Encoder
from .integers import Range, signed_limits, unsigned_width
from .layers import Layer, Weighted, WeightedKind
from .limits import MAX_PIXEL_BITS, MAX_TIMESTEPS, Shape, require_layer_names, require_network_name, require_shape

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
            if isinstance(layer, Weighted) and not layer.neuron.fires:
                raise ValueError(f"layer {layer.name!r} must fire: only the last layer may integrate without firing")
        last = self.layers[-1]
        if not isinstance(last, Weighted):
            raise ValueError(f"the last layer must be a convolution or fully connected, not the pool {last.name!r}")
        if last.neuron.fires != (self.readout == "count"):
            raise ValueError(
                f"the neurons of the last layer must {'integrate' if self.readout == 'membrane' else 'fire'} "
                f"for a {self.readout!r} readout, not {type(last.neuron).__name__}"
            )
        if not self.layers[0].weighted and not self.encoder.spikes:
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
    def encoded_steps(self) -> int:
        """Beats that the encoder makes of a pixel: T of spikes, or the pixel itself."""
        return self.timesteps if self.encoder.spikes else 1

    @property
    def largest_pixel(self) -> int:
        """M = 2^pixel_bits - 1."""
        return (1 << self.pixel_bits) - 1

    @property
    def score_range(self) -> Range:
        """Where the scores lie, as far as their declared width says."""
        neuron = self.layers[-1].neuron
        if neuron is not None and not neuron.fires:
            return Range(*signed_limits(neuron.membrane_bits))
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
        return index == 0 and not self.encoder.spikes

    def largest_input(self, index: int) -> int:
        """The largest value on the input of layer ``index``: a pixel's under direct encoding, else 1."""
        return self.encoder.largest_value(self.pixel_bits) if index == 0 else 1

    def weighted_layers(self) -> Iterator[tuple[int, WeightedKind]]:
        """The layers with weights, each with its index."""
        for index, layer in enumerate(self.layers):
            if isinstance(layer, Weighted):
                yield index, layer

    def weighted(self, index: int) -> WeightedKind:
        """Layer ``index``. Raises ``ValueError`` unless it has weights."""
        layer = self.layers[index]
        if not isinstance(layer, Weighted):
            raise ValueError(f"layer {layer.name!r} must have weights, not be a pool")
        return layer

    def current_range(self, index: int) -> Range:
        """Where the input currents of layer ``index`` lie, over all its channels."""
        ranges = self.weighted(index).current_ranges(self.largest_input(index))
        return Range(min(r.low for r in ranges), max(r.high for r in ranges))

    def can_saturate(self, index: int) -> bool:
        """Whether a membrane of layer ``index`` can reach the ends of its declared width and be clipped there."""
        return self._saturating[index]

    @cached_property
    def _saturating(self) -> tuple[bool, ...]:
        return tuple(
            isinstance(layer, Weighted) and self._saturates(index, layer) for index, layer in enumerate(self.layers)
        )

    def _saturates(self, index: int, layer: Weighted) -> bool:
        ranges = layer.state_ranges(self.largest_input(index), self.timesteps)
        return any(ranges[variable.name].width > variable.bits for variable in layer.neuron.state)
