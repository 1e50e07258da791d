"""Neurons whose first step has a bias of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")

from hwsnn.train.fire import fire  # noqa: E402  # they need PyTorch
from hwsnn.train.temporal_bias import BiasedNeurons  # noqa: E402

CURRENTS, BIAS = (5, 3, 2, 2), (0.25, -0.5, 0.75)


def biased(timesteps: int) -> BiasedNeurons:
    """Neurons of three channels."""
    neurons = BiasedNeurons(timesteps, len(BIAS))
    neurons.initial.data.copy_(torch.tensor(BIAS))
    return neurons


def test_two_steps_have_a_bias_each() -> None:
    torch.manual_seed(0)
    currents = torch.randint(-8, 9, (2, *CURRENTS)) / 8
    by_step = torch.tensor([[0.5, 0.25, -0.25], [0.125, 0.75, -1.0]])  # of the first and the second step
    neurons = BiasedNeurons(2, 3)
    neurons.initial.data.copy_(by_step[0] - by_step[1])
    wanted = fire(currents + by_step.view(2, 1, 3, 1, 1), 2, beta=1.0)
    assert torch.equal(neurons(currents + by_step[1].view(-1, 1, 1)), wanted)
    assert 0.1 < float(wanted.mean()) < 0.9


@pytest.mark.parametrize("steps", [1, 4])
def test_membranes_start_at_the_bias(steps: int) -> None:
    torch.manual_seed(0)
    currents = torch.randint(-8, 9, (steps, *CURRENTS)) / 8
    v = torch.tensor(BIAS).view(-1, 1, 1).expand(CURRENTS).clone()
    wanted = []
    for t in range(4):
        v += currents[t if steps > 1 else 0]
        wanted.append((v > 1).float())
        v -= wanted[-1]
    assert torch.equal(biased(4)(currents), torch.stack(wanted))


def test_the_bias_learns_from_spikes() -> None:
    neurons = biased(2)
    neurons(torch.full((2, *CURRENTS), 0.5)).sum().backward()
    assert (neurons.initial.grad > 0).all()


def test_exported_neurons_start_at_the_bias() -> None:
    exported = biased(2).exported(3)
    assert exported.initial is not None
    assert np.array_equal(exported.initial, BIAS)
    assert (exported.beta, exported.reset, exported.compare) == (1.0, "subtract", "greater")
    assert np.array_equal(exported.threshold, [1, 1, 1])
