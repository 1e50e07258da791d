"""The network in compiled code, event by event: exactly the reference's scores, several times as fast. Needs numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hwsnn.reference import (
    MOST_BYTES,
    Result,
    bytes_an_image,
    check_images,
    done_after,
    forward_sources,
    in_batches,
    usable_cores,
)
from hwsnn.reference.encoders import encoder
from hwsnn.reference.readouts import scores as read
from hwsnn.reference.steps import Bytes, channels_last
from hwsnn.spec import INPUT_INDEX, Network
from hwsnn.spec.integers import Int64Array

from .layers import compiled_layer, is_bits, packed, reference_layer, unpacked

__all__ = ["CompiledNetwork", "run"]

BATCH_BYTES = 6 << 20
"""Memory for the bits of a batch of images, roughly."""


def run(network: Network, images: Bytes, *, progress: Callable[[int], object] | None = None) -> Result:
    """Run ``network`` on ``images`` (N, *frame shape): predictions and scores as those of ``hwsnn.reference.run``.

    ``progress`` is called after each batch with its number of images. Raises ``ValueError`` as the reference does.
    """
    scores = CompiledNetwork(network).scores(images, progress)
    return Result(scores.argmax(axis=1), scores)


class CompiledNetwork:
    """A network prepared for many runs. Layers that the compiled code does not know are the reference's functions."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._encode = encoder(network)
        self._layers = [
            compiled_layer(network, index) or reference_layer(network, index) for index in range(len(network.layers))
        ]
        self._plan = list(zip(self._layers, forward_sources(network), done_after(network), strict=True))

    def scores(self, images: Bytes, progress: Callable[[int], object] | None = None) -> Int64Array:
        """The scores (N, classes) of ``images`` (N, *frame shape), on all cores."""
        check_images(self._network, images)
        an_image = -(-bytes_an_image(self._network) // 8)  # bits, not bytes
        cores = max(1, min(usable_cores(), MOST_BYTES // an_image))
        batch = max(1, min(BATCH_BYTES // an_image, -(-len(images) // cores)))
        scores = np.empty((len(images), self._network.classes), np.int64)

        def work(part: slice) -> int:
            scores[part] = self._scores(images[part])
            return len(images[part])

        in_batches(work, len(images), batch, cores, progress)
        return scores

    def _scores(self, images: Bytes) -> Int64Array:
        network = self._network
        frames = self._encode(channels_last(images))
        given: dict[int, npt.NDArray[Any]] = {INPUT_INDEX: packed(frames) if is_bits(network, INPUT_INDEX) else frames}
        for index, (layer, sources, done) in enumerate(self._plan):
            given[index] = layer(*(given[source] for source in sources))
            for source in done:
                del given[source]
        last = given[index]
        if network.gives_spikes(index) and is_bits(network, index):
            last = unpacked(last, network.classes)
        return read(network.readout, last[..., : network.classes].astype(np.int64, copy=False))
