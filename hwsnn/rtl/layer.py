"""A layer of the network as one component: a chain of stream components."""

from __future__ import annotations

from functools import singledispatch

from hwsnn.folding.folding import Folding, LayerFold
from hwsnn.spec import MaxPool, Network, Population
from hwsnn.spec.checks import unknown_kind

from .compute.engine import Engine
from .stream.chain import ChainComponent, Components
from .stream.credit import CreditWrapper
from .stream.fifo import SkidBuffer
from .stream.packer import Packer
from .window.padding import Padding
from .window.pool import OrPool, WinnerPool
from .window.sliding_window import SlidingWindow


class WeightedLayer(ChainComponent):
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
        Time steps per input beat; 1 for pixels.
    queue_depth : int
        Depth of the queue behind the layer, in beats.
    column_depth : int
        Depth of the queue of columns, where the layer has a sliding window; 0 for none.

    Ports
    -----
    i : stream in of ``unsigned(steps * C * n)``
        Pixels of n bits (first layer, direct encoding), or spikes (n = 1).
    o : stream out of ``unsigned(t_par * Cout)``
        Spikes, order (y, x, pass). Of an integrating last layer the scores, one beat per frame.

    Timing
    ------
    G * F cycles per output pixel and pass (see ``docs/streams.md``).
    """

    def __init__(
        self, network: Network, index: int, fold: LayerFold, steps: int, queue_depth: int, column_depth: int
    ) -> None:
        layer = network.population(index)
        (channels, height, width), pixels = network.shapes[index], network.inputs(index).held
        bits = channels * (network.pixel_bits if pixels else 1)
        timesteps = network.timesteps
        # Cuts the path of ready where beats are narrow.
        parts: Components = [("entry", SkidBuffer(bits * steps))]
        if not pixels and joins_steps(timesteps, steps, min(fold.t_par, timesteps)):
            parts.append(("steps", Packer(bits * steps, -(-timesteps // steps), bits * timesteps)))
            steps = timesteps
            parts.append(("joined", SkidBuffer(bits * steps)))
        beats = 1 if pixels else -(-timesteps // steps)
        if layer.sliding:
            size, stride, padding = layer.window
            if any(padding):
                parts.append(("padding", Padding(bits * steps, (height, width), padding, beats)))
                parts.append(("padded", SkidBuffer(bits * steps)))
            extent = layer.window.padded((height, width))
            parts.append(("window", SlidingWindow(bits * steps, extent, size, stride, beats, column_depth)))
        parts.append(("engine", Engine(network, index, fold, steps, queue_depth)))
        super().__init__(parts)


def joins_steps(timesteps: int, steps: int, t_par: int) -> bool:
    """Whether a layer with ``t_par`` steps per pass must join input beats of ``steps`` steps to whole pixels.

    It need not where each beat makes whole passes and no step is missing in the last beat of a pixel.
    """
    return steps != t_par and (steps % t_par != 0 or timesteps % steps != 0)


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
    return WeightedLayer(network, index, folding.layers[layer.name], steps, depth, column_depth)


@component.register(MaxPool)
def _(layer: MaxPool, network: Network, index: int, folding: Folding) -> ChainComponent:
    return PoolLayer(layer, network, index, folding.beat_steps(network, index - 1), folding.fifo_depths[layer.name])
