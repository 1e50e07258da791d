"""Conversion: a network of rates, trained without time, to integrate-and-fire neurons whose spikes have those rates.

A rate is a number of spikes a time step, from 0 to 1. A neuron with threshold 1, no leak and reset by subtraction fires
at the rate of its mean input, but for what its membrane holds after the last step: B. Rueckauer, I.-A. Lungu, Y. Hu,
M. Pfeiffer, S.-C. Liu, "Conversion of Continuous-Valued Deep Networks to Efficient Event-Driven Networks for Image
Classification", Frontiers in Neuroscience 11:682, 2017. In few steps that is much, and so is the order in which spikes
come: a spike fired on early inputs is not taken back when later ones speak against it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..spec import EncoderKind
from .layers import Block, Integrators, Layer
from .loop import Images, Plan, train
from .network import TrainableNetwork
from .quantized import round_weights
from .temporal_bias import BiasedNeurons

BY_LAYER = Plan(epochs=1, batch=64, learning_rate=1e-3, weight_decay=0, half_precision=False)
"""How each layer is calibrated."""
TOGETHER = Plan(epochs=3, batch=64, learning_rate=2e-3, weight_decay=0)
"""How all layers are calibrated together."""
BITS = 8
"""Of a weight while it is calibrated."""


def rate_network(notation: str) -> TrainableNetwork:
    """A network of rectified linear units whose last layer sums its inputs; ``notation`` as of ``TrainableNetwork``.

    Its pools take the largest rate. In memory channels are last: so it trains in half the time.
    """
    network = TrainableNetwork(
        notation,
        timesteps=1,
        neurons=lambda name: nn.ReLU(),
        readout=Integrators(timesteps=1, beta=1.0),
        pool="winner",
    )
    if len(network.weighted()) < 2 or any(isinstance(layer, Block) for layer in network.layers):
        raise ValueError(f"a network to convert must have two layers or more, and no residual blocks, not {notation!r}")
    network.to(memory_format=torch.channels_last)
    return network


def normalize(network: TrainableNetwork, images: Tensor, percentile: float) -> None:
    """Scale the layers of a trained ``rate_network``, in place, so that activations are rates: from 0 to 1.

    ``percentile`` (0 to 100) of a layer's activations on ``images`` (N, C, H, W) will be at most 1; spikes clip the
    others. The scores stay what they were. Layer by layer: P. U. Diehl, D. Neil, J. Binas, M. Cook, S.-C. Liu,
    M. Pfeiffer, "Fast-classifying, high-accuracy spiking deep networks through weight and threshold balancing", IJCNN
    2015; a percentile in place of the largest activation: Rueckauer et al.
    """
    network.eval()
    with torch.no_grad():
        x = network.inputs(images.to(network.weighted()[0].weights.weight.device))
        before = 1.0
        for layer in network.layers:
            if isinstance(layer, Layer):
                layer.weights.weight *= before  # its inputs are divided by that now
                if layer is not network.layers[-1]:
                    before = float(np.percentile(layer(x).cpu().numpy(), percentile))
                    scaled = layer.norm or layer.weights
                    scaled.weight /= before
                    scaled.bias /= before
            x = layer(x)


def convert(network: TrainableNetwork, *, timesteps: int, encoding: EncoderKind) -> TrainableNetwork:
    """The spiking network, of ``winner`` pools, whose rates over that many steps are those of a normalized network.

    Membranes start at 0, the ``initial`` of ``BiasedNeurons``. Half a threshold, spread over the steps as a bias, has
    spikes round an input to the nearest rate rather than down: S. Deng, S. Gu, "Optimal Conversion of Conventional
    Artificial Neural Networks to Spiking Neural Networks", ICLR 2021. Under ``latency`` a pixel's one spike stands for
    all steps.
    """
    converted = TrainableNetwork(
        network.notation,
        timesteps=timesteps,
        encoding=encoding,
        neurons=lambda name: nn.Identity(),
        readout=Integrators(timesteps, beta=1.0),
        pool="winner",
    )
    first, *_, last = converted.weighted()
    for source, target in zip(network.weighted(), converted.weighted(), strict=True):
        weight, bias = map(torch.as_tensor, source.folded())
        if target is not last:
            bias = bias + 0.5 / timesteps
            target.neurons = BiasedNeurons(timesteps, len(bias))
        if target is first and encoding == "latency":
            weight = weight * timesteps
        target.norm = None
        target.weights.weight.data.copy_(weight)
        target.weights.bias = nn.Parameter(bias.float())
    converted.to(source.weights.weight.device).eval()
    return converted


def calibrate(
    converted: TrainableNetwork, network: TrainableNetwork, images: Images, checkpoint: Callable[[str], Path]
) -> None:
    """Adjust ``converted``, in place, so that its rates on ``images`` are nearer to those of ``network``.

    Layer by layer, so that each makes up for those before it: weights, biases and initial membranes go down the
    gradient of the squared distance between the rates of its spikes and the activations, clipped to 1. From here on
    weights are rounded to ``BITS`` bits, so each layer makes up for the rounding of those before it too. Labels are not
    looked at. Y. Li, S. Deng, X. Dong, R. Gong, S. Gu, "A Free Lunch From ANN: Towards Efficient, Accurate Spiking
    Neural Networks Calibration", ICML 2021; here with the surrogate gradient of ``hwsnn.train.fire``, through time.
    ``checkpoint`` names a file for each layer's name, as for ``hwsnn.train.loop.train``.
    """
    network.eval()
    round_weights(converted, BITS)
    for index, layer in enumerate(converted.layers):
        if isinstance(layer, Layer):
            train(
                _Distance(converted, network, index),
                images,
                BY_LAYER,
                checkpoint(layer.name),
                loss=lambda distance, _: distance.square().mean(),
            )


def calibrate_together(
    converted: TrainableNetwork,
    network: TrainableNetwork,
    images: Images,
    distort: Callable[[Tensor], Tensor],
    checkpoint: Path,
) -> None:
    """Adjust all layers of a calibrated network at once, in place: its scores come nearer to those of ``network``.

    As in ``calibrate``, with the squared distance of the scores. Of two steps the rates of a layer are 0, a half or 1,
    and its neighbours' errors count as much as its own: what is the nearest rate need not be the best spike. ``images``
    are distorted by ``distort`` for both networks; labels are not looked at. This stage is ours.
    """
    network.eval()
    train(
        _Scores(converted, network),
        images,
        TOGETHER,
        checkpoint,
        loss=lambda distance, _: distance.square().mean(),
        distort=distort,
    )


class _Distance(nn.Module):  # type: ignore[misc]  # PyTorch is untyped here
    """How far the rates of one layer's spikes are from the activations: images (N, C, H, W) to (N, ...)."""

    def __init__(self, converted: TrainableNetwork, network: TrainableNetwork, index: int) -> None:
        super().__init__()
        self.layer = converted.layers[index]  # all that this learns: the other modules are hidden in a tuple
        self._pairs = tuple(zip(network.layers, converted.layers, strict=True))[: index + 1]
        self._inputs = (network.inputs, converted.inputs)
        self._timesteps = converted.timesteps

    def forward(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            wanted, seen = (inputs(images) for inputs in self._inputs)
            for source, target in self._pairs[:-1]:
                wanted, seen = source(wanted), target(seen)
            wanted = self._pairs[-1][0](wanted)
        found: Tensor = self.layer(seen)
        if isinstance(self.layer.neurons, Integrators):
            return found / self._timesteps - wanted
        return found.mean(0) - wanted[0].clamp(max=1)


class _Scores(nn.Module):  # type: ignore[misc]
    """How far the scores of the spikes, per step, are from those of the rates: images (N, C, H, W) to (N, classes)."""

    def __init__(self, converted: TrainableNetwork, network: TrainableNetwork) -> None:
        super().__init__()
        self.converted = converted  # all that this learns: the other network is hidden in a tuple
        self._network = (network,)

    def forward(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self._network[0](images)
        found: Tensor = self.converted(images) / self.converted.timesteps - wanted
        return found
