"""The bit-exact numpy implementation of ``docs/numerics.md``, for batches of images."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from hwsnn.spec.integers import IntArray

from ..spec import Integrator, Network
from .encoders import encoder
from .layers import WeightedLayer, stage
from .steps import Bytes, Steps, channels_last, image_first

__all__ = ["Result", "encode", "run"]

BATCH_BYTES = 6 << 20
"""Memory for the spikes and membranes of a batch of images: small enough for the processor's cache."""
MAX_CORES = 16
MOST_BYTES = 1 << 30
"""Memory for the batches of all cores: with a large network fewer run at once."""

Trace: TypeAlias = dict[str, Bytes]


@dataclass(frozen=True)
class Result:
    """Outputs of a network for N images.

    ``predictions``: (N,) int64. ``scores``: (N, classes) int64; for a ``membrane`` readout they are the last layer's
    final membranes. ``spikes``, filled only on request: by layer name (N, T, C, H, W) uint8 of 0 and 1 for the encoder
    (``"encoder"``, unless it is direct), and every layer that spikes.
    """

    predictions: npt.NDArray[np.int64]
    scores: npt.NDArray[np.int64]
    spikes: Trace = field(default_factory=dict)


def run(
    network: Network,
    images: Bytes,
    *,
    trace: bool = False,
    batch: int | None = None,
    cores: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Result:
    """Run ``network`` on ``images`` (N, C, H, W), with the spikes of every layer if ``trace`` is set.

    Each of ``cores`` threads (default: one per core) takes ``batch`` images at a time (default: as many as fit
    ``BATCH_BYTES``, at least one), so only the result grows with N. ``progress`` is called after each batch with its
    number of images.
    Raises ``ValueError`` for images of another shape or type, and for pixels above the network's largest.
    """
    _check(network, images)
    an_image = _bytes_an_image(network)
    cores = max(1, min(cores or _cores(), MOST_BYTES // an_image))
    if batch is None:
        batch = max(1, min(BATCH_BYTES // an_image, -(-len(images) // cores)))
    pipeline = _Pipeline(network)
    scores = np.empty((len(images), network.classes), np.int64)
    spikes = _empty_trace(network, len(images)) if trace else {}

    def work(part: slice) -> int:
        scores[part] = pipeline.scores(images[part], {name: array[part] for name, array in spikes.items()})
        return len(images[part])

    parts = [slice(start, start + batch) for start in range(0, len(images), batch)]
    # BLAS threads that wait for one another lose their time on a busy machine: each batch keeps to one core instead.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(cores) as threads:
        for done in threads.map(work, parts):
            if progress is not None:
                progress(done)
    return Result(scores.argmax(axis=1), scores, spikes)


def encode(network: Network, images: Bytes) -> Bytes:
    """The first layer's inputs for ``images`` (N, C, H, W), read-only: (N, T, C, H, W)."""
    _check(network, images)
    seen = image_first(encoder(network)(channels_last(images)))
    return np.broadcast_to(seen, (len(images), network.timesteps, *network.input_shape))


class _Pipeline:
    """The encoder and every layer, prepared once for all batches."""

    def __init__(self, network: Network) -> None:
        self._encode = encoder(network)
        self._stages = {
            layer.name: stage(layer, network.largest_input(index), network.timesteps)
            for index, layer in enumerate(network.layers)
            if not isinstance(layer.neuron, Integrator)
        }
        self._last: WeightedLayer | None = None
        if network.readout == "membrane":
            last = len(network.layers) - 1
            self._last = WeightedLayer(network.population(last), network.largest_input(last), network.timesteps)

    def scores(self, images: Bytes, trace: Trace) -> IntArray:
        """The scores (N, classes) of a batch; the spikes of the layers in ``trace`` are written into its arrays."""
        now = self._encode(channels_last(images))
        _record(trace, "encoder", now)
        for name, fire in self._stages.items():
            now = fire(now)
            _record(trace, name, now)
        if self._last is not None:
            return self._last.final_potentials(now)[:, 0, 0]
        counts: IntArray = now[:, :, 0, 0].sum(axis=0, dtype=np.int64)
        return counts


def _record(trace: Trace, name: str, steps: Steps) -> None:
    if name in trace:
        trace[name][:] = image_first(steps)


def _check(network: Network, images: Bytes) -> None:
    if not isinstance(network, Network):
        raise TypeError(f"network must be a Network, not {type(network).__name__}")
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != network.input_shape:
        raise ValueError(
            f"images must be uint8 of shape (N, {', '.join(map(str, network.input_shape))}), "
            f"not {images.dtype} of shape {images.shape}"
        )
    if images.size and int(images.max()) > network.largest_pixel:
        raise ValueError(f"pixels must be at most {network.largest_pixel}, not {int(images.max())}")


def _cores() -> int:
    """How many batches to run at once. Each takes memory, so a large machine does not use all its cores."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, MAX_CORES)


def _bytes_an_image(network: Network) -> int:
    """Approximate memory of the largest layer for one image: spikes in and out, and 16 bytes per neuron for a step."""
    return max(int(np.prod(shape)) * (2 * network.timesteps + 16) for shape in network.shapes)


def _empty_trace(network: Network, count: int) -> Trace:
    shapes = dict(zip((layer.name for layer in network.layers), network.shapes[1:], strict=True))
    if network.encoder.spikes:
        shapes = {"encoder": network.input_shape, **shapes}
    if network.readout == "membrane":
        del shapes[network.layers[-1].name]
    return {name: np.empty((count, network.timesteps, *shape), np.uint8) for name, shape in shapes.items()}
