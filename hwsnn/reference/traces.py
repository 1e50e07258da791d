"""The spikes of a network on any number of images, a few images at a time, so that memory does not grow with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from hwsnn.spec import Network

from . import Trace, run
from .steps import Bytes

TRACE_BYTES = 1 << 26
"""Memory for the spikes of the images that are traced at once."""


def traced(
    network: Network, images: Bytes, progress: Callable[[int], object] | None = None
) -> Iterator[Trace[np.uint8]]:
    """The spikes of ``run`` on ``images`` (N, *frame shape): of as many at once as fit ``TRACE_BYTES``, at least one.

    ``progress`` is called with the number of images done since its last call. Raises ``ValueError`` for no images, and
    as ``run`` does.
    """
    if len(images) == 0:
        raise ValueError("images must be at least one, not none")
    an_image = network.timesteps * sum(int(np.prod(shape)) for shape in network.shapes)
    batch = max(1, TRACE_BYTES // an_image)
    for start in range(0, len(images), batch):
        yield run(network, images[start : start + batch], trace=True, progress=progress).spikes
