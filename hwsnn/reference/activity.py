"""Activity of a network on images: spikes, and the synaptic operations that they cause.

A synaptic operation is one spike on one synapse, the unit of event-driven hardware: Merolla et al., "A million
spiking-neuron integrated circuit with a scalable communication network and interface", Science 345, 2014.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwsnn.spec import INPUT_INDEX, AnyProjection, Network, Shape
from hwsnn.spec.integers import IntArray

from .traces import traced


@dataclass(frozen=True)
class Activity:
    """Activity of a network over ``images`` images; each figure is a mean per image.

    ``spikes``: of the encoder (``"encoder"``, if it makes spikes) and of every layer that passes spikes on, pools and
    sums too, and be it to itself, over all time steps, channels and positions; several of a neuron at a step count as
    many.
    ``synaptic_operations``: of every layer with weights that takes spikes, each spike on its inputs times the synapses
    that it feeds, weights of zero included; no step takes what a recurrent layer gives at the last one.
    ``multiply_adds``: of every layer that takes the values of the input themselves, which are no synaptic operations:
    every value, even 0, times the synapses that it feeds (so none on padding). Under direct encoding that is once per
    image, because the current is the same at every step.
    """

    images: int
    spikes: Mapping[str, float]
    synaptic_operations: Mapping[str, float]
    multiply_adds: Mapping[str, int]

    @property
    def total_spikes(self) -> float:
        """Spikes per image, of the encoder and all layers."""
        return sum(self.spikes.values())

    @property
    def total_synaptic_operations(self) -> float:
        """Synaptic operations per image, of all layers; without ``multiply_adds``."""
        return sum(self.synaptic_operations.values())

    @property
    def total_multiply_adds(self) -> int:
        """Multiply-adds per image, of all layers."""
        return sum(self.multiply_adds.values())


def measure(
    network: Network, images: npt.NDArray[np.uint8], *, progress: Callable[[int], object] | None = None
) -> Activity:
    """The activity of ``network`` on ``images`` (N, *frame shape), from the spikes of the reference.

    ``progress`` is called with the number of images done since its last call. Raises ``ValueError`` for no images, and
    as ``hwsnn.reference.run`` does.
    """
    spikes_at: dict[str, IntArray] = {}
    of_last_step: dict[str, IntArray] = {}
    for trace in traced(network, images, progress):
        for name, spikes in trace.items():
            spikes_at[name] = spikes_at.get(name, 0) + spikes.sum(axis=(0, 1, 2), dtype=np.int64)
            of_last_step[name] = of_last_step.get(name, 0) + spikes[:, -1].sum(axis=(0, 1), dtype=np.int64)

    names = {INPUT_INDEX: "encoder"} | {index: layer.name for index, layer in enumerate(network.layers)}
    operations, multiply_adds = dict[str, int](), dict[str, int]()
    for index, layer in network.populations():
        for projection, edge, shape in zip(
            layer.projections, network.edges[index], network.input_shapes(index), strict=True
        ):
            fed, source = fan_out(projection, shape), names[edge.source]
            if source in spikes_at:
                taken = spikes_at[source] - (of_last_step[source] if edge.delay else 0)
                counted, caused = operations, int((taken * fed).sum())
            else:
                counted, caused = multiply_adds, network.encoded_steps * shape[0] * int(fed.sum())
            counted[layer.name] = counted.get(layer.name, 0) + caused
    return Activity(
        images=len(images),
        spikes={name: int(counts.sum()) / len(images) for name, counts in spikes_at.items()},
        synaptic_operations={name: caused / len(images) for name, caused in operations.items()},
        multiply_adds=multiply_adds,
    )


def fan_out(projection: AnyProjection, shape: Shape) -> IntArray:
    """How many synapses of ``projection`` an input at each position of ``shape`` (C, H, W) feeds: (H, W), any channel.

    Near a border that is not padded, and between the windows of a long stride, an input feeds fewer windows or none.
    The currents that a pool drops count as well: all of them are computed.
    """
    size, stride, padding = projection.kernel, projection.stride, projection.padding
    windows = projection.output_shape(shape)[1:]
    down, across = (
        _windows_over(shape[1 + axis], windows[axis], size[axis], stride[axis], padding[axis]) for axis in (0, 1)
    )
    return projection.fan_out * np.outer(down, across)


def _windows_over(extent: int, windows: int, kernel: int, stride: int, padding: int) -> IntArray:
    """How many windows contain each of the ``extent`` positions along an axis."""
    place, start = np.arange(extent)[:, np.newaxis], np.arange(windows) * stride - padding
    held: IntArray = ((start <= place) & (place < start + kernel)).sum(axis=1)
    return held
