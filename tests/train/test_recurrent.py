"""Recurrent neurons: their steps, their gradients, and the integer network that is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hwsnn.float_network import FloatPopulation
from hwsnn.quantization.quantize import quantize
from hwsnn.reference import run

torch: Any = pytest.importorskip("torch")

from hwsnn.train.layers import Integrators  # noqa: E402  # they need PyTorch
from hwsnn.train.network import TrainableNetwork, export  # noqa: E402
from hwsnn.train.recurrent import RecurrentNeurons, fire_recurrent  # noqa: E402
from tests.support.surrogate import Spike  # noqa: E402

TIMESTEPS, INPUTS, NEURONS, CLASSES = 4, 6, 5, 3


def step_by_step(currents: Any, weight: Any, beta: float, alpha: float) -> Any:
    """The equations of ``docs/numerics.md``, left to autograd."""
    s = v = n = torch.zeros_like(currents[0])
    spikes = []
    for current in currents:
        s = alpha * s + current + n @ weight.t()
        u = beta * v + s
        n = Spike.apply(u)
        v = u - n
        spikes.append(n)
    return torch.stack(spikes)


@pytest.mark.parametrize(("beta", "alpha"), [(0.5, 0.0), (0.9, 0.5), (1.0, 1.0), (0.0, 0.25)])
def test_steps_and_gradients(beta: float, alpha: float) -> None:
    torch.manual_seed(0)
    currents = torch.randn(7, 3, 5, dtype=torch.double, requires_grad=True)
    weight = torch.randn(5, 5, dtype=torch.double, requires_grad=True)
    spikes, expected = (steps(currents, weight, beta, alpha) for steps in (fire_recurrent, step_by_step))
    assert torch.equal(spikes, expected)
    assert 0.1 < spikes.mean() < 0.9
    loss = torch.randn(7, 3, 5, dtype=torch.double)
    gradients, by_autograd = (
        torch.autograd.grad((made * loss).sum(), (currents, weight)) for made in (spikes, expected)
    )
    for found, wanted in zip(gradients, by_autograd, strict=True):
        assert wanted.abs().max() > 0.1
        assert torch.allclose(found, wanted)


def test_weights_of_another_shape_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"must be \(channels, channels\) for currents .*, not \(5, 4\) for \(2, 3, 5\)"
    ):
        fire_recurrent(torch.zeros(2, 3, 5), torch.zeros(5, 4), 0.5)


def recurrent(beta: float, alpha: float) -> TrainableNetwork:
    """Weights and biases that are whole 64ths, with 127 the largest integer of every channel: quantized exactly."""
    network = TrainableNetwork(
        f"{INPUTS}x1x1-{NEURONS}-{CLASSES}",
        timesteps=TIMESTEPS,
        encoding="steps",
        neurons=lambda name: RecurrentNeurons(NEURONS, beta, alpha),
        readout=Integrators(TIMESTEPS, 1.0),
    )
    generator = np.random.default_rng(2)

    def whole(*shape: int) -> Any:
        weight = generator.integers(-127, 128, shape)
        weight[:, 0] = 127
        return torch.tensor(weight[:, :, None, None] / 64)

    hidden, last = network.weighted()
    hidden.norm = None
    hidden.weights.weight.data = whole(NEURONS, INPUTS)
    hidden.weights.bias = torch.nn.Parameter(torch.tensor(generator.integers(-32, 64, NEURONS) / 64))
    hidden.neurons.recurrent.data = whole(NEURONS, NEURONS)
    last.weights.weight.data = whole(CLASSES, NEURONS)
    last.weights.bias.data = torch.tensor(generator.integers(-32, 64, CLASSES) / 64)
    network.eval()
    return network


@pytest.mark.parametrize(("beta", "alpha"), [(1.0, 0.0), (0.5, 0.0), (1.0, 1.0), (0.0, 0.5)])
def test_only_rounding_divides_floats_from_integers(beta: float, alpha: float) -> None:
    """Where nothing needs rounding, every spike and score of the integer network is the trained network's."""
    network = recurrent(beta, alpha)
    built, _ = quantize(export(network, "net"), pixel_bits=1)
    values = np.random.default_rng(3).integers(0, 2, (60, TIMESTEPS, INPUTS, 1, 1), np.uint8)
    result = run(built, values, trace=True)
    x = torch.tensor(values, dtype=torch.float64)
    with torch.no_grad():
        scores = network(x).numpy()
        spikes = network.layers[0](network.inputs(x)).transpose(0, 1).numpy()
    assert 0.1 < spikes.mean() < 0.9
    assert np.array_equal(result.spikes["dense1"], spikes)
    assert np.array_equal(result.scores, scores * 64)


def test_own_spikes_are_a_projection_a_step_late() -> None:
    layer = export(recurrent(0.5, 0.25), "net").layers[0]
    assert isinstance(layer, FloatPopulation)
    forward, back = layer.projections
    assert (forward.source, forward.delay) == (None, 0)
    assert (back.source, back.delay) == ("dense1", 1)
    assert back.weight.shape == (NEURONS, NEURONS, 1, 1)
    assert (layer.neuron.beta, layer.neuron.alpha) == (0.5, 0.25)
