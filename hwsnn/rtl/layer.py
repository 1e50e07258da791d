"""A layer of the network as one component: the chain of smaller ones that the spec asks for."""

from __future__ import annotations

from hwsnn.folding.folding import LayerFold
from hwsnn.spec import Conv, MaxPool, Network

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

    Parameters: the network, the layer's index in it, its fold, the time steps in a beat that it gets (1 for pixels),
    and the depths of its queue and, for a convolution, of its queue of columns.

    Members: ``i``, pixels (direct encoding's first layer) or spikes, as one flat number; ``o``, spikes,
    ``unsigned(t_par * Cout)`` in the order (y, x, pass), or for an integrating last layer the scores, one beat a frame.

    Clocks a position and pass: G * F (see ``docs/streams.md``).
    """

    def __init__(
        self, network: Network, index: int, fold: LayerFold, steps: int, queue_depth: int, column_depth: int
    ) -> None:
        layer = network.layers[index]
        if isinstance(layer, MaxPool):
            raise ValueError(f"layer must have weights, not be {layer!r}")
        (channels, height, width), pixels = network.shapes[index], network.takes_pixels(index)
        bits = channels * (network.pixel_bits if pixels else 1)
        timesteps = network.timesteps
        # Cuts the ready path where it is narrow.
        parts: Components = [("entry", SkidBuffer(bits * steps))]
        if not pixels and joins_steps(timesteps, steps, min(fold.t_par, timesteps)):
            parts.append(("steps", Packer(bits * steps, -(-timesteps // steps), bits * timesteps)))
            steps = timesteps
            parts.append(("joined", SkidBuffer(bits * steps)))
        beats = 1 if pixels else -(-timesteps // steps)
        if isinstance(layer, Conv):
            if any(layer.padding):
                parts.append(("padding", Padding(bits * steps, (height, width), layer.padding, beats)))
                parts.append(("padded", SkidBuffer(bits * steps)))
            extent = (height + 2 * layer.padding[0], width + 2 * layer.padding[1])
            parts.append(
                ("window", SlidingWindow(bits * steps, extent, layer.kernel, layer.stride, beats, column_depth))
            )
        parts.append(("engine", Engine(network, index, fold, steps, queue_depth)))
        super().__init__(parts)


def joins_steps(timesteps: int, steps: int, t_par: int) -> bool:
    """Whether a layer with ``t_par`` steps a pass must join the beats of ``steps`` steps that it gets to whole pixels.

    It need not where each beat makes whole passes and no step is missing at a position's end.
    """
    return steps != t_par and (steps % t_par != 0 or timesteps % steps != 0)


class PoolLayer(ChainComponent):
    """A spiking max-pool and the queue behind it.

    Parameters: the network, the layer's index in it, the time steps in a beat, and the queue's depth in beats.

    Members: ``i`` and ``o``, spikes, ``unsigned(steps * C)`` in the order (y, x, beat). One input beat a clock.
    """

    def __init__(self, network: Network, index: int, steps: int, queue_depth: int) -> None:
        layer = network.layers[index]
        if not isinstance(layer, MaxPool):
            raise ValueError(f"layer must be a max-pool, not {type(layer).__name__}")
        channels, height, width = network.shapes[index]
        inputs, timesteps = layer.size[0] * layer.size[1], network.timesteps
        beats = -(-timesteps // steps)
        winner = layer.mode == "winner"
        pool = WinnerPool(channels, inputs, timesteps, steps) if winner else OrPool(channels * steps, inputs)
        window = SlidingWindow(channels * steps, (height, width), layer.size, layer.stride, beats)
        super().__init__(
            [("entry", SkidBuffer(channels * steps)), ("window", window), ("pool", CreditWrapper(pool, queue_depth))]
        )
