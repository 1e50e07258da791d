"""Tandem learning: a spiking network forward, and backward the network of rates that shares its weights.

J. Wu, Y. Chua, M. Zhang, G. Li, H. Li, K. C. Tan, "A Tandem Learning Rule for Effective Training and Rapid Inference of
Deep Spiking Neural Networks", IEEE Transactions on Neural Networks and Learning Systems, 2021 (arXiv 1907.01167). Each
layer of rates takes the spike counts of the spiking layer before it, not the rates that its own neighbour would have
given, so errors of the approximation do not add up from layer to layer.

Counts are divided by the T time steps here: an integrate-and-fire neuron with threshold 1 has the rate of its mean
current between 0 and 1, but for what its membrane still holds. The clip at 1 is ours; the paper has a rectifier.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .layers import Layer, Neurons
from .network import TrainableNetwork


class Tandem(nn.Module):  # type: ignore[misc]  # PyTorch is untyped here
    """``network``, spiking, and its network of rates: images (N, C, H, W) to scores (N, classes).

    The scores are those of ``network`` divided by T: mean currents of its last layer's integrators. ``ValueError`` for
    a network whose neurons leak, or that has batch norms: the two networks would have different statistics.
    """

    def __init__(self, network: TrainableNetwork) -> None:
        super().__init__()
        for layer in network.weighted():
            if layer.neurons.beta != 1:
                raise ValueError(f"tandem learning needs neurons without leak; layer {layer.name} has some with")
            if layer.norm is not None:
                raise ValueError(f"tandem learning needs layers without batch norm; layer {layer.name} has one")
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        spikes = self.network.inputs(images)
        rates = spikes.mean(0, keepdim=True)
        *hidden, last = self.network.layers
        for layer in hidden:
            approximate = _rates(layer, rates)
            with torch.no_grad():
                spikes = layer(spikes)
            rates = _replaced(approximate, spikes.mean(0, keepdim=True, dtype=rates.dtype))
        scores: Tensor = last.currents(rates)
        return scores[0].flatten(1)


def _rates(layer: nn.Module, rates: Tensor) -> Tensor:
    """What ``layer`` does with rates (1, N, ...): neurons clip mean currents, and a pool takes the largest rate."""
    if isinstance(layer, Layer) and isinstance(layer.neurons, Neurons):
        return layer.currents(rates).clamp(0, 1)
    pooled: Tensor = layer(rates)
    return pooled


def _replaced(approximate: Tensor, exact: Tensor) -> Tensor:
    """``exact``, with the gradient of ``approximate``."""
    return approximate + (exact - approximate).detach()
