"""A bias for each time step, as far as the hardware has one: an initial membrane beside the bias of every step.

In few steps the errors of a converted network differ from step to step, and so should the biases that make up for them:
X. Wu, V. Bojkovic, B. Gu, K. Suo, K. Zou, "FTBC: Forward Temporal Bias Correction for Optimizing ANN-SNN Conversion",
ECCV 2024, of which the abstract is read here. The hardware adds the same bias b at every step, and its membranes start
at any v0. Where nothing leaks, v0 is an input of the first step alone, so the two are the biases b + v0 of the first
step and b of the others: one for each of two steps, and of three or more the first one's and one for the rest.

How they are found is ours: down a gradient, with the weights (``hwsnn.train.convert``).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from hwsnn.float_network import FloatNeuron

from .layers import Neurons


class BiasedNeurons(Neurons):
    """Integrate-and-fire neurons with reset by subtraction, whose first step has a further bias per channel.

    ``initial``: (channels,), that bias, in thresholds; a parameter, 0 at first.
    """

    def __init__(self, timesteps: int, channels: int) -> None:
        super().__init__(timesteps, beta=1.0)
        self.initial = nn.Parameter(torch.zeros(channels))

    def forward(self, currents: Tensor) -> Tensor:
        others = torch.zeros(self.timesteps - 1, len(self.initial), device=currents.device)
        biases = torch.cat([self.initial.unsqueeze(0), others]).to(currents.dtype)
        return super().forward(currents + biases.view(self.timesteps, 1, -1, 1, 1))

    def exported(self, channels: int) -> FloatNeuron:
        """As of ``Neurons``: with membranes that start at the further bias."""
        initial = np.asarray(self.initial.detach().cpu().numpy(), np.float64)
        return replace(super().exported(channels), initial=initial)
