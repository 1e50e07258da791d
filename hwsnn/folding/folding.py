"""The folding of a network: a fold for each layer with weights, and the depths of its queues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from hwsnn.spec.checks import assert_never, require_choice, require_integer

from ..spec import INPUT_INDEX, MAX_EXTENT, MAX_TIMESTEPS, MaxPool, Network, Population, Sum

Sums: TypeAlias = Literal["lut5", "lut6", "block", "adders"]
MOST_PIXELS = 2
"""Maximum of pixels per cycle."""
LUTRAM_WORDS = 32
"""Places of a queue that one row of look-up tables holds: fewer save nothing."""


@dataclass(frozen=True)
class LayerFold:
    """The fold of a layer with weights: input channels, output channels and time steps per cycle.

    Where the layer has several projections, ``cin_par`` is that of the one with the most input channels, and the others
    take as many per cycle as they need to end with it (``fold_shapes``). A recurrent layer has one step per cycle.
    If a number does not divide its total, the rest is padded: with zero weights, or steps whose spikes are dropped.
    ``sums``: where the tables of partial sums are: in look-up tables of 5 or 6 inputs, or in block memory; or
    ``adders``, shared ones instead of tables, for layers all of whose weights are used in every cycle.
    ``logic_steps``: for how many of the steps per cycle they are in look-up tables of 6 inputs although ``sums`` is
    ``block``. ``interleave``: how many output positions take turns (``hwsnn/folding/interleaving.py``).
    """

    cin_par: int
    cout_par: int
    t_par: int = 1
    sums: Sums = "lut5"
    logic_steps: int = 0
    interleave: int = 1

    def __post_init__(self) -> None:
        require_integer("cin_par", self.cin_par, 1, MAX_EXTENT)
        require_integer("cout_par", self.cout_par, 1, MAX_EXTENT)
        require_integer("t_par", self.t_par, 1, MAX_TIMESTEPS)
        require_choice("sums", self.sums, get_args(Sums))
        require_integer("logic_steps", self.logic_steps, 0, self.t_par - 1 if self.sums == "block" else 0)
        require_integer("interleave", self.interleave, 1, MAX_EXTENT)


@dataclass(frozen=True)
class Folding:
    """A fold for each layer with weights, and the depths of the queues.

    ``pixels_per_cycle``: 1, or 2 neighbouring columns, of which layers are made then, as ``column_pairs`` says.
    ``fifo_depths``: of the queue behind each layer, in beats, including those inside the layer, at least 1.
    ``column_depths``: of the queue of window columns at each port of ``column_queues``, at least 1. ``edge_depths``: of
    the queue at each port of ``edge_queues``, at least 1. Ports are named by ``port_name``.
    """

    layers: Mapping[str, LayerFold]
    fifo_depths: Mapping[str, int]
    column_depths: Mapping[str, int]
    edge_depths: Mapping[str, int] = field(default_factory=dict)
    pixels_per_cycle: int = 1

    def __post_init__(self) -> None:
        require_integer("pixels per cycle", self.pixels_per_cycle, 1, MOST_PIXELS)
        for name, depth in self.fifo_depths.items():
            require_integer(f"fifo depth behind layer {name!r}", depth, 1, 1 << 16)
        for name, depth in self.column_depths.items():
            require_integer(f"column depth of layer {name!r}", depth, 1, 1 << 16)
        for name, depth in self.edge_depths.items():
            require_integer(f"edge depth of layer {name!r}", depth, 1, 1 << 16)

    def beat_steps(self, network: Network, source: int) -> int:
        """Time steps per beat of what ``source`` gives, a layer's index or that of the input, with one step per beat.

        A sum has the most of its inputs, where these beats join others evenly, else all steps of a pixel.
        """
        if source == INPUT_INDEX:
            return 1
        match layer := network.layers[source]:
            case Population():
                return min(self.layers[layer.name].t_par, network.timesteps)
            case MaxPool():
                return self.beat_steps(network, network.edges[source][0].source)
            case Sum():
                return common_steps({self.beat_steps(network, edge.source) for edge in network.edges[source]}, network)
            case _:
                raise assert_never(layer)

    def steps_in(self, network: Network, index: int) -> tuple[int, ...]:
        """Time steps per beat of each input of layer ``index``."""
        return tuple(self.beat_steps(network, edge.source) for edge in network.edges[index])


def common_steps(steps: set[int], network: Network) -> int:
    """Time steps per beat that beats of ``steps`` are joined to, so that they can be added."""
    most, timesteps = max(steps), network.timesteps
    even = all(most % each == 0 for each in steps) and (timesteps % most == 0 or len(steps) == 1)
    return most if even else timesteps


def port_name(network: Network, index: int, port: int) -> str:
    """The name of an input of layer ``index``: the layer's, and behind a dot the port's number if there are several."""
    name = network.layers[index].name
    return name if len(network.edges[index]) == 1 else f"{name}.{port}"


def column_queues(network: Network) -> list[str]:
    """The ports that have a queue of window columns: those of projections whose window slides.

    They have no delay: a recurrent projection sees one position.
    """
    return [
        port_name(network, index, port)
        for index, layer in network.populations()
        for port, projection in enumerate(layer.projections)
        if projection.sliding and not projection.delay
    ]


def edge_queues(network: Network) -> list[str]:
    """The ports that have a queue of their own: those whose source feeds other ports, too."""
    sources = range(INPUT_INDEX, len(network.layers))
    forks = [consumers for source in sources if len(consumers := network.consumers(source)) > 1]
    return [port_name(network, index, port) for consumers in forks for index, port in sorted(consumers)]
