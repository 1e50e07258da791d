"""Firing of a network's neurons on sample images: how many ever fire, how many always do, and how often they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from hwsnn.spec import Network

from .traces import traced

DEAD_BELOW = 0.01
"""A layer is dead if a smaller share of its neurons ever fires."""
SATURATED_ABOVE = 0.5
"""A layer is saturated if a larger share of its neurons always fires."""


@dataclass(frozen=True)
class Firing:
    """Firing of a layer's neurons, one for each channel and position behind a pool of currents.

    ``ever``: the share of them, 0 to 1, that fired in at least one step of one image. ``always``: the share that fired
    in every step of every image. ``rate``: spikes per neuron and step, above 1 only if a neuron can fire several times.
    """

    neurons: int
    ever: float
    always: float
    rate: float

    @property
    def verdict(self) -> Literal["dead", "saturated"] | None:
        """Whether the layer passes on next to nothing of its input, and which way."""
        if self.ever < DEAD_BELOW:
            return "dead"
        return "saturated" if self.always > SATURATED_ABOVE else None


def measure(
    network: Network, images: npt.NDArray[np.uint8], *, progress: Callable[[int], object] | None = None
) -> dict[str, Firing]:
    """The firing of each layer of ``network`` on ``images`` (N, *frame shape), by name, from the reference's spikes.

    Pools have no neurons and are left out, and so is a last layer whose membranes are read. ``progress`` is called with
    the number of images done since its last call. Raises ``ValueError`` for no images, and as ``hwsnn.run`` does.
    """
    shapes = {
        layer.name: network.shapes[index + 1] for index, layer in network.populations() if network.gives_spikes(index)
    }
    spikes = {name: np.zeros(shape, np.int64) for name, shape in shapes.items()}
    always = {name: np.ones(shape, np.bool_) for name, shape in shapes.items()}
    for trace in traced(network, images, progress):
        for name in shapes:
            spikes[name] += trace[name].sum(axis=(0, 1), dtype=np.int64)
            always[name] &= trace[name].all(axis=(0, 1))
    return {
        name: Firing(
            neurons=counts.size,
            ever=float((counts > 0).mean()),
            always=float(always[name].mean()),
            rate=int(counts.sum()) / (counts.size * len(images) * network.timesteps),
        )
        for name, counts in spikes.items()
    }
