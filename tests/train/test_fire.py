"""Neurons in training: the steps of docs/numerics.md, and gradients as autograd would find them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")

from hwsnn.train.fire import fire, integrate  # noqa: E402  # they need PyTorch
from tests.support.surrogate import Spike  # noqa: E402


def step_by_step(currents: Any, timesteps: int, beta: float, reset: str) -> Any:
    v, spikes = torch.zeros_like(currents[0]), []
    for t in range(timesteps):
        u = beta * v + currents[t if len(currents) > 1 else 0]
        spike = Spike.apply(u)
        v = u - spike if reset == "subtract" else u * (1 - spike)
        spikes.append(spike)
    return torch.stack(spikes)


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("steps", "timesteps"), [(4, 4), (1, 4), (1, 1)])
def test_spikes_and_gradients_are_those_of_single_steps(reset: Any, beta: float, steps: int, timesteps: int) -> None:
    torch.manual_seed(0)
    values = torch.randn(steps, 3, 50, dtype=torch.float64) + 0.5
    weights = torch.randn(timesteps, 3, 50, dtype=torch.float64)
    results = []
    for function in (fire, step_by_step):
        currents = values.clone().requires_grad_()
        spikes = function(currents, timesteps, beta, reset)
        (spikes * weights).sum().backward()
        results.append((spikes.detach(), currents.grad))
    assert 0.1 < results[0][0].mean() < 0.9
    assert torch.equal(results[0][0], results[1][0])
    assert torch.allclose(results[0][1], results[1][1], rtol=1e-12, atol=1e-12)
    assert (results[0][1] != 0).any()


def test_integrators_sum_what_leaks() -> None:
    currents = torch.tensor([[1.0, -2.0], [4.0, 0.0], [0.5, 1.0]])
    assert integrate(currents, 3, 0.5).tolist() == [0.5 + 0.5 * (4 + 0.5 * 1), 1 + 0.5 * (0 + 0.5 * -2)]
    assert integrate(currents[:1], 3, 0.5).tolist() == [1.75, -3.5]


@pytest.mark.parametrize("function", [fire, integrate])
def test_as_many_currents_as_steps(function: Any) -> None:
    with pytest.raises(ValueError, match="currents must be of 3 steps, or of one for all, not of 2"):
        function(torch.zeros(2, 1), 3, 0.5)


def test_a_spike_needs_more_than_the_threshold() -> None:
    just = torch.tensor([[1.0, np.nextafter(1.0, 2.0)]], dtype=torch.float64)
    assert fire(just, 1, 0.5).tolist() == [[0.0, 1.0]]
