"""Quantization-aware fine-tuning: weights rounded as ``hwsnn.quantize`` rounds them, while their floats go on learning.

The gradient passes the rounding as if it were not there (the straight-through estimator: Y. Bengio, N. Leonard,
A. Courville, "Estimating or Propagating Gradients Through Stochastic Neurons", arXiv 1308.3432, 2013).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from hwsnn.float_network import FloatArray
from hwsnn.quantization.rows import best_scales
from hwsnn.spec import largest_weight

from .network import TrainableNetwork

TINY = 1e-30
"""Stands for the largest weight of a channel that has none."""


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
    """From here on the layers of ``network`` compute with weights of ``bits`` bits.

    ``hwsnn.quantize`` with as many bits gives the very integers behind the rounded weights.
    """
    *firing, last = network.weighted()
    for layer in (*firing, last):
        by_channel = layer is not last or network.scored in ("count", "first")  # compared membranes share one scale
        weight, _ = layer.folded()
        parametrize.register_parametrization(layer.weights, "weight", Rounded(weight, bits, by_channel))


class Rounded(nn.Module):  # type: ignore[misc]  # PyTorch is untyped here
    """Weights as the nearest on their channel's grid, whose largest integer stands for a fixed part of the peak.

    Of 1 bit: as the sign times the mean magnitude. ``weight``: (out, ...), what they are at first, for that part;
    ``by_channel``: whether each channel has its own grid.
    """

    def __init__(self, weight: FloatArray, bits: int, by_channel: bool) -> None:
        super().__init__()
        self.largest = largest_weight(bits)
        self.of_signs = bits == 1
        self.over = tuple(range(1 if by_channel else 0, weight.ndim))
        if not self.of_signs:
            rows = weight.reshape(len(weight) if by_channel else 1, -1)
            rows = np.where(rows.any(axis=1, keepdims=True), rows, 1.0)  # any grid has zeros
            part = self.largest / (best_scales(rows, self.largest) * abs(rows).max(axis=1))
            self.register_buffer("part", torch.as_tensor(part, dtype=torch.float32).view(-1, *(1,) * (weight.ndim - 1)))

    def rounded(self, weight: Tensor) -> Tensor:
        """The nearest on the grid."""
        sizes = weight.detach().abs()
        if self.of_signs:
            return torch.where(weight < 0, -1.0, 1.0) * sizes.mean(self.over, keepdim=True)
        scale = self.largest / (self.part * sizes.amax(self.over, keepdim=True)).clamp(min=TINY)
        return torch.clamp(torch.round(weight * scale), -self.largest, self.largest) / scale

    def forward(self, weight: Tensor) -> Tensor:
        return weight + (self.rounded(weight) - weight).detach()
