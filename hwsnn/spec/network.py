"""A whole network: its input, its layers and its readout, with the shapes and widths that follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias, get_args

from . import graph
from .checks import assert_never, require_choice, require_integer
from .encoder import Encoder
from .graph import INPUT, INPUT_INDEX, Edges
from .integers import Range, signed_limits, unsigned_width
from .layers import Conv, Layer, MaxPool, Population, Sum
from .limits import (
    MAX_CURRENT_BITS,
    MAX_PIXEL_BITS,
    MAX_SCORE_BITS,
    MAX_SPIKES,
    MAX_TIMESTEPS,
    Shape,
    require_layer_names,
    require_network_name,
    require_shape,
)

Readout: TypeAlias = Literal["count", "first", "membrane", "sum", "max"]
SPIKE_READOUTS = ("count", "first")
"""Readouts of spikes; the others read membranes."""


@dataclass(frozen=True)
class Inputs:
    """What a layer gives or takes at a position: integers from 0 to ``largest``, one per step, or one if ``held``."""

    largest: int
    held: bool = False

    @property
    def bits(self) -> int:
        """Of a value."""
        return unsigned_width(self.largest)


@dataclass(frozen=True, eq=False)
class Network:
    """A whole integer network. The input is (channels, height, width) of unsigned ``pixel_bits``-bit values.

    Layers come after their sources; the last makes the scores. A source is a layer's index, ``INPUT_INDEX`` the input.
    """

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
            if isinstance(layer, Population) and not layer.neuron.fires:
                raise ValueError(f"layer {layer.name!r} must fire: only the last layer may integrate without firing")
        last = self.layers[-1]
        if not isinstance(last, Population):
            raise ValueError(f"the last layer must have neurons, not be {last.name!r}, a {last.kind}")
        if not last.neuron.fires and not self.reads_membranes:
            raise ValueError(f"the neurons of the last layer must fire for a {self.readout!r} readout, not integrate")
        for layer, inputs in zip(self.layers, self.edges, strict=True):
            if not isinstance(layer, Population) and self.encoder.held and any(i.source == INPUT_INDEX for i in inputs):
                raise ValueError(
                    f"layers that take pixels must have weights under direct encoding, not be {layer.name!r}, a "
                    f"{layer.kind}"
                )
        for layer, shape in zip(self.layers, self.shapes[1:], strict=True):
            require_shape(f"output of layer {layer.name!r}", shape)
        if self.shapes[-1][1:] != (1, 1):
            raise ValueError(
                "the last layer's output must be 1x1, one score per class, "
                f"not {self.shapes[-1][1]}x{self.shapes[-1][2]}"
            )
        for index, layer in enumerate(self.layers):
            self._check_inputs(index, layer)
        if self.score_bits > MAX_SCORE_BITS:
            raise ValueError(
                f"scores must be of at most {MAX_SCORE_BITS} bits, not {self.score_bits}; "
                "use narrower membranes, or fewer time steps"
            )

    def _check_inputs(self, index: int, layer: Layer) -> None:
        if isinstance(layer, MaxPool):
            if self.inputs(index)[0].largest > 1:
                raise ValueError(
                    f"the pool {layer.name!r} must take spikes of one bit, not values up to "
                    f"{self.inputs(index)[0].largest}; pool the currents, between weights and neurons"
                )
            return
        if isinstance(layer, Sum):
            if self.outputs(index).largest > MAX_SPIKES:
                raise ValueError(
                    f"the sum {layer.name!r} must be at most {MAX_SPIKES}, not {self.outputs(index).largest}; "
                    "add fewer layers"
                )
            return
        for projection, edge in zip(layer.projections, self.edges[index], strict=True):
            if isinstance(projection, Conv) and projection.padding_values is not None:
                largest, behind = int(projection.padding_values.max()), edge.source != INPUT_INDEX
                most = self.outputs(INPUT_INDEX).largest
                if behind or largest > most:
                    raise ValueError(
                        f"padding values of layer {layer.name!r} must be pixels of the network's input, from 0 to "
                        f"{most}, not {largest}{' behind another layer' if behind else ''}"
                    )
        width = self.current_range(index).width
        if width > MAX_CURRENT_BITS:
            raise ValueError(f"currents of layer {layer.name!r} must fit {MAX_CURRENT_BITS} bits, not {width}")

    @cached_property
    def edges(self) -> Edges:
        """The inputs of each layer, in the order of its ports."""
        return graph.edges(self.layers)

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """The input's shape, then the shape after each layer."""
        return graph.shapes(self.layers, self.edges, self.input_shape)

    def input_shapes(self, index: int) -> tuple[Shape, ...]:
        """The shapes of the inputs of layer ``index``, of each of its ports."""
        return tuple(self.shapes[edge.source + 1] for edge in self.edges[index])

    def source_name(self, source: int) -> str:
        """As layers name it."""
        return INPUT if source == INPUT_INDEX else self.layers[source].name

    def consumers(self, source: int) -> list[tuple[int, int]]:
        """The layers that take what ``source`` gives in the same step, by index and port, in their order."""
        return [
            (index, port)
            for index, inputs in enumerate(self.edges)
            for port, edge in enumerate(inputs)
            if edge.source == source and not edge.delay
        ]

    @property
    def classes(self) -> int:
        """The number of scores of the readout."""
        return self.shapes[-1][0]

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """The shape of a frame: (channels, height, width), and (timesteps, ...) in front where it changes with time."""
        return (self.timesteps, *self.input_shape) if self.encoder.timed else self.input_shape

    @property
    def frame_beats(self) -> int:
        """Beats of all channels of a pixel that make a frame: one per pixel, or one per pixel and step."""
        _, height, width = self.input_shape
        return height * width * (self.timesteps if self.encoder.timed else 1)

    @property
    def encoded_steps(self) -> int:
        """Beats per pixel behind the encoder: T of spikes or of values, or the pixel itself."""
        return 1 if self.encoder.held else self.timesteps

    @property
    def largest_pixel(self) -> int:
        """M = 2^pixel_bits - 1."""
        return (1 << self.pixel_bits) - 1

    @property
    def reads_membranes(self) -> bool:
        """Whether the scores come from the membranes of the last layer, not from its spikes."""
        return self.readout not in SPIKE_READOUTS

    def gives_spikes(self, index: int) -> bool:
        """Whether layer ``index`` passes spikes on; a last layer whose membranes are read does not."""
        return index < len(self.layers) - 1 or not self.reads_membranes

    @property
    def score_range(self) -> Range:
        """The range of the scores: of membranes by their width; of their sum by their range, if none is clipped."""
        last = self.layers[-1]
        assert isinstance(last, Population)
        if self.readout == "first":
            return Range(0, self.timesteps)
        if self.readout == "count":
            return Range(0, self.timesteps * last.neuron.spikes)
        reach = Range(*signed_limits(last.neuron.membrane_bits))
        if self.readout != "sum":
            return reach
        index = len(self.layers) - 1
        if not self._saturates(index, last):  # a clipped state goes where the range of an exact one does not
            reach = last.membrane_range(self.largest_inputs(index), self.timesteps)
        return Range(reach.low * self.timesteps, reach.high * self.timesteps)

    @property
    def score_bits(self) -> int:
        """Width of a score: unsigned of spikes, two's complement of membranes."""
        reach = self.score_range
        return reach.width if self.reads_membranes else unsigned_width(reach.high)

    @property
    def answer_bits(self) -> int:
        """Width of the answer, an unsigned class index."""
        return unsigned_width(self.classes - 1)

    def outputs(self, source: int) -> Inputs:
        """What ``source`` gives to other layers."""
        if source == INPUT_INDEX:
            return Inputs(self.encoder.largest_value(self.pixel_bits), self.encoder.held)
        match layer := self.layers[source]:
            case Population():
                return Inputs(layer.neuron.spikes)
            case MaxPool():
                return Inputs(1)
            case Sum():
                return Inputs(sum(self.outputs(edge.source).largest for edge in self.edges[source]))
            case _:
                raise assert_never(layer)

    def inputs(self, index: int) -> tuple[Inputs, ...]:
        """What enters layer ``index``, at each of its ports."""
        return tuple(self.outputs(edge.source) for edge in self.edges[index])

    def largest_inputs(self, index: int) -> tuple[int, ...]:
        """The largest value on each port of layer ``index``."""
        return tuple(inputs.largest for inputs in self.inputs(index))

    def populations(self) -> Iterator[tuple[int, Population]]:
        """The layers with neurons, each with its index."""
        for index, layer in enumerate(self.layers):
            if isinstance(layer, Population):
                yield index, layer

    def population(self, index: int) -> Population:
        """Layer ``index``. Raises ``ValueError`` unless it has weights."""
        layer = self.layers[index]
        if not isinstance(layer, Population):
            raise ValueError(f"layer {layer.name!r} must have weights, not be a pool")
        return layer

    def current_range(self, index: int) -> Range:
        """The range of the input currents of layer ``index``, over all its channels."""
        ranges = self.population(index).current_ranges(self.largest_inputs(index))
        return Range(min(r.low for r in ranges), max(r.high for r in ranges))

    def saturating(self, index: int) -> frozenset[str]:
        """The state variables of layer ``index`` that can exceed their declared width, and are clipped then."""
        return self._saturating[index]

    @cached_property
    def _saturating(self) -> tuple[frozenset[str], ...]:
        return tuple(
            self._saturates(index, layer) if isinstance(layer, Population) else frozenset()
            for index, layer in enumerate(self.layers)
        )

    def _saturates(self, index: int, layer: Population) -> frozenset[str]:
        ranges = layer.state_ranges(self.largest_inputs(index), self.timesteps)
        bits = {variable.name: variable.bits for variable in layer.neuron.state}
        return frozenset(name for name, reach in ranges.items() if reach.width > bits[name])
