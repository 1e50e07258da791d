"""The folding of a network: a fold for each layer with weights, and the depths of its queues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from hwsnn.spec.checks import require_choice, require_integer

from ..spec import MAX_EXTENT, MAX_TIMESTEPS, MaxPool, Network

Sums: TypeAlias = Literal["lut5", "lut6", "block"]


@dataclass(frozen=True)
class LayerFold:
    """The fold of a layer with weights: input channels, output channels and time steps per cycle.

    If a number does not divide its total, the rest is padded: with zero weights, or steps whose spikes are dropped.
    ``sums``: where the tables of partial sums are: in look-up tables of 5 or 6 inputs, or in block memory.
    ``logic_steps``: for how many of the steps per cycle they are in look-up tables of 6 inputs although ``sums`` is
    ``block``.
    """

    cin_par: int
    cout_par: int
    t_par: int = 1
    sums: Sums = "lut5"
    logic_steps: int = 0

    def __post_init__(self) -> None:
        require_integer("cin_par", self.cin_par, 1, MAX_EXTENT)
        require_integer("cout_par", self.cout_par, 1, MAX_EXTENT)
        require_integer("t_par", self.t_par, 1, MAX_TIMESTEPS)
        require_choice("sums", self.sums, get_args(Sums))
        require_integer("logic_steps", self.logic_steps, 0, self.t_par - 1 if self.sums == "block" else 0)


@dataclass(frozen=True)
class Folding:
    """A fold for each layer with weights, and the depths of the queues.

    ``fifo_depths``: of the queue behind each layer, in beats, including those inside the layer, at least 1.
    ``column_depths``: of the queue of window columns in each layer of ``column_queues``, at least 1.
    """

    layers: Mapping[str, LayerFold]
    fifo_depths: Mapping[str, int]
    column_depths: Mapping[str, int]

    def __post_init__(self) -> None:
        for name, depth in self.fifo_depths.items():
            require_integer(f"fifo depth behind layer {name!r}", depth, 1, 1 << 16)
        for name, depth in self.column_depths.items():
            require_integer(f"column depth of layer {name!r}", depth, 1, 1 << 16)

    def beat_steps(self, network: Network, index: int) -> int:
        """Time steps per beat behind layer ``index``; -1 for the encoder, with one step per beat."""
        while index >= 0 and isinstance(network.layers[index], MaxPool):
            index -= 1
        return min(self.layers[network.layers[index].name].t_par, network.timesteps) if index >= 0 else 1


def column_queues(network: Network) -> list[str]:
    """The layers that have a queue of window columns: those with weights whose window slides."""
    return [layer.name for _, layer in network.populations() if layer.sliding]
