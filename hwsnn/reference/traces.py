"""The spikes of a network on any number of images, a few images at a time, so that memory does not grow with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from hwsnn.spec import INPUT_INDEX, Network

from . import Trace, encode, run
from .of_layer import of_layer
from .steps import Bytes

TRACE_BYTES = 1 << 26
"""Memory for the spikes of the images that are traced at once."""


def traced(
    network: Network, images: Bytes, progress: Callable[[int], object] | None = None
) -> Iterator[Trace[np.uint8]]:
    """The spikes of ``run`` on ``images`` (N, *frame shape): of as many at once as fit ``TRACE_BYTES``, at least one.

    And those of a recurrent last layer whose membranes are read, as they come back to it.
    ``progress`` is called with the number of images done since its last call. Raises ``ValueError`` for no images, and
    as ``run`` does.
    """
    if len(images) == 0:
        raise ValueError("images must be at least one, not none")
    an_image = network.timesteps * sum(int(np.prod(shape)) for shape in network.shapes)
    batch = max(1, TRACE_BYTES // an_image)
    last = len(network.layers) - 1
    to_itself = network.population(last).recurrent and not network.gives_spikes(last)
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        spikes = run(network, part, trace=True, progress=progress).spikes
        if to_itself:
            spikes[network.layers[last].name] = _of_last(network, part, spikes)
        yield spikes


def _of_last(network: Network, images: Bytes, spikes: Trace[np.uint8]) -> Bytes:
    last = len(network.layers) - 1
    inputs = [
        encode(network, images) if edge.source == INPUT_INDEX else spikes[network.layers[edge.source].name]
        for edge in network.edges[last]
        if not edge.delay
    ]
    return of_layer(network, last, *inputs).spikes
