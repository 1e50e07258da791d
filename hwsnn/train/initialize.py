"""First weights at which a spiking network can learn without batch norm: every layer fires, and not all of the time.

R. Chen and L. Li ("Analyzing and Accelerating the Bottlenecks of Training Deep SNNs With Backpropagation", Neural
Computation 32(12), 2020) derive three conditions for training deep networks by spatio-temporal backpropagation, and an
initialization from what such a network shares with a network of rectifiers. What stands here is this project's reading
of its abstract, not their algorithm: as He et al. (ICCV 2015) keep the variance of a rectifier's inputs from layer to
layer, the scale of each layer's weights keeps its neurons' rate; membranes then lie around the threshold, where the
surrogate gradient is not zero. The scale is measured layer by layer, as D. Mishkin and J. Matas do ("All you need is a
good init", ICLR 2016), for real images are far from the assumptions of a formula.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .layers import Integrators, Layer
from .network import TrainableNetwork
from .quantized import fold_norms

HALVINGS = 24
"""Steps of the search for a scale, which starts 2^12 wide to either side."""


def initialize(network: TrainableNetwork, images: Tensor, rate: float) -> None:
    """Draw weights at which each layer fires ``rate`` spikes a neuron and step on ``images``; batch norms go.

    Biases start at 0, and scores with a standard deviation of 1, where a softmax is neither flat nor decided.
    ``ValueError`` where no scale has a layer fire that much.
    """
    fold_norms(network)
    with torch.no_grad():
        x = network.inputs(images)
        for layer in network.layers:
            if isinstance(layer, Layer):
                nn.init.kaiming_normal_(layer.weights.weight)
                nn.init.zeros_(layer.weights.bias)
                layer.weights.weight *= _scale(layer, layer.currents(x), rate)
            x = layer(x)


def _scale(layer: Layer, currents: Tensor, rate: float) -> float:
    """What to multiply the layer's weights with, which gave it these currents (T, N, ...)."""
    if isinstance(layer.neurons, Integrators):
        return 1 / float(layer.neurons(currents).std())
    low, high = -HALVINGS / 2, HALVINGS / 2  # exponents of 2
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if layer.neurons(currents * 2**middle).mean() < rate:
            low = middle
        else:
            high = middle
    if high == HALVINGS / 2:
        raise ValueError(f"layer {layer.name} cannot fire {rate} spikes a neuron and step, whatever its weights' scale")
    return float(2**high)
