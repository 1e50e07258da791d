"""Networks to train: layers of weights, batch norm and neurons, described as the field does: ``28x28-64c5-2s-10``."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

from hwsnn.float_network import (
    FloatArray,
    FloatConv,
    FloatDense,
    FloatIntegrator,
    FloatLayer,
    FloatNetwork,
    FloatNeuron,
    FloatPopulation,
)

from ..spec import EncoderKind, MaxPool, PoolMode, Shape
from .encode import encode
from .fire import THRESHOLD, FiringReset, fire, integrate

_INPUT = re.compile(r"(?:(\d+)x)?(\d+)x(\d+)")
_CONV = re.compile(r"(\d+)c(\d+)(p?)")
_POOL = re.compile(r"(\d+)s")
_DENSE = re.compile(r"(\d+)")


class Neurons(nn.Module):  # type: ignore[misc]  # PyTorch is untyped here
    """Leaky integrate-and-fire neurons: currents (T, N, ...), or (1, N, ...) for all steps, to spikes (T, N, ...)."""

    def __init__(self, timesteps: int, beta: float, reset: FiringReset = "subtract") -> None:
        super().__init__()
        self.timesteps, self.beta, self.reset = timesteps, beta, reset

    def forward(self, currents: Tensor) -> Tensor:
        return fire(currents, self.timesteps, self.beta, self.reset)

    def extra_repr(self) -> str:
        return f"timesteps={self.timesteps}, beta={self.beta}, reset={self.reset!r}"


class Integrators(nn.Module):  # type: ignore[misc]
    """Neurons that never fire, of a last layer: currents as those of ``Neurons`` to scores (N, ...)."""

    def __init__(self, timesteps: int, beta: float) -> None:
        super().__init__()
        self.timesteps, self.beta = timesteps, beta

    def forward(self, currents: Tensor) -> Tensor:
        return integrate(currents, self.timesteps, self.beta)

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
        currents = self.weights(x.flatten(0, 1))
        if self.norm is not None:
            currents = self.norm(currents)
        return currents.unflatten(0, x.shape[:2])

    def forward(self, x: Tensor) -> Tensor:
        return self.neurons(self.currents(x))

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


class Pool(nn.Module):  # type: ignore[misc]
    """Max-pool at each step, as in ``docs/numerics.md``: the ``or`` of spikes, or the spike of the ``winner`` so far.

    Of rates, at one step, both are the maximum.
    """

    def __init__(self, name: str, size: int, mode: PoolMode) -> None:
        super().__init__()
        self.name, self.size, self.mode = name, size, mode

    def forward(self, x: Tensor) -> Tensor:
        if self.mode == "or":
            return functional.max_pool2d(x.flatten(0, 1), self.size).unflatten(0, x.shape[:2])
        counts = x.cumsum(0).flatten(0, 1)
        most, winner = functional.max_pool2d(counts, self.size, return_indices=True)  # of equals the first
        return x.flatten(0, 1).flatten(-2).gather(-1, winner.flatten(-2)).view_as(most).unflatten(0, x.shape[:2])

    def extra_repr(self) -> str:
        return f"size={self.size}, mode={self.mode!r}"


class TrainableNetwork(nn.Module):  # type: ignore[misc]
    """A feed-forward network: images (N, C, H, W) from 0 to 1 to scores (N, classes).

    ``notation``: the input's height x width (or channels x height x width), then layers: ``64c5`` a convolution of 64
    channels and 5x5 windows (``64c5p`` padded to keep its size), ``2s`` a max-pool of 2x2, ``128`` a fully connected
    layer. ``neurons(name)`` makes the neurons of a layer that is not the last; ``readout`` is the last one's; ``pool``
    is what all pools do.
    """

    def __init__(
        self,
        notation: str,
        *,
        timesteps: int,
        encoding: EncoderKind = "direct",
        neurons: Callable[[str], nn.Module],
        readout: nn.Module,
        pool: PoolMode = "or",
    ) -> None:
        super().__init__()
        self.notation, self.timesteps, self.encoding = notation, timesteps, encoding
        _, *rest = notation.split("-")
        self.input_shape = shape = input_shape(notation)
        counts: dict[str, int] = {}

        def name(kind: str) -> str:
            counts[kind] = counts.get(kind, 0) + 1
            return f"{kind}{counts[kind]}"

        layers: list[Layer | Pool] = []
        for position, part in enumerate(rest):
            last = position == len(rest) - 1
            if match := _POOL.fullmatch(part):
                size = int(match[1])
                _require_fit(part, size, shape)
                if last:
                    raise ValueError(f"the last layer must have weights, not be the pool {part}")
                layers.append(Pool(name("pool"), size, pool))
                shape = (shape[0], shape[1] // size, shape[2] // size)
                continue
            if match := _CONV.fullmatch(part):
                label, outputs, window = name("conv"), int(match[1]), (int(match[2]), int(match[2]))
                if match[3] and window[0] % 2 == 0:
                    raise ValueError(f"a padded window must be odd, not {window[0]} as in {part}")
                padding = window[0] // 2 if match[3] else 0
                _require_fit(part, window[0] - 2 * padding, shape)
            elif match := _DENSE.fullmatch(part):
                # Fully connected is a convolution whose window is the whole image.
                label, outputs, window, padding = name("dense"), int(match[1]), shape[1:], 0
            else:
                raise ValueError(f"layers must be like 64c5, 64c5p, 2s or 128, not {part!r} in {notation!r}")
            weights = nn.Conv2d(shape[0], outputs, window, padding=padding, bias=last)
            norm = None if last else nn.BatchNorm2d(outputs)
            layers.append(Layer(label, weights, norm, readout if last else neurons(label)))
            grown = 2 * padding + 1
            shape = (outputs, shape[1] + grown - window[0], shape[2] + grown - window[1])
        self.layers = nn.ModuleList(layers)

    def inputs(self, images: Tensor) -> Tensor:
        """What the first layer sees of images (N, C, H, W): (T, N, C, H, W), or one step for all."""
        return encode(images, self.encoding, self.timesteps)

    def forward(self, images: Tensor) -> Tensor:
        x = self.inputs(images)
        for layer in self.layers:
            x = layer(x)
        return x.flatten(1)

    def extra_repr(self) -> str:
        return f"timesteps={self.timesteps}, encoding={self.encoding!r}"

    def weighted(self) -> list[Layer]:
        """The layers with weights."""
        return [layer for layer in self.layers if isinstance(layer, Layer)]


def spiking(
    notation: str, *, timesteps: int, beta: float, reset: FiringReset = "subtract", encoding: EncoderKind = "direct"
) -> TrainableNetwork:
    """A network of leaky integrate-and-fire neurons whose last layer integrates without firing."""
    return TrainableNetwork(
        notation,
        timesteps=timesteps,
        encoding=encoding,
        neurons=lambda name: Neurons(timesteps, beta, reset),
        readout=Integrators(timesteps, beta),
    )


def export(network: TrainableNetwork, name: str) -> FloatNetwork:
    """The network in floats, batch norm folded in, as ``hwsnn.quantize`` takes it. Its neurons must be spiking ones."""
    layers: list[FloatLayer] = []
    for layer in network.layers:
        if isinstance(layer, Pool):
            layers.append(MaxPool(layer.name, (layer.size, layer.size), (layer.size, layer.size), layer.mode))
            continue
        weight, bias = layer.folded()
        neuron: FloatNeuron | FloatIntegrator
        if isinstance(layer.neurons, Neurons):
            threshold = np.full(len(bias), THRESHOLD)
            neuron = FloatNeuron(threshold, layer.neurons.beta, "greater", layer.neurons.reset)
        elif isinstance(layer.neurons, Integrators):
            neuron = FloatIntegrator(layer.neurons.beta)
        else:
            raise TypeError(f"layer {layer.name} must have spiking neurons, not {type(layer.neurons).__name__}")
        projection: FloatConv | FloatDense = FloatDense(layer.name, weight)
        if layer.name.startswith("conv"):
            padding = layer.weights.padding
            projection = FloatConv(layer.name, weight, padding=(padding[0], padding[1]))
        layers.append(FloatPopulation(layer.name, (projection,), bias, neuron))
    return FloatNetwork(
        name, network.input_shape, tuple(layers), timesteps=network.timesteps, encoding=network.encoding
    )


def _require_fit(part: str, window: int, shape: Shape) -> None:
    if window > min(shape[1:]):
        raise ValueError(f"the window of {part} must fit its input of {shape[1]}x{shape[2]}")


def input_shape(notation: str) -> Shape:
    """(channels, height, width) of the images of ``notation``. ``ValueError`` where it says none."""
    text = notation.split("-")[0]
    match = _INPUT.fullmatch(text)
    if match is None:
        raise ValueError(f"the input must be like 28x28 or 2x128x128, not {text!r}")
    return int(match[1] or 1), int(match[2]), int(match[3])
