"""The bit-exact numpy implementation of ``docs/numerics.md``, for batches of images."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from math import prod
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from hwsnn.spec.integers import Int64Array, IntArray

from ..spec import INPUT_INDEX, Network, Population
from .encoders import encoder
from .layers import PopulationLayer, stage
from .readouts import scores as read
from .steps import Bytes, channels_last, image_first

__all__ = ["Result", "encode", "run"]

BATCH_BYTES = 6 << 20
"""Memory for the spikes and membranes of a batch of images: small enough for the processor's cache."""
MAX_CORES = 16
"""How many batches run at once at most. Each takes memory, so a large machine does not use all its cores."""
MOST_BYTES = 1 << 30
"""Memory for the batches of all cores: with a large network fewer run at once."""

_Number = TypeVar("_Number", bound=np.number)
Trace: TypeAlias = dict[str, npt.NDArray[_Number]]


@dataclass(frozen=True)
class Result:
    """Outputs of a network for N images.

    ``predictions``: (N,) int64. ``scores``: (N, classes) int64. The others are filled only on request, by layer name.
    ``spikes``: (N, T, C, H, W) uint8, how many at each step, of the encoder (``"encoder"``, if it makes spikes) and of
    every layer that passes spikes on. ``membranes``: (N, T, classes, 1, 1) int64, u of each step, of a last layer
    whose membranes are read.
    """

    predictions: Int64Array
    scores: Int64Array
    spikes: Trace[np.uint8] = field(default_factory=dict)
    membranes: Trace[np.int64] = field(default_factory=dict)


def run(
    network: Network,
    images: Bytes,
    *,
    trace: bool = False,
    batch: int | None = None,
    cores: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Result:
    """Run ``network`` on ``images`` (N, *frame shape), with the spikes of every layer if ``trace`` is set.

    Each of ``cores`` threads (default: one per core) takes ``batch`` images at a time (default: as many as fit
    ``BATCH_BYTES``, at least one), so only the result grows with N. ``progress`` is called after each batch with its
    number of images.
    Raises ``ValueError`` for images of another shape or type, and for pixels above the network's largest.
    """
    check_images(network, images)
    an_image = bytes_an_image(network)
    cores = max(1, min(cores or min(usable_cores(), MAX_CORES), MOST_BYTES // an_image))
    if batch is None:
        batch = max(1, min(BATCH_BYTES // an_image, -(-len(images) // cores)))
    pipeline = _Pipeline(network)
    scores = np.empty((len(images), network.classes), np.int64)
    spikes, membranes = _empty_traces(network, len(images)) if trace else ({}, {})

    def work(part: slice) -> int:
        traced = {name: array[part] for name, array in (spikes | membranes).items()}
        scores[part] = pipeline.scores(images[part], traced)
        return len(images[part])

    in_batches(work, len(images), batch, cores, progress)
    predictions = scores.argmax(axis=1).astype(np.int64)  # NumPy's indices have 32 bits on a 32-bit machine
    return Result(predictions, scores, spikes, membranes)


def in_batches(
    work: Callable[[slice], int], images: int, batch: int, cores: int, progress: Callable[[int], object] | None
) -> None:
    """Call ``work`` for every ``batch`` of ``images`` on ``cores`` threads, and ``progress`` with what each gives."""
    parts = [slice(start, start + batch) for start in range(0, images, batch)]
    # BLAS threads that wait for one another lose their time on a busy machine: each batch keeps to one core instead.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(cores) as threads:
        for done in threads.map(work, parts):
            if progress is not None:
                progress(done)


def encode(network: Network, images: Bytes) -> Bytes:
    """The first layer's inputs for ``images`` (N, *frame shape), read-only: (N, T, C, H, W)."""
    check_images(network, images)
    seen = image_first(encoder(network)(channels_last(images)))
    return np.broadcast_to(seen, (len(images), network.timesteps, *network.input_shape))


class _Pipeline:
    """The encoder and every layer, prepared once for all batches."""

    def __init__(self, network: Network) -> None:
        self._readout = network.readout
        self._encode = encoder(network)
        self._layers = [
            (layer.name, _stage(network, index), forward, done)
            for index, (layer, forward, done) in enumerate(
                zip(network.layers, forward_sources(network), done_after(network), strict=True)
            )
        ]

    def scores(self, images: Bytes, trace: Mapping[str, IntArray]) -> Int64Array:
        """The scores (N, classes) of a batch; what ``trace`` asks for is written into its arrays."""
        given: dict[int, IntArray] = {INPUT_INDEX: self._encode(channels_last(images))}
        _record(trace, "encoder", given[INPUT_INDEX])
        for index, (name, layer, sources, done) in enumerate(self._layers):
            given[index] = layer(*(given[source] for source in sources))
            _record(trace, name, given[index])
            for source in done:
                del given[source]
        return read(self._readout, given[index])


def _stage(network: Network, index: int) -> Callable[..., IntArray]:
    """What layer ``index`` makes of its inputs: the spikes that it passes on, or the membranes that are read."""
    layer, largest = network.layers[index], network.largest_inputs(index)
    if network.gives_spikes(index):
        return stage(layer, largest, network.timesteps)
    return PopulationLayer(network.population(index), largest, network.timesteps).membranes


def forward_sources(network: Network) -> list[list[int]]:
    """The sources that each layer reads at the same step."""
    return [[edge.source for edge in inputs if not edge.delay] for inputs in network.edges]


def done_after(network: Network) -> list[set[int]]:
    """The sources that no layer needs after each one."""
    forward = forward_sources(network)
    return [set(sources) - set(chain(*forward[index + 1 :])) for index, sources in enumerate(forward)]


def _record(trace: Mapping[str, IntArray], name: str, steps: IntArray) -> None:
    if name in trace:
        trace[name][:] = image_first(steps)


def check_images(network: Network, images: Bytes) -> None:
    """Raise ``ValueError`` for images of another shape or type, and for pixels above the network's largest."""
    if not isinstance(network, Network):
        raise TypeError(f"network must be a Network, not {type(network).__name__}")
    if images.dtype != np.uint8 or images.shape[1:] != network.frame_shape:
        raise ValueError(
            f"images must be uint8 of shape (N, {', '.join(map(str, network.frame_shape))}), "
            f"not {images.dtype} of shape {images.shape}"
        )
    if images.size and int(images.max()) > network.largest_pixel:
        raise ValueError(f"pixels must be at most {network.largest_pixel}, not {int(images.max())}")


def usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def bytes_an_image(network: Network) -> int:
    """Approximate memory for one image, at its most: what layers gave and others need, and 20 bytes a neuron."""
    held, most = {INPUT_INDEX: prod(network.input_shape)}, 0
    for index, (layer, done) in enumerate(zip(network.layers, done_after(network), strict=True)):
        held[index] = computed = prod(network.shapes[index + 1])
        if isinstance(layer, Population):  # before a pool of its currents
            computed = prod(layer.projections[0].output_shape(network.input_shapes(index)[0]))
        most = max(most, network.timesteps * sum(held.values()) + 20 * computed)
        for source in done:
            del held[source]
    return most


def _empty_traces(network: Network, count: int) -> tuple[Trace[np.uint8], Trace[np.int64]]:
    shapes = dict(zip((layer.name for layer in network.layers), network.shapes[1:], strict=True))
    membranes = {name: shapes.pop(name) for name in [network.layers[-1].name] if network.reads_membranes}
    if network.encoder.spikes:
        shapes = {"encoder": network.input_shape, **shapes}
    return (
        {name: np.empty((count, network.timesteps, *shape), np.uint8) for name, shape in shapes.items()},
        {name: np.empty((count, network.timesteps, *shape), np.int64) for name, shape in membranes.items()},
    )
