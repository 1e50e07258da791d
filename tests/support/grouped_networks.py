"""A small network whose convolutions have groups, one of them depthwise."""

from __future__ import annotations

import numpy as np

from hwsnn import spec
from hwsnn.float_network import FloatNetwork, FloatNeuron, FloatPopulation
from hwsnn.quantization.quantize import quantize
from tests.support.layers import float_conv_layer, float_dense_layer


def grouped(encoding: spec.EncoderKind = "direct") -> FloatNetwork:
    """4x6x5 pixels; 2 groups of 2 to 3 channels, a depthwise convolution of 2 outputs a channel, and a last layer."""
    rng = np.random.default_rng(7)

    def neuron(channels: int, threshold: float) -> FloatNeuron:
        return FloatNeuron(np.full(channels, threshold), 0.75, "greater", "subtract")

    def conv(
        name: str, shape: tuple[int, ...], threshold: float, stride: spec.Pair, padding: spec.Pair, groups: int
    ) -> FloatPopulation:
        weight, bias = rng.normal(size=shape), rng.normal(0.1, 0.1, shape[0])
        return float_conv_layer(name, weight, bias, neuron(shape[0], threshold), stride, padding, groups)

    layers = (
        conv("parts", (6, 2, 3, 2), 0.7, (1, 1), (1, 0), groups=2),
        conv("depthwise", (12, 1, 2, 3), 0.4, (2, 1), (0, 1), groups=6),
        float_dense_layer("last", rng.normal(size=(3, 12, 3, 4)), np.zeros(3), neuron(3, 1.0)),
    )
    return FloatNetwork("grouped", (4, 6, 5), layers, timesteps=4, encoding=encoding)


def grouped_model(encoding: spec.EncoderKind = "direct") -> spec.Network:
    """The same in integers of 5 bits."""
    return quantize(grouped(encoding), timesteps=4, encoding=encoding, bits=5)[0]
