"""A leaky integrate-and-fire neuron's T steps, with a surrogate gradient through time.

Spatio-temporal backpropagation: Y. Wu, L. Deng, G. Li, J. Zhu, L. Shi, "Spatio-Temporal Backpropagation for Training
High-Performance Spiking Neural Networks", Frontiers in Neuroscience 12:331, 2018. The derivative of the spike is
replaced by a triangle, 1 at the threshold and 0 from one threshold away on (S. K. Esser et al., "Convolutional networks
for fast, energy-efficient neuromorphic computing", PNAS 113(41), 2016).
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

FiringReset: TypeAlias = Literal["subtract", "zero"]

THRESHOLD = 1.0
"""Every neuron's in training: another one would only scale its weights."""


class _Fire(torch.autograd.Function):  # type: ignore[misc]  # PyTorch is untyped here
    """All the steps in one function: autograd would keep every intermediate tensor, and take half as long again."""

    @staticmethod
    def forward(ctx: Any, currents: Tensor, timesteps: int, beta: float, reset: FiringReset) -> Tensor:
        once = len(currents) == 1
        spikes = torch.empty((timesteps, *currents.shape[1:]), dtype=currents.dtype, device=currents.device)
        before_reset: list[Tensor] = []
        v = None
        for t in range(timesteps):
            current = currents[0 if once else t]
            u = current if v is None else torch.add(current, v, alpha=beta)
            spike = torch.gt(u, THRESHOLD, out=spikes[t])
            v = u - spike if reset == "subtract" else u * (1 - spike)
            before_reset.append(u)
        ctx.save_for_backward(*before_reset)
        ctx.beta, ctx.reset, ctx.once = beta, reset, once
        return spikes

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (of_spikes,) = gradients
        before_reset = ctx.saved_tensors
        last = len(before_reset) - 1
        shape = (1 if ctx.once else last + 1, *of_spikes.shape[1:])
        of_currents = torch.empty(shape, dtype=of_spikes.dtype, device=of_spikes.device)
        of_v = None  # of the membrane after the reset, from the step after
        for t in range(last, -1, -1):
            u = before_reset[t]
            of_u = (u - THRESHOLD).abs_().neg_().add_(1).clamp_(min=0)
            if of_v is None:
                of_u *= of_spikes[t]
            elif ctx.reset == "subtract":
                of_u.mul_(of_spikes[t] - of_v).add_(of_v)
            else:
                of_u.mul_(of_spikes[t] - of_v * u).add_(of_v * (u <= THRESHOLD))
            if ctx.once and t < last:
                of_currents[0] += of_u
            else:
                of_currents[0 if ctx.once else t] = of_u
            of_v = of_u.mul_(ctx.beta)
        return of_currents, None, None, None


def fire(currents: Tensor, timesteps: int, beta: float, reset: FiringReset = "subtract") -> Tensor:
    """Spikes (T, N, ...), 0.0 or 1.0, of neurons with these input currents (T, N, ...) or, at every step, (1, N, ...).

    From v = 0: u = beta v + I, a spike where u > 1, then v = u - spike (``subtract``), or 0 where it spiked (``zero``).
    """
    if len(currents) not in (1, timesteps):
        raise ValueError(f"currents must be of {timesteps} steps, or of one for all, not of {len(currents)}")
    spikes: Tensor = _Fire.apply(currents, timesteps, beta, reset)
    return spikes


def integrate(currents: Tensor, timesteps: int, beta: float) -> Tensor:
    """The membranes (N, ...) after the last step of neurons that never fire, for currents as those of ``fire``."""
    if len(currents) not in (1, timesteps):
        raise ValueError(f"currents must be of {timesteps} steps, or of one for all, not of {len(currents)}")
    currents = currents.expand(timesteps, *currents.shape[1:])
    v = currents[0]
    for current in currents[1:]:
        v = beta * v + current
    return v
