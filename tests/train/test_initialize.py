"""First weights: every layer of a deep network fires as often as asked, and gradients come back to the first one."""

from __future__ import annotations

from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")

from hwsnn.train.initialize import initialize  # noqa: E402  # it needs PyTorch
from hwsnn.train.network import TrainableNetwork, spiking  # noqa: E402
from hwsnn.train.quantized import fold_norms  # noqa: E402

DEEP = "2x12x12-8c3p-8c3p-2s-12c3p-12c3p-2s-40-40-5"
RATE = 0.25


@pytest.fixture
def images() -> Any:
    """Sparse ones, as those of digits are."""
    torch.manual_seed(0)
    return torch.rand(200, 2, 12, 12) * (torch.rand(200, 2, 12, 12) < 0.3)


def rates(network: TrainableNetwork, images: Any) -> list[float]:
    """The spikes a neuron and step of the layers with weights but the last."""
    found = []
    x = network.inputs(images)
    with torch.no_grad():
        for layer in network.layers:
            x = layer(x)
            if layer in network.weighted()[:-1]:
                found.append(float(x.mean()))
    return found


def first_gradient(network: TrainableNetwork, images: Any) -> float:
    torch.nn.functional.cross_entropy(network(images), torch.arange(len(images)) % 5).backward()
    return float(network.weighted()[0].weights.weight.grad.norm())


@pytest.mark.parametrize(("timesteps", "beta"), [(1, 0.5), (4, 0.5), (4, 1.0)])
def test_six_layers_fire_as_often_as_asked(images: Any, timesteps: int, beta: float) -> None:
    network = spiking(DEEP, timesteps=timesteps, beta=beta)
    initialize(network, images[:100], RATE)
    assert all(layer.norm is None for layer in network.weighted())
    assert rates(network, images[:100]) == pytest.approx([RATE] * 6, abs=0.01)
    assert rates(network, images[100:]) == pytest.approx([RATE] * 6, abs=0.05)  # others than those it measured
    assert float(network(images[:100]).detach().std()) == pytest.approx(1, rel=1e-4)
    assert first_gradient(network, images) > 1e-2


def test_pytorch_s_own_first_weights_leave_the_last_layers_silent(images: Any) -> None:
    torch.manual_seed(1)
    network = spiking(DEEP, timesteps=4, beta=0.5)
    fold_norms(network)
    assert rates(network, images)[-1] == 0
    assert first_gradient(network, images) == 0


def test_the_same_seed_gives_the_same_weights(images: Any) -> None:
    networks = [spiking(DEEP, timesteps=2, beta=0.5) for _ in range(2)]
    for network in networks:
        torch.manual_seed(2)
        initialize(network, images, RATE)
    one, other = (network.state_dict() for network in networks)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_black_images_make_nothing_fire(images: Any) -> None:
    network = spiking(DEEP, timesteps=2, beta=0.5)
    with pytest.raises(ValueError, match=r"layer conv1 cannot fire 0\.25 spikes a neuron and step"):
        initialize(network, images * 0, RATE)
