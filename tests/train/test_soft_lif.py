"""Soft leaky integrate-and-fire rates against the neurons that they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hwsnn.quantization.quantize import quantize
from hwsnn.reference import run
from hwsnn.spec import MaxPool

torch: Any = pytest.importorskip("torch")

from hwsnn.train.fire import fire  # noqa: E402  # they need PyTorch
from hwsnn.train.network import TrainableNetwork, export  # noqa: E402
from hwsnn.train.soft_lif import SoftNeurons, soft_network, soft_rate, spike_variance, with_spikes  # noqa: E402

BETAS = [0.75, 0.875, 0.9375]


def simulated(currents: Any, beta: float, timesteps: int) -> Any:
    """The spikes a step of the training's own neurons at constant currents, from v = 0."""
    return fire(currents.unsqueeze(0), timesteps, beta).mean(0)


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("timesteps", [16, 64, 1000])
def test_the_rate_is_that_of_the_neuron(beta: float, timesteps: int) -> None:
    """Within 1 / T, and the stairs that a neuron in lock with itself goes up in."""
    currents = torch.linspace(-1, 1.5, 5001, dtype=torch.float64)
    above = soft_rate(currents, beta, softness=1e-6) - simulated(currents, beta, timesteps)
    assert above.min() > -1e-3
    assert above.max() < 1 / timesteps + 1.02 * (1 - beta) / 2
    assert (soft_rate(currents, beta, 1e-6)[currents >= 1] == 1).all()


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("period", [1, 2, 3, 5, 8, 20])
def test_whole_periods_are_exact(beta: float, period: int) -> None:
    currents = torch.tensor([(1 - beta) / (1 - beta**period)], dtype=torch.float64)
    assert float(soft_rate(currents, beta, softness=1e-6)) == pytest.approx(1 / period, rel=1e-9)
    assert float(simulated(currents + 1e-9, beta, 30 * period)) == pytest.approx(1 / period, rel=1e-12)
    assert float(simulated(currents - 1e-9, beta, 30 * period)) < 1 / period


def steepest(softness: float) -> tuple[float, float]:
    currents = torch.linspace(-1, 1.5, 20001, dtype=torch.float64, requires_grad=True)
    soft_rate(currents, 0.875, softness).sum().backward()
    assert torch.isfinite(currents.grad).all()
    return float(currents.grad.max()), float(currents.grad[currents < 0.99].min())


def test_the_derivative_is_bounded_and_never_zero_below_the_largest_rate() -> None:
    """Without softness it grows beyond all bounds towards the least current that fires, and is zero below."""
    largest, least = steepest(0.02)
    assert largest < 1.5
    assert least > 0
    assert steepest(1e-4)[0] > 10 * largest


def test_extreme_currents_have_finite_rates_and_gradients() -> None:
    currents = torch.tensor([-1e4, -3.0, 0.0, 3.0, 1e4], requires_grad=True)
    rates = soft_rate(currents, 0.875, 0.01)
    rates.sum().backward()
    assert torch.isfinite(currents.grad).all()
    assert rates[0] < 0.01
    assert rates[-2:].tolist() == [1, 1]


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("period", [1, 2, 3, 7, 30])
def test_the_variance_is_that_of_a_filtered_spike_train(beta: float, period: int) -> None:
    timesteps = 40 * period
    seen, values = 0.0, []
    for t in range(400 + timesteps):
        seen = beta * seen + (1 - beta) * (t % period == 0)
        values.append(seen)
    settled = np.array(values[-timesteps:])
    assert settled.mean() == pytest.approx(1 / period, rel=1e-6)
    assert float(spike_variance(torch.tensor(1 / period, dtype=torch.float64), beta)) == pytest.approx(
        settled.var(), rel=1e-6, abs=1e-12
    )


def test_noise_is_there_in_training_alone_and_leaves_the_gradient() -> None:
    torch.manual_seed(0)
    neurons = SoftNeurons(beta=0.875, softness=0.02)
    currents = torch.full((100_000,), 0.3, requires_grad=True)
    noisy = neurons(currents)
    (with_noise,) = torch.autograd.grad(noisy.sum(), currents)
    rates = neurons.eval()(currents)
    (without,) = torch.autograd.grad(rates.sum(), currents)
    assert (rates == rates[0]).all()
    rate, variance = float(rates[0].detach()), float(spike_variance(rates[0].detach(), 0.875))
    assert float(noisy.detach().mean()) == pytest.approx(rate, abs=1e-3)
    assert float(noisy.detach().var()) == pytest.approx(variance, rel=0.05)
    assert torch.equal(with_noise, without)


def network_and_pixels() -> tuple[TrainableNetwork, Any]:
    torch.manual_seed(1)
    network = soft_network("1x10x9-4c3p-2s-6c3-8-5", beta=0.875, softness=0.002)
    for layer in network.weighted()[:-1]:
        assert layer.norm is not None
        torch.nn.init.uniform_(layer.norm.weight, 0.1, 0.3)
        torch.nn.init.uniform_(layer.norm.bias, 0.1, 0.4)
    x = torch.randint(0, 256, (60, 1, 10, 9)) / 255
    for _ in range(100):
        network(x)  # batch norms see their statistics
    return network.eval(), x


def test_neurons_put_in_place_fire_at_the_rates() -> None:
    network, x = network_and_pixels()
    spiking = with_spikes(network, timesteps=400)
    rates, spikes = network.inputs(x), spiking.inputs(x)
    with torch.no_grad():
        for soft, firing in zip(network.layers, spiking.layers, strict=True):
            rates, spikes = soft(rates), firing(spikes)
            if soft is not network.layers[-1]:
                assert 0.05 < spikes.mean() < 0.95
                assert (spikes.mean(0) - rates[0]).mean().abs() < 0.04
                assert torch.corrcoef(torch.stack([spikes.mean(0).flatten(), rates.flatten()]))[0, 1] > 0.9
        assert torch.corrcoef(torch.stack([spikes.flatten(), rates.flatten()]))[0, 1] > 0.97
    assert not spiking.training


def test_the_integer_network_is_the_spiking_one_but_for_rounding() -> None:
    network, x = network_and_pixels()
    spiking = with_spikes(network, 16)
    built, _ = quantize(export(spiking, "net"), timesteps=16, encoding="direct")
    assert isinstance(built.layers[1], MaxPool)
    assert built.layers[1].mode == "winner"
    result = run(built, np.rint(x.numpy() * 255).astype(np.uint8), trace=True)
    with torch.no_grad():
        spikes, scores = spiking.inputs(x), spiking(x)
        for layer in spiking.layers[:-1]:
            spikes = layer(spikes)
            exact = result.spikes[layer.name].transpose(1, 0, 2, 3, 4)
            assert 0.05 < spikes.mean() < 0.95
            assert abs(spikes.mean(0).numpy() - exact.mean(0)).mean() < 0.05
    assert (result.scores.argmax(1) == scores.argmax(1).numpy()).mean() > 0.9
