"""A layer of the network as one component: a chain of stream components."""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from hwsnn.folding.folding import Folding, LayerFold
from hwsnn.folding.input_beats import joined_steps, pixel_beats
from hwsnn.spec import AnyProjection, Conv, MaxPool, Network, Population
from hwsnn.spec.checks import unknown_kind

from .compute.engine import Engine
from .stream.chain import ChainComponent, Components
from .stream.credit import CreditWrapper
from .stream.fifo import SkidBuffer
from .stream.packer import Packer
from .window.padding import Padding
from .window.pool import OrPool, WinnerPool
from .window.sliding_window import SlidingWindow


class PopulationLayer(ChainComponent):
    """A convolution or fully connected layer with its neurons, folded, and the queue behind it.

    Parameters
    ----------
    network : Network
        The network of the layer.
    index : int
        The layer's index in the network.
    fold : LayerFold
        The layer's parallelism.
    steps : int
        Time steps per input beat; 1 for inputs that are held.
    queue_depth : int
        Depth of the queue behind the layer, in beats.
    column_depth : int
        Depth of the queue of columns, where the layer has a sliding window; 0 for none.

    Ports
    -----
    i : stream in of ``unsigned(steps * C * n)``
        Inputs of n bits: pixels without an encoder, else numbers of spikes.
    o : stream out of ``unsigned(t_par * Cout * b)`` or ``unsigned(Cout * b)``
        As of ``Engine``: spikes or membranes, order (y, x, pass); last membranes in one beat per frame.

    Timing
    ------
    G * F cycles per output pixel and pass (see ``docs/streams.md``).
    """

    def __init__(
        self, network: Network, index: int, fold: LayerFold, steps: int, queue_depth: int, column_depth: int
    ) -> None:
        layer = network.population(index)
        (channels, height, width), inputs = network.shapes[index], network.inputs(index)
        bits = channels * inputs.bits
        # Cuts the path of ready where beats are narrow.
        parts: Components = [("entry", SkidBuffer(bits * steps))]
        joined = joined_steps(network, index, fold, steps)
        if joined != steps:
            parts.append(("steps", Packer(bits * steps, -(-joined // steps), bits * joined)))
            steps = joined
            parts.append(("joined", SkidBuffer(bits * steps)))
        beats = pixel_beats(network, index, steps)
        if layer.sliding:
            size, stride, padding = layer.window
            if any(padding):
                filler = _filler(layer.projection, inputs.bits, steps)
                parts.append(("padding", Padding(bits * steps, (height, width), padding, beats, filler)))
                parts.append(("padded", SkidBuffer(bits * steps)))
            extent = layer.window.padded((height, width))
            parts.append(("window", SlidingWindow(bits * steps, extent, size, stride, beats, column_depth)))
        parts.append(("engine", Engine(network, index, fold, steps, queue_depth)))
        super().__init__(parts)


def _filler(projection: AnyProjection, bits: int, steps: int) -> int:
    """A beat of the border: every step has the padding values, of ``bits`` bits each."""
    values = projection.padding_values if isinstance(projection, Conv) else None
    if values is None:
        return 0
    return sum(int(value) << (place * bits) for place, value in enumerate(np.tile(values, steps)))


class PoolLayer(ChainComponent):
    """A spiking max-pool and the queue behind it.

    Parameters
    ----------
    layer : MaxPool
        The pool.
    network : Network
        The network of the layer.
    index : int
        The layer's index in the network.
    steps : int
        Time steps per beat.
    queue_depth : int
        Depth of the queue behind the pool, in beats.

    Ports
    -----
    i, o : streams of ``unsigned(steps * C)``
        Spikes, order (y, x, beat).

    Timing
    ------
    One input beat per cycle.
    """

    def __init__(self, layer: MaxPool, network: Network, index: int, steps: int, queue_depth: int) -> None:
        channels, height, width = network.shapes[index]
        inputs, timesteps = layer.size[0] * layer.size[1], network.timesteps
        beats = -(-timesteps // steps)
        winner = layer.mode == "winner"
        pool = WinnerPool(channels, inputs, timesteps, steps) if winner else OrPool(channels * steps, inputs)
        window = SlidingWindow(channels * steps, (height, width), layer.size, layer.stride, beats)
        super().__init__(
            [("entry", SkidBuffer(channels * steps)), ("window", window), ("pool", CreditWrapper(pool, queue_depth))]
        )


@singledispatch
def component(layer: object, network: Network, index: int, folding: Folding) -> ChainComponent:
    """The hardware of ``layer``, which has index ``index`` in the network."""
    raise unknown_kind("the hardware", layer)


@component.register(Population)
def _(layer: Population, network: Network, index: int, folding: Folding) -> ChainComponent:
    steps, depth = folding.beat_steps(network, index - 1), folding.fifo_depths[layer.name]
    column_depth = folding.column_depths.get(layer.name, 0)
    return PopulationLayer(network, index, folding.layers[layer.name], steps, depth, column_depth)


@component.register(MaxPool)
def _(layer: MaxPool, network: Network, index: int, folding: Folding) -> ChainComponent:
    return PoolLayer(layer, network, index, folding.beat_steps(network, index - 1), folding.fifo_depths[layer.name])
