"""What networks to train are made of: layers of weights, batch norm and neurons, pools, and residual blocks.

Each says what it is in floats (``exported``), as the quantizer takes it.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

from hwsnn.float_network import (
    AnyFloatNeuron,
    FloatArray,
    FloatConv,
    FloatDense,
    FloatIntegrator,
    FloatLayer,
    FloatNeuron,
    FloatPopulation,
)

from ..spec import MaxPool, PoolMode, Sum
from . import vector
from .fire import THRESHOLD, FiringReset, fire, integrate
from .recurrent import RecurrentNeurons


class Described(Protocol):
    """Neurons that hardware can have."""

    def exported(self, channels: int) -> AnyFloatNeuron:
        """These neurons in floats, in a layer of so many channels."""


class Neurons(nn.Module):  # type: ignore[misc]  # PyTorch is untyped here
    """Leaky integrate-and-fire neurons: currents (T, N, ...), or (1, N, ...) for all steps, to spikes (T, N, ...)."""

    def __init__(self, timesteps: int, beta: float, reset: FiringReset = "subtract") -> None:
        super().__init__()
        self.timesteps, self.beta, self.reset = timesteps, beta, reset

    def forward(self, currents: Tensor) -> Tensor:
        return fire(currents, self.timesteps, self.beta, self.reset)

    def exported(self, channels: int) -> FloatNeuron:
        """As ``Described`` says."""
        return FloatNeuron(np.full(channels, THRESHOLD), self.beta, "greater", self.reset)

    def extra_repr(self) -> str:
        return f"timesteps={self.timesteps}, beta={self.beta}, reset={self.reset!r}"


class Integrators(nn.Module):  # type: ignore[misc]
    """Neurons that never fire, of a last layer: currents as those of ``Neurons`` to scores (N, ...)."""

    def __init__(self, timesteps: int, beta: float) -> None:
        super().__init__()
        self.timesteps, self.beta = timesteps, beta

    def forward(self, currents: Tensor) -> Tensor:
        return integrate(currents, self.timesteps, self.beta)

    def exported(self, channels: int) -> FloatIntegrator:
        """As ``Described`` says."""
        return FloatIntegrator(self.beta)

    def extra_repr(self) -> str:
        return f"timesteps={self.timesteps}, beta={self.beta}"


class Layer(nn.Module):  # type: ignore[misc]
    """Weights, batch norm (or none) and neurons; inputs and outputs are (T, N, channels, height, width).

    A fully connected layer's output has height and width 1. ``neurons`` may be any activation: of rates, with T = 1.
    """

    def __init__(self, name: str, weights: nn.Conv2d, norm: nn.BatchNorm2d | None, neurons: nn.Module) -> None:
        super().__init__()
        self.name, self.weights, self.norm, self.neurons = name, weights, norm, neurons

    def currents(self, x: Tensor) -> Tensor:
        """Input currents; time steps pass the weights, and the batch norm, as further images."""
        return self._normed(self._weighted(x)).unflatten(0, x.shape[:2])

    def forward(self, x: Tensor) -> Tensor:
        weighted = self._weighted(x)
        plain = type(self.neurons) is Neurons and self.neurons.reset == "subtract"
        if self.training and plain and self.norm is not None and vector.fits(weighted):
            timesteps, beta = self.neurons.timesteps, self.neurons.beta
            spikes = vector.normed_spikes(weighted, self.norm, len(x), timesteps, beta)
            return spikes.unflatten(0, (timesteps, x.shape[1]))
        return self.neurons(self._normed(weighted).unflatten(0, x.shape[:2]))

    def _weighted(self, x: Tensor) -> Tensor:
        """(T * N, channels, height, width)."""
        if self.weights.kernel_size == x.shape[3:] == (1, 1):  # as a convolution it takes four times as long
            product = functional.linear(x.flatten(0, 1).flatten(1), self.weights.weight.flatten(1), self.weights.bias)
            return product[:, :, None, None]
        return self.weights(x.flatten(0, 1))

    def _normed(self, weighted: Tensor) -> Tensor:
        return weighted if self.norm is None else self.norm(weighted)

    def folded(self) -> tuple[FloatArray, FloatArray]:
        """Weight (out, in, height, width) and bias (out,) with the batch norm folded in, in double precision."""

        def double(tensor: Tensor) -> FloatArray:
            return np.asarray(tensor.detach().cpu().numpy(), np.float64)

        weight = double(self.weights.weight)
        bias = np.zeros(len(weight)) if self.weights.bias is None else double(self.weights.bias)
        if self.norm is None:
            return weight, bias
        factor = double(self.norm.weight) / np.sqrt(double(self.norm.running_var) + self.norm.eps)
        bias = (bias - double(self.norm.running_mean)) * factor + double(self.norm.bias)
        return weight * factor[:, None, None, None], bias

    def exported(self, before: str) -> list[FloatLayer]:
        """As in ``FloatNetwork.layers``. ``TypeError`` for neurons that hardware has not."""
        described: Described = self.neurons
        if not hasattr(described, "exported"):
            raise TypeError(f"layer {self.name} must have spiking neurons, not {type(described).__name__}")
        weight, bias = self.folded()
        projection: FloatConv | FloatDense = FloatDense(self.name, weight)
        if self.name.startswith("conv"):
            (down, right), (high, wide) = self.weights.stride, self.weights.padding
            projection = FloatConv(self.name, weight, (down, right), (high, wide))
        back = (self.neurons.feedback(self.name),) if isinstance(self.neurons, RecurrentNeurons) else ()
        return [FloatPopulation(self.name, (projection, *back), bias, described.exported(len(bias)))]


class Pool(nn.Module):  # type: ignore[misc]
    """Max-pool at each step, as in ``docs/numerics.md``: the ``or`` of spikes, or the spike of the ``winner`` so far.

    Of rates, at one step, both are the maximum.
    """

    def __init__(self, name: str, size: int, mode: PoolMode) -> None:
        super().__init__()
        self.name, self.size, self.mode = name, size, mode

    def forward(self, x: Tensor) -> Tensor:
        if self.mode == "or" and self.training and self.size == 2 and vector.fits(x.flatten(0, 1)):
            return vector.any_spike(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        if self.mode == "or" or len(x) == 1:
            return functional.max_pool2d(x.flatten(0, 1), self.size).unflatten(0, x.shape[:2])
        counts = x.cumsum(0).flatten(0, 1)
        most, winner = functional.max_pool2d(counts, self.size, return_indices=True)  # of equals the first
        return x.flatten(0, 1).flatten(-2).gather(-1, winner.flatten(-2)).view_as(most).unflatten(0, x.shape[:2])

    def exported(self, before: str) -> list[FloatLayer]:
        """As in ``FloatNetwork.layers``."""
        return [MaxPool(self.name, (self.size, self.size), (self.size, self.size), self.mode)]

    def extra_repr(self) -> str:
        return f"size={self.size}, mode={self.mode!r}"


class Block(nn.Module):  # type: ignore[misc]
    """A residual block: the spikes of two layers are added to those that came in, so it gives numbers of spikes.

    W. Fang, Z. Yu, Y. Chen, T. Huang, T. Masquelier, Y. Tian, "Deep Residual Learning in Spiking Neural Networks",
    NeurIPS 2021 (SEW-ResNet, ADD). ``first`` and ``second`` keep the shape.
    """

    def __init__(self, name: str, first: Layer, second: Layer) -> None:
        super().__init__()
        self.name, self.first, self.second = name, first, second

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.first(x))

    def exported(self, before: str) -> list[FloatLayer]:
        """As in ``FloatNetwork.layers``; ``before``: the layer that this one's input is from."""
        layers = [*self.first.exported(before), *self.second.exported(self.first.name)]
        return [*layers, Sum(self.name, (before, self.second.name))]
