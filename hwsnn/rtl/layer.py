"""A layer of the network as one component: the chain of smaller ones that the spec asks for."""

from __future__ import annotations

from typing import Any

from hwsnn.spec import Conv, Dense, LayerFold, MaxPool, Network, Neuron

from .arrange import arrange
from .chain import Chain, ChainComponent
from .collect import Collect
from .fifo import StreamFifo
from .frame import FrameSlices
from .neuron import IntegratingNeurons, SpikingNeurons
from .padding import Padding
from .pool import OrPool, WinnerPool
from .replay import Replay
from .slices import WindowSlices
from .synapses import Synapses
from .window import Window


class WeightedLayer(ChainComponent):
    """A convolution or fully connected layer with its neurons, folded, and the queue behind it.

    Parameters: the network, the layer's index in it, its fold, and the queue's depth in beats.

    Members: ``i``, pixels (direct encoding's first layer) or spikes, as one flat number; ``o``, spikes,
    ``unsigned(Cout)`` in the order (y, x, t), or for an integrating last layer the scores, one beat a frame.

    Clocks a position and step: G * F (see ``docs/streams.md``), and at least the neurons' pass over the G groups.
    """

    def __init__(self, network: Network, index: int, fold: LayerFold, queue_depth: int) -> None:
        layer = network.layers[index]
        if isinstance(layer, MaxPool):
            raise ValueError(f"layer must have weights, not be {layer!r}")
        shape, pixels = network.shapes[index], network.takes_pixels(index)
        input_bits = network.pixel_bits if pixels else 1
        beats = 1 if pixels else network.timesteps
        parameters = arrange(layer, fold)
        groups, _, lanes, _ = parameters.weights.shape
        current_bits = network.current_range(index).width

        parts: Chain
        if isinstance(layer, Conv):
            parts = _conv_front(layer, shape, input_bits, beats, fold, groups)
        else:
            parts = _dense_front(layer, shape, input_bits, beats, fold, groups)
        parts.append(("synapses", Synapses(parameters.weights, parameters.bias, input_bits, current_bits)))
        if pixels and network.timesteps > 1:
            parts.append(("replay", Replay(parts[-1][1].o.payload.shape(), groups, 1, network.timesteps)))
        channels = layer.weight.shape[0]
        neuron = layer.neuron
        if isinstance(neuron, Neuron):
            neurons: Any = SpikingNeurons(
                parameters.thresholds,
                neuron.leak,
                neuron.reset,
                neuron.membrane_bits,
                current_bits,
                network.timesteps,
                network.can_saturate(index),
            )
            lane_bits = 1
        else:
            neurons = IntegratingNeurons(
                neuron.leak,
                neuron.membrane_bits,
                current_bits,
                groups,
                lanes,
                network.timesteps,
                network.can_saturate(index),
            )
            lane_bits = neuron.membrane_bits
        parts.append(("neurons", neurons))
        parts.append(("collect", Collect(lanes * lane_bits, groups, channels * lane_bits)))
        parts.append(("queue", StreamFifo(channels * lane_bits, queue_depth)))
        super().__init__(parts)


def _conv_front(layer: Conv, shape: tuple[int, ...], bits: int, beats: int, fold: LayerFold, groups: int) -> Chain:
    channels, height, width = shape
    parts: Chain = []
    if any(layer.padding):
        parts.append(("padding", Padding(channels * bits, (height, width), layer.padding, beats)))
    extent = (height + 2 * layer.padding[0], width + 2 * layer.padding[1])
    parts.append(("window", Window(channels * bits, extent, layer.kernel, layer.stride, beats)))
    taps = layer.kernel[0] * layer.kernel[1]
    parts.append(("slices", WindowSlices(taps, channels, bits, min(fold.cin_par, channels), groups)))
    return parts


def _dense_front(layer: Dense, shape: tuple[int, ...], bits: int, beats: int, fold: LayerFold, groups: int) -> Chain:
    channels, height, width = shape
    if height * width == 1:
        return [("slices", WindowSlices(1, channels, bits, min(fold.cin_par, channels), groups))]
    return [("frame", FrameSlices(height * width, channels, bits, beats, min(fold.cin_par, channels), groups))]


class PoolLayer(ChainComponent):
    """A spiking max-pool and the queue behind it.

    Parameters: the network, the layer's index in it, and the queue's depth in beats.

    Members: ``i`` and ``o``, spikes, ``unsigned(C)`` in the order (y, x, t). One input beat a clock.
    """

    def __init__(self, network: Network, index: int, queue_depth: int) -> None:
        layer = network.layers[index]
        if not isinstance(layer, MaxPool):
            raise ValueError(f"layer must be a max-pool, not {type(layer).__name__}")
        channels, height, width = network.shapes[index]
        inputs = layer.size[0] * layer.size[1]
        winner = layer.mode == "winner"
        pool = WinnerPool(channels, inputs, network.timesteps) if winner else OrPool(channels, inputs)
        window = Window(channels, (height, width), layer.size, layer.stride, network.timesteps)
        super().__init__([("window", window), ("pool", pool), ("queue", StreamFifo(channels, queue_depth))])
