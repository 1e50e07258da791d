"""Tandem learning: the spiking network's scores, and the gradient of the network of rates at its spike counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hwsnn.quantization.quantize import quantize
from hwsnn.reference import run
from hwsnn.spec import EncoderKind

torch: Any = pytest.importorskip("torch")

from hwsnn.train.initialize import initialize  # noqa: E402  # they need PyTorch
from hwsnn.train.layers import Layer  # noqa: E402
from hwsnn.train.network import TrainableNetwork, export, spiking  # noqa: E402
from hwsnn.train.tandem import Tandem  # noqa: E402

SMALL, TIMESTEPS = "2x9x8-4c3p-2s-5c3-6-3", 6


def pixels(count: int) -> Any:
    generator = np.random.default_rng(1)
    return torch.tensor(generator.integers(0, 256, (count, 2, 9, 8)), dtype=torch.float64) / 255


def network_of(encoding: EncoderKind) -> TrainableNetwork:
    torch.manual_seed(2)
    network = spiking(SMALL, timesteps=TIMESTEPS, beta=1.0, encoding=encoding)
    network.double()
    initialize(network, pixels(40), 0.3)
    for layer in network.weighted():
        torch.nn.init.uniform_(layer.weights.bias, -0.1, 0.2)
    return network


@pytest.mark.parametrize("encoding", ["direct", "uniform"])
def test_the_scores_are_those_of_the_spiking_network(encoding: EncoderKind) -> None:
    network = network_of(encoding)
    with torch.no_grad():
        assert torch.allclose(Tandem(network)(pixels(9)) * TIMESTEPS, network(pixels(9)), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("encoding", ["direct", "uniform"])
def test_the_gradient_is_that_of_rates_at_the_spike_counts(encoding: EncoderKind) -> None:
    """Every layer of rates by itself, at the rates of the spikes that reach it, and the chain rule by hand."""
    network, x = network_of(encoding), pixels(9)
    weights = torch.randn(9, 3, dtype=torch.float64)
    (Tandem(network)(x) * weights).sum().backward()
    found = [parameter.grad.clone() for parameter in network.parameters()]
    network.zero_grad()
    spikes = network.inputs(x)
    taken = []
    with torch.no_grad():
        for layer in network.layers:
            taken.append(spikes.mean(0))
            spikes = layer(spikes)
    gradient = weights[:, :, None, None]
    clipped = 0
    for layer, rates in zip(reversed(network.layers), reversed(taken), strict=True):
        rates.requires_grad_()
        if not isinstance(layer, Layer):
            given = torch.nn.functional.max_pool2d(rates, layer.size)
        else:
            given = layer.weights(rates)
            if layer is not network.layers[-1]:
                clipped += int(((given < 0) | (given > 1)).sum())
                given = given.clamp(0, 1)
        given.backward(gradient)
        gradient = rates.grad
    assert clipped > 100
    for one, other in zip(found, network.parameters(), strict=True):
        assert (one != 0).any()
        assert torch.allclose(one, other.grad, rtol=1e-9, atol=1e-9)


def test_it_learns() -> None:
    """Which third of an image is bright; rates alone do not say how spikes add up in few steps."""
    torch.manual_seed(3)
    network = spiking("9x9-6c3-2s-20-3", timesteps=4, beta=1.0)
    third = torch.arange(300) % 3
    x = torch.rand(300, 1, 9, 9) * 0.5
    for image, rows in zip(x, third, strict=True):
        image[:, 3 * rows : 3 * rows + 3] += 0.2
    initialize(network, x, 0.3)
    tandem = Tandem(network)
    optimizer = torch.optim.Adam(tandem.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(tandem(x), third).backward()
        optimizer.step()
    assert (network(x).argmax(1) == third).float().mean() > 0.95


def test_the_integer_network_is_the_trained_one() -> None:
    """Weights and biases that are whole 64ths, 127 the largest of every channel, need no rounding."""
    network, generator = network_of("direct"), np.random.default_rng(4)
    for layer in network.weighted():
        weight = generator.integers(-127, 128, tuple(layer.weights.weight.shape))
        weight[:, 0, 0, 0] = 127
        layer.weights.weight.data = torch.tensor(weight / 64)
        layer.weights.bias.data = torch.tensor(generator.integers(0, 128, len(weight)) / 64)
    built, _ = quantize(export(network, "net"), timesteps=TIMESTEPS, encoding="direct")
    x = pixels(30)
    result = run(built, np.rint(x.numpy() * 255).astype(np.uint8), trace=True)
    assert 0.05 < result.spikes["dense1"].mean() < 0.95
    with torch.no_grad():
        assert np.array_equal(result.scores, np.rint(Tandem(network)(x).numpy() * TIMESTEPS * 64))


def test_neurons_must_not_leak_and_layers_not_be_normed() -> None:
    leaky = network_of("direct")
    leaky.weighted()[1].neurons.beta = 0.5
    with pytest.raises(ValueError, match="needs neurons without leak; layer conv2 has some with"):
        Tandem(leaky)
    with pytest.raises(ValueError, match="needs layers without batch norm; layer conv1 has one"):
        Tandem(spiking(SMALL, timesteps=2, beta=1.0))
