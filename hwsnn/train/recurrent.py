"""Recurrent leaky integrate-and-fire neurons with synaptic currents: T steps, with a surrogate gradient through time.

The neuron is that of ``docs/numerics.md`` with its own spikes of the step before as a further input, all to all:

    s(t) = alpha s(t-1) + I(t) + R n(t-1),   u(t) = beta v(t-1) + s(t),   n(t) = 1 where u(t) > 1,   v(t) = u(t) - n(t)

from s = v = n = 0; without a synaptic current alpha is 0. Backpropagation through time with the triangle of
``hwsnn.train.fire`` in place of the spike's derivative (Wu et al., Frontiers in Neuroscience 12:331, 2018); recurrent
spiking networks trained so: G. Bellec, D. Salaj, A. Subramoney, R. Legenstein, W. Maass, "Long short-term memory and
learning-to-learn in networks of spiking neurons", NeurIPS 2018. The gradient runs through the recurrent weights and
through the reset.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hwsnn.float_network import FloatDense, FloatNeuron

from .fire import THRESHOLD


class _FireRecurrent(torch.autograd.Function):  # type: ignore[misc]  # PyTorch is untyped here
    """All the steps in one function, as in ``hwsnn.train.fire``; the gradient of the weights is one product for all."""

    @staticmethod
    def forward(ctx: Any, currents: Tensor, weight: Tensor, beta: float, alpha: float) -> Tensor:
        spikes = torch.empty_like(currents)
        before_reset = torch.empty_like(currents)
        transposed = weight.t()
        synaptic = torch.zeros_like(currents[0])
        v = torch.zeros_like(synaptic)
        for t, current in enumerate(currents):
            if t:
                current = torch.addmm(current, spikes[t - 1], transposed)
            synaptic = torch.add(current, synaptic, alpha=alpha)
            u = torch.add(synaptic, v, alpha=beta, out=before_reset[t])
            spike = torch.gt(u, THRESHOLD, out=spikes[t])
            v = u - spike
        ctx.save_for_backward(spikes, before_reset, weight)
        ctx.beta, ctx.alpha = beta, alpha
        return spikes

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (of_spikes,) = gradients
        spikes, before_reset, weight = ctx.saved_tensors
        slope = (before_reset - THRESHOLD).abs_().neg_().add_(1).clamp_(min=0)
        of_currents = torch.empty_like(of_spikes)
        last = len(of_spikes) - 1
        of_v = torch.zeros_like(of_spikes[0])  # of the membrane after the reset, from the step after
        for t in range(last, -1, -1):
            of_spike = of_spikes[t]
            if t < last:
                of_spike = torch.addmm(of_spike, of_currents[t + 1], weight)
            of_u = torch.addcmul(of_v, slope[t], of_spike - of_v)
            if t < last:
                torch.add(of_u, of_currents[t + 1], alpha=ctx.alpha, out=of_currents[t])
            else:
                of_currents[t] = of_u
            of_v = of_u.mul_(ctx.beta)
        of_weight = of_currents[1:].flatten(0, 1).t() @ spikes[:-1].flatten(0, 1)
        return of_currents, of_weight, None, None


def fire_recurrent(currents: Tensor, weight: Tensor, beta: float, alpha: float = 0.0) -> Tensor:
    """Spikes (T, N, channels), 0.0 or 1.0, of neurons with these input currents (T, N, channels) and their own spikes.

    ``weight``: (channels, channels), from the spikes of the step before (its columns) to currents. ``beta`` and
    ``alpha``: the decays of the membrane and of the synaptic current, 0 to 1; ``alpha`` 0 is none.
    """
    if currents.ndim != 3 or weight.shape != (currents.shape[2],) * 2:
        raise ValueError(
            f"recurrent weights must be (channels, channels) for currents (T, N, channels), not {tuple(weight.shape)} "
            f"for {tuple(currents.shape)}"
        )
    spikes: Tensor = _FireRecurrent.apply(currents, weight, beta, alpha)
    return spikes


class RecurrentNeurons(nn.Module):  # type: ignore[misc]  # PyTorch is untyped here
    """A fully connected layer's recurrent neurons: currents (T, N, channels, 1, 1) to spikes of that shape.

    ``recurrent``: (channels, channels, 1, 1), the weights of their own spikes. ``beta`` and ``alpha`` as of
    ``fire_recurrent``.
    """

    def __init__(self, channels: int, beta: float, alpha: float = 0.0) -> None:
        super().__init__()
        self.beta, self.alpha = beta, alpha
        self.recurrent = nn.Parameter(torch.empty(channels, channels, 1, 1))
        nn.init.orthogonal_(self.recurrent[:, :, 0, 0].data, gain=0.2)

    def forward(self, currents: Tensor) -> Tensor:
        spikes = fire_recurrent(currents.flatten(2), self.recurrent.flatten(1), self.beta, self.alpha)
        return spikes.view_as(currents)

    def extra_repr(self) -> str:
        return f"channels={len(self.recurrent)}, beta={self.beta}, alpha={self.alpha}"

    def exported(self, channels: int) -> FloatNeuron:
        """The neurons in floats, without their recurrent weights."""
        alpha = self.alpha or None
        return FloatNeuron(np.full(channels, THRESHOLD), self.beta, "greater", "subtract", alpha=alpha)

    def feedback(self, layer: str) -> FloatDense:
        """The recurrent weights in floats, as a projection of the layer of that name."""
        weight = np.asarray(self.recurrent.detach().cpu().numpy(), np.float64)
        return FloatDense(layer, weight, source=layer, delay=1)
