"""Quantization-aware fine-tuning: weights rounded as ``hwsnn.quantize`` rounds them, while their floats go on learning.

The gradient passes the rounding as if it were not there (the straight-through estimator: Y. Bengio, N. Leonard,
A. Courville, "Estimating or Propagating Gradients Through Stochastic Neurons", arXiv 1308.3432, 2013).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from hwsnn.quantization.rows import best_scales
from hwsnn.spec.integers import signed_limits

from .network import Layer, TrainableNetwork


def fold_norms(network: TrainableNetwork) -> None:
    """Have every layer's weights and bias do what its batch norm did, in place. From here on statistics stand still."""
    for layer in network.weighted():
        if layer.norm is None:
            continue
        weight, bias = layer.folded()
        layer.weights.weight.data.copy_(torch.as_tensor(weight))
        layer.weights.bias = nn.Parameter(torch.as_tensor(bias, dtype=layer.weights.weight.dtype))
        layer.norm = None


def round_weights(network: TrainableNetwork, bits: int) -> None:
    """From here on the layers of ``network``, whose norms are folded, compute with weights of ``bits`` bits.

    ``hwsnn.quantize`` with as many bits gives the very integers behind the rounded weights.
    """
    *firing, last = network.weighted()
    for layer in (*firing, last):
        by_channel = layer is not last  # an integrator's channels share one scale
        parametrize.register_parametrization(layer.weights, "weight", _Rounded(layer, bits, by_channel))


class _Rounded(nn.Module):  # type: ignore[misc]  # PyTorch is untyped here
    """Weights as the nearest on their channel's grid, whose largest integer stands for a fixed part of the peak."""

    def __init__(self, layer: Layer, bits: int, by_channel: bool) -> None:
        super().__init__()
        self.largest = signed_limits(bits)[1]
        self.over = (1, 2, 3) if by_channel else (0, 1, 2, 3)
        weight, _ = layer.folded()
        rows = weight.reshape(len(weight) if by_channel else 1, -1)
        part = self.largest / (best_scales(rows, self.largest) * abs(rows).max(axis=1))
        self.register_buffer("part", torch.as_tensor(part, dtype=torch.float32).view(-1, 1, 1, 1))

    def forward(self, weight: Tensor) -> Tensor:
        peak = weight.detach().abs().amax(self.over, keepdim=True)
        scale = self.largest / (self.part * peak)
        rounded = torch.clamp(torch.round(weight * scale), -self.largest, self.largest) / scale
        return weight + (rounded - weight).detach()
