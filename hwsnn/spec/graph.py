"""How the layers of a network are connected: each input of a layer has a source, and may be a step late.

Layers stand in an order in which data flows: a source comes before the layers that it feeds. Only a population's own
output may come back to it, with a delay of one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from .limits import Shape

INPUT = "pixels"
"""The name of the network's input as a source: pixels, or what an encoder makes of them."""
INPUT_INDEX = -1
"""Its index as a source."""


class Port(NamedTuple):
    """An input of a layer as the layer says it.

    ``source``: the name of a layer or ``INPUT``; None for the layer before, of the first layer the input. ``delay``: 1
    for what the source gave at the step before.
    """

    source: str | None = None
    delay: int = 0


class Edge(NamedTuple):
    """An input of a layer: the index of its source, ``INPUT_INDEX`` for the network's input, and its delay."""

    source: int
    delay: int = 0


class Connected(Protocol):
    """A layer, of integers or floats."""

    @property
    def name(self) -> str:
        """As other layers name it."""

    @property
    def ports(self) -> tuple[Port, ...]:
        """Its inputs."""

    def output_shape(self, *shapes: Shape) -> Shape:
        """For the shapes of its inputs without delay; ``ValueError`` if they do not fit."""


Edges = tuple[tuple[Edge, ...], ...]
"""The inputs of each layer, in the order of its ports."""


def edges(layers: Sequence[Connected]) -> Edges:
    """The edges of a network of ``layers``. Raises ``ValueError`` for sources that are not there, and dead ends."""
    places = {INPUT: INPUT_INDEX} | {layer.name: index for index, layer in enumerate(layers)}
    found = tuple(
        tuple(_edge(layer, index, port, places) for port in layer.ports) for index, layer in enumerate(layers)
    )
    used = {edge.source for inputs in found for edge in inputs if not edge.delay}
    for index, layer in enumerate(layers[:-1]):
        if index not in used:
            raise ValueError(f"layer {layer.name!r} must feed another layer: only the last one makes the scores")
    return found


def _edge(layer: Connected, index: int, port: Port, places: dict[str, int]) -> Edge:
    source = index - 1 if port.source is None else places.get(port.source)
    if source is None:
        known = ", ".join(sorted(places, key=lambda name: places[name]))
        raise ValueError(f"the source of layer {layer.name!r} must be one of {known}, not {port.source!r}")
    if port.delay and source != index:
        named = port.source or "the layer before"
        raise ValueError(
            f"what comes to layer {layer.name!r} a step late must be its own spikes, not those of {named!r}: "
            "loops over several layers are not built"
        )
    if not port.delay and source >= index:
        raise ValueError(f"the source of layer {layer.name!r} must come before it, not be {port.source!r}")
    return Edge(source, port.delay)


def shapes(layers: Sequence[Connected], connected: Edges, input_shape: Shape) -> tuple[Shape, ...]:
    """The input's shape, then the shape after each layer. Raises ``ValueError`` for a layer that does not fit."""
    found = [input_shape]
    for layer, inputs in zip(layers, connected, strict=True):
        found.append(layer.output_shape(*(found[edge.source + 1] for edge in inputs if not edge.delay)))
    return tuple(found)
