"""Leaky integrate-and-fire neurons as rates, softened and noisy: what a network to run with such neurons trains with.

E. Hunsberger and C. Eliasmith, "Training Spiking Deep Networks for Neuromorphic Hardware", arXiv 1611.05141, 2016, and
"Spiking Deep Networks with LIF Neurons", arXiv 1510.08829, 2015. Their neuron lives in continuous time; here is that of
``docs/numerics.md``, u = beta v + I, with threshold 1 and reset by subtraction, which keeps what a step overshoots.

Its rate at a constant current. From v = 0, n steps make u = I (1 - beta^n) / (1 - beta), so a spike every n steps takes
I = (1 - beta) / (1 - beta^n). Solved for r = 1 / n, with j = I - (1 - beta), what the current has above the least that
ever fires, this is

    r = -ln(beta) / ln(1 + (1 - beta) / j),    and 1 from I = 1 on.

It is their equation without a refractory time. Between the currents of whole periods a neuron falls into lock with
itself, and its rate goes up in stairs; they lie below r by at most about (1 - beta) / 2.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import Integrators, Neurons
from .network import TrainableNetwork

LEAST = 1e-30
"""Below this j, where the softplus underflows, the rate counts as flat."""


def soft_rate(currents: Tensor, beta: float, softness: float) -> Tensor:
    """Spikes a step, from 0 to 1, at constant currents, with ``softness`` times softplus(j / ``softness``) for j.

    ``beta`` lies between 0 and 1. With j alone the derivative has no bound above j = 0; with this it has, and is not
    zero below. The smaller ``softness`` (in units of the threshold), the nearer to the neuron's own rate.
    """
    above = softness * functional.softplus((currents - (1 - beta)) / softness)
    above = above.clamp(min=LEAST)
    rates = -math.log(beta) / (torch.log(above + (1 - beta)) - torch.log(above))
    return rates.clamp(max=1)


def spike_variance(rates: Tensor, beta: float) -> Tensor:
    """The variance, around its rate, of a regular spike train as a membrane of leak ``beta`` sees it.

    That is (1 - beta) times the sum of beta^k s(t - k) over k >= 0. With a spike every n = 1 / r steps it goes through
    (1 - beta) beta^i / (1 - beta^n), i = 0 ... n - 1; their mean is r, the mean of their squares
    r (1 - beta) / (1 + beta) * (1 + beta^n) / (1 - beta^n).
    """
    decayed = beta ** (1 / rates.clamp(min=1e-6))
    squares = rates * ((1 - beta) / (1 + beta)) * (1 + decayed) / (1 - decayed)
    return (squares - rates.square()).clamp(min=0)


class SoftNeurons(nn.Module):  # type: ignore[misc]  # PyTorch is untyped here
    """Currents to soft rates, in training with normal noise of the variance that spikes would have in their place.

    Rates with noise may lie outside 0 to 1, as what a membrane sees of spikes does. The gradient ignores the noise.
    """

    def __init__(self, beta: float, softness: float) -> None:
        super().__init__()
        self.beta, self.softness = beta, softness

    def forward(self, currents: Tensor) -> Tensor:
        rates = soft_rate(currents.float(), self.beta, self.softness)
        if not self.training:
            return rates
        return rates + torch.randn_like(rates) * spike_variance(rates.detach(), self.beta).sqrt()

    def extra_repr(self) -> str:
        return f"beta={self.beta}, softness={self.softness}"


def soft_network(notation: str, *, beta: float, softness: float) -> TrainableNetwork:
    """A network of soft rates, direct encoding, whose last layer sums its inputs. Pools take the largest rate."""
    return TrainableNetwork(
        notation,
        timesteps=1,
        neurons=lambda name: SoftNeurons(beta, softness),
        readout=Integrators(timesteps=1, beta=1.0),
        pool="winner",
    )


def with_spikes(network: TrainableNetwork, timesteps: int) -> TrainableNetwork:
    """The ``soft_network`` with its neurons in place of their rates, as it is then: running, not training.

    The last layer leaks as the others do, and so forgets the first steps, in which rates have not settled: its scores
    are about 1 / (1 - beta) times those of the rates.
    """
    beta = network.weighted()[0].neurons.beta
    spiking = TrainableNetwork(
        network.notation,
        timesteps=timesteps,
        neurons=lambda name: Neurons(timesteps, beta),
        readout=Integrators(timesteps, beta),
        pool="winner",
    )
    spiking.load_state_dict(network.state_dict())
    spiking.eval()
    return spiking
