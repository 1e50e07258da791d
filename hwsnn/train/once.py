"""Networks whose neurons fire once: what a spike says is when it comes, and the first neuron of the last layer decides.

The code, the neurons and the readout are those of M. Mirsadeghi, M. Shalchian, S. R. Kheradpisheh, T. Masquelier,
"STiDi-BP: Spike time displacement based error backpropagation in multilayer spiking neural networks", Neurocomputing
2021, and of their "Spike time displacement based error backpropagation in convolutional spiking neural networks"
(arXiv 2108.13621): one spike a neuron, postsynaptic potentials that grow linearly, the time to the first spike. Only
their abstracts are read here. Their rule goes layer by layer, from a desired to the actual time of each spike, with a
linear approximation of how that moves with the membrane. What stands here is a rule of our own, end to end:

- With no leak in synaptic current and membrane, a spike at step t' adds w (t - t' + 1) to the membranes of step t: its
  weight times a ramp. So a layer needs one convolution of ramps a step and no recurrence; a pool of spikes, of which
  the earliest wins, is the pool of the membranes' maxima.
- That a neuron has fired by step t is a step function of its largest membrane so far. Backward, a triangle stands for
  the derivative (as in ``fire``), whose area turns a shift of the membrane into one of the spike's time: where the
  membrane rises by s a step, a triangle of area A has A / s steps in it, and the spike moves by 1 / s a unit.
- The loss is that of a race: each neuron of the last layer fires at each step with the probability that its membrane
  gives by a logistic function, and what is made small is -log of the probability that the neuron of the image's class
  fires first and alone. So times come apart, and ties are rare.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hwsnn.float_network import FloatConv, FloatLayer, FloatNeuron, FloatPopulation

from ..spec import EncoderKind
from .layers import Block, Layer, Pool
from .network import TrainableNetwork
from .once_vector import pooled_potentials
from .vector import fits

SHARPNESS = 4.0
"""Of the logistic function in the race: of a membrane in thresholds."""
FEW_FIRE = 0.2
"""The part of the last layer's neurons that fire at first: about the one that is right, and one more, of ten."""


class _Potentials(torch.autograd.Function):  # type: ignore[misc]  # PyTorch is untyped here
    """All the steps in one function, as in ``fire``."""

    @staticmethod
    def forward(ctx: Any, membranes: Tensor, threshold: float, width: float) -> Tensor:
        ramps, largest = torch.empty_like(membranes), torch.empty_like(membranes)
        for t, membrane in enumerate(membranes):
            if t == 0:
                largest[t] = membrane
            else:
                torch.maximum(largest[t - 1], membrane, out=largest[t])
            torch.gt(largest[t], threshold, out=ramps[t])
            if t > 0:
                ramps[t] += ramps[t - 1]
        ctx.save_for_backward(largest)
        ctx.threshold, ctx.reach = threshold, width * threshold
        return ramps

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (of_ramps,) = gradients
        (largest,) = ctx.saved_tensors
        of_membranes = torch.empty_like(of_ramps)
        of_fired = torch.zeros_like(of_ramps[0])  # a spike at step t is in the ramps of all steps from t on
        of_largest = torch.zeros_like(of_ramps[0])  # at this step, from later ones
        for t in range(len(largest) - 1, -1, -1):
            of_fired += of_ramps[t]
            triangle = (largest[t] - ctx.threshold).abs_().div_(-ctx.reach).add_(1).clamp_(min=0)
            of_largest.addcmul_(triangle, of_fired)
            if t == 0:
                of_membranes[t] = of_largest
                break
            torch.gt(largest[t], largest[t - 1], out=of_membranes[t])  # a new maximum
            of_membranes[t] *= of_largest
            of_largest -= of_membranes[t]
        return of_membranes, None, None


def potentials(membranes: Tensor, threshold: float, width: float) -> Tensor:
    """Postsynaptic potentials (T, N, ...) of weight 1 that neurons with these membranes (T, N, ...) cause.

    0 before the first step whose membrane is above ``threshold``, then 1, 2, 3. The triangle of the gradient reaches
    ``width`` thresholds to either side.
    """
    ramps: Tensor = _Potentials.apply(membranes, threshold, width)
    return ramps


class Once(nn.Module):  # type: ignore[misc]
    """Neurons that fire once: input currents (T, N, ...) to spikes (T, N, ...), without leaks.

    ``threshold``: of all, a buffer that ``settle`` sets. ``width``: of the gradient, as of ``potentials``.
    """

    threshold: Tensor

    def __init__(self, timesteps: int, width: float) -> None:
        super().__init__()
        self.timesteps, self.width = timesteps, width
        self.register_buffer("threshold", torch.ones(()))

    def potentials(self, membranes: Tensor, size: int) -> Tensor:
        """``potentials`` of the largest membranes of windows of that size: (T N, C, H, W) to (T N, C, H', W')."""
        threshold = float(self.threshold)
        if fits(membranes):
            return pooled_potentials(membranes, self.timesteps, threshold, self.width, size)
        largest = functional.max_pool2d(membranes, size) if size > 1 else membranes
        return potentials(largest.unflatten(0, (self.timesteps, -1)), threshold, self.width).flatten(0, 1)

    def forward(self, currents: Tensor) -> Tensor:
        ramps = potentials(currents.cumsum(0).cumsum(0), float(self.threshold), self.width)
        fired = ramps.diff(dim=0, prepend=torch.zeros_like(ramps[:1]))
        return fired.diff(dim=0, prepend=torch.zeros_like(fired[:1]))

    def exported(self, channels: int) -> FloatNeuron:
        """What ``hwsnn.quantize`` takes them for."""
        threshold = np.full(channels, float(self.threshold))
        return FloatNeuron(threshold, 1.0, "greater", "zero", alpha=1.0, once=True)

    def extra_repr(self) -> str:
        return f"timesteps={self.timesteps}, width={self.width}"


class Race(Once):
    """Neurons of a last layer, which fire once: input currents (T, N, ...) to scores (N, ...) of the readout ``first``.

    A score is the number of steps from the first spike on, 0 without a spike. In training, in its place: log of the
    probabilities (N, classes + 1) that each is the first to fire, and alone; last, that none is.
    """

    def forward(self, currents: Tensor) -> Tensor:
        return self.scores(currents.cumsum(0).cumsum(0))

    def scores(self, membranes: Tensor) -> Tensor:
        """The same, of membranes (T, N, ...)."""
        if not self.training:
            return potentials(membranes, float(self.threshold), self.width)[-1]
        above = SHARPNESS * (membranes.flatten(2).float() / self.threshold - 1)
        # Of one step: the logarithm of the odds of each neuron's spike, and of the probability that none fires.
        none = functional.logsigmoid(-above).sum(2, keepdim=True).cumsum(0)
        alone = torch.logsumexp(none + above, 0)
        rest = torch.log1p(-alone.exp().sum(1, keepdim=True).clamp(max=1 - 1e-6))
        return torch.cat((alone, rest), 1)


class FirstPool(Pool):
    """A pool that passes the earliest spike of each window alone.

    The ``or`` of neurons that fire once may spike at several steps. So a neuron of weight 1 follows that has no memory,
    and fires once.
    """

    def __init__(self, name: str, size: int, channels: int) -> None:
        super().__init__(name, size, "or")
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        fired = super().forward(x).cummax(0).values
        return fired.diff(dim=0, prepend=torch.zeros_like(fired[:1]))

    def exported(self, before: str) -> list[FloatLayer]:
        """As in ``FloatNetwork.layers``: the pool, and the neurons behind it."""
        name, channels = f"{self.name}_first", self.channels
        relay = FloatConv(name, np.ones((channels, 1, 1, 1)), groups=channels)
        neuron = FloatNeuron(np.full(channels, 0.5), 0.0, "greater", "zero", once=True)
        return [*super().exported(before), FloatPopulation(name, (relay,), np.zeros(channels), neuron)]


class FirstSpikeNetwork(TrainableNetwork):
    """A network whose neurons fire once, and whose class is that of the first neuron to do so: ``TrainableNetwork``.

    A pool's windows pass their earliest spike. It computes with ramps in place of spikes, and pools membranes: the
    spikes are the same (``tests/train/test_once.py``), and neurons behind a pool are a quarter of the work.
    """

    def __init__(self, notation: str, *, timesteps: int, width: float, encoding: EncoderKind = "latency") -> None:
        super().__init__(
            notation,
            timesteps=timesteps,
            encoding=encoding,
            neurons=lambda name: Once(timesteps, width),
            readout=Race(timesteps, width),
            scored="first",
        )
        if encoding in ("direct", "steps"):
            raise ValueError(f"encoding must make spikes, as latency does, not be {encoding!r}")
        for index, layer in enumerate(self.layers):
            if isinstance(layer, Block):
                raise ValueError(f"neurons that fire once cannot be added, as {layer.name} would")
            if isinstance(layer, Pool):
                if index == 0 or not isinstance(self.layers[index - 1], Layer):
                    raise ValueError(f"a pool must be behind a layer with weights, which {layer.name} is not")
                self.layers[index] = FirstPool(layer.name, layer.size, self.layers[index - 1].weights.out_channels)
        for layer in self.weighted():
            layer.norm = None
            layer.weights.bias = None  # it would grow with the square of time
            nn.init.kaiming_normal_(layer.weights.weight)
        self.to(memory_format=torch.channels_last)

    def ramps(self, images: Tensor) -> Tensor:
        """Potentials (T N, C, H, W) of weight 1 of the images' spikes."""
        ramps = self.inputs(images).cumsum(0).cumsum(0).flatten(0, 1)
        return ramps.contiguous(memory_format=torch.channels_last)

    def stages(self) -> list[tuple[Layer, int]]:
        """The layers with weights, each with the size of the windows of the pool behind it, or 1."""
        behind = (*self.layers, None)[1:]
        pairs = zip(self.layers, behind, strict=True)
        return [(a, b.size if isinstance(b, Pool) else 1) for a, b in pairs if isinstance(a, Layer)]

    def forward(self, images: Tensor) -> Tensor:
        ramps = self.ramps(images)
        *hidden, (last, _) = self.stages()
        for layer, size in hidden:
            ramps = layer.neurons.potentials(layer.weights(ramps), size)
        membranes = last.weights(ramps).unflatten(0, (self.timesteps, -1))
        return last.neurons.scores(membranes).flatten(1)


class Rates(nn.Module):  # type: ignore[misc]
    """The same weights as a network of rates, by which a ``FirstSpikeNetwork`` begins: images to scores (N, classes).

    A rate stands for how much of the T steps is left when a neuron fires: 1 if at once, 0 if never. Between layers it
    is the weighted sum, from 0 to 1, and a pool takes the largest.
    """

    def __init__(self, network: FirstSpikeNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        ramps = self.network.ramps(images)
        x = ramps[-len(images) :] / self.network.timesteps  # at the last step
        *hidden, last = self.network.layers
        for layer in hidden:
            x = functional.max_pool2d(x, layer.size) if isinstance(layer, Pool) else layer.weights(x).clamp(0, 1)
        scores: Tensor = last.weights(x).flatten(1)
        return scores


def settle(network: FirstSpikeNetwork, images: Tensor, part: float) -> None:
    """Set thresholds with which, on ``images``, that part of the neurons fire whose membranes are ever above 0.

    In the last layer it is a fifth of all. ``ValueError`` where there are no such neurons.
    """
    with torch.no_grad():
        ramps = network.ramps(images)
        for layer, size in network.stages():
            membranes = layer.weights(ramps)
            largest = membranes.unflatten(0, (network.timesteps, -1)).amax(0)
            if size > 1:
                largest = functional.max_pool2d(largest, size)
            layer.neurons.threshold.copy_(_threshold(layer, largest.flatten(), part))
            ramps = layer.neurons.potentials(membranes, size)


def _threshold(layer: Layer, largest: Tensor, part: float) -> Tensor:
    """The one for these largest membranes of the neurons of ``layer``."""
    last = isinstance(layer.neurons, Race)
    above = (largest if last else largest[largest > 0]).sort(descending=True).values
    count = round((FEW_FIRE if last else part) * len(above))
    if count == len(above) or above[count] <= 0:
        raise ValueError(f"layer {layer.name} must have membranes above 0 on these images to fire")
    return above[count]
