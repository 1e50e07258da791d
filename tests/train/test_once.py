"""Neurons that fire once: their spikes are those of the integer network, and times and races have their gradients."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from hwsnn.quantization.quantize import quantize
from hwsnn.reference import run

torch: Any = pytest.importorskip("torch")

from hwsnn.train.network import TrainableNetwork, export  # noqa: E402  # they need PyTorch
from hwsnn.train.once import SHARPNESS, FirstSpikeNetwork, Once, Race, Rates, potentials, settle  # noqa: E402
from hwsnn.train.quantized import round_weights  # noqa: E402

SMALL, TIMESTEPS = "2x9x8-4c3p-2s-5c3-6-3", 6


def pixels(count: int) -> Any:
    generator = np.random.default_rng(1)
    return torch.tensor(generator.integers(0, 256, (count, 2, 9, 8)), dtype=torch.float64) / 255


def network_of(part: float = 0.7) -> FirstSpikeNetwork:
    torch.manual_seed(2)
    network = FirstSpikeNetwork(SMALL, timesteps=TIMESTEPS, width=2.0)
    network.double().eval()
    settle(network, pixels(40), part)
    return network


def whole(image: Any) -> Any:
    return np.rint(image.numpy() * 255).astype(np.uint8)


def test_a_ramp_begins_with_the_first_spike() -> None:
    membranes = torch.tensor([[0.5, 3, -1, 2], [1.5, 0, -1, 2.5], [0, 0, -1, 0]])
    found = potentials(membranes, 2.0, 1.0)
    assert found.tolist() == [[0, 1, 0, 0], [0, 2, 0, 1], [0, 3, 0, 2]]
    assert Once(3, 1.0)(torch.tensor([[3.0, 0], [-9, 0.5], [0, 0.5]])).tolist() == [[1, 0], [0, 0], [0, 1]]


def test_the_gradient_moves_the_time_of_a_spike() -> None:
    """By autograd through the largest membrane so far, with the triangle in place of the step."""
    torch.manual_seed(0)
    threshold, width = 1.5, 2.0
    membranes = torch.randn(5, 200, dtype=torch.float64).cumsum(0).requires_grad_()
    weights = torch.randn(5, 200, dtype=torch.float64)
    (potentials(membranes, threshold, width) * weights).sum().backward()
    found = membranes.grad.clone()
    membranes.grad = None
    largest = membranes.cummax(0).values
    slope = (1 - (largest - threshold).abs() / (width * threshold)).clamp(min=0).detach()
    ((slope * largest).cumsum(0) * weights).sum().backward()
    assert (found != 0).float().mean() > 0.2
    assert torch.allclose(found, membranes.grad)


@pytest.mark.parametrize(("extent", "size"), [(7, 2), (6, 3), (3, 1)])
def test_compiled_loops_are_potentials_behind_a_pool(extent: int, size: int) -> None:
    torch.manual_seed(0)
    count, channels, width = 3, 5, 2.0
    once = Once(TIMESTEPS, width)
    once.threshold.fill_(1.5)
    shape = (TIMESTEPS, count, channels, extent, extent)
    membranes = torch.randn(shape).cumsum(0).flatten(0, 1).bfloat16().contiguous(memory_format=torch.channels_last)
    found, plain = membranes.clone().requires_grad_(), membranes.clone().float().requires_grad_()
    ramps, expected = once.potentials(found, size), once.potentials(plain, size)
    assert ramps.dtype == torch.bfloat16
    assert torch.equal(ramps.float(), expected)
    assert ramps.float().std() > 1
    gradient = torch.randn(ramps.shape).bfloat16()
    ramps.backward(gradient)
    expected.backward(gradient.float())
    assert (plain.grad != 0).any()
    assert torch.allclose(found.grad.float(), plain.grad, rtol=2**-8, atol=1e-5)


def test_ramps_and_pools_of_membranes_give_the_same_spikes() -> None:
    network, x = network_of(), pixels(30)
    with torch.no_grad():
        scores = TrainableNetwork.forward(network, x)  # spike by spike, layer by layer
        assert torch.equal(network(x), scores)
    assert len(scores.unique()) > 3


@pytest.mark.parametrize("bits", [1, 8])
def test_the_integer_network_is_the_trained_one(bits: int) -> None:
    """Signs, and whole 64ths with 127 the largest of every channel, need no rounding."""
    network, generator = network_of(), np.random.default_rng(4)
    if bits == 1:
        round_weights(network, 1)
    else:
        for layer in network.weighted():
            weight = generator.integers(-127, 128, tuple(layer.weights.weight.shape))
            weight[:, 0, 0, 0] = 127
            layer.weights.weight.data = torch.tensor(weight / 64)
    settle(network, pixels(40), 0.7)
    for layer in network.weighted():
        layer.neurons.threshold *= 1.001  # not a membrane of these images, to which floats may round either way
    built, _ = quantize(export(network, "net"), bits=bits)
    assert (built.timesteps, built.encoder.kind, built.readout) == (TIMESTEPS, "latency", "first")
    x = pixels(50)
    result = run(built, whole(x), trace=True)
    for name in ("conv1", "conv2", "dense1"):
        fired = result.spikes[name].sum(1)
        assert 0.1 < fired.mean() < 0.9
        assert fired.max() == 1
    with torch.no_grad():
        assert np.array_equal(result.scores, network(x).numpy())


def test_a_race_has_the_probabilities_of_independent_spikes() -> None:
    """Every course of three neurons in two steps, one after the other."""
    race = Race(2, 1.0).train()
    race.threshold.fill_(2.0)
    membranes = torch.tensor([[[2.1, 1.8, 0.5]], [[1.0, 2.4, 2.6]]])
    found = race.scores(membranes)[0].exp()
    spiking = torch.sigmoid(SHARPNESS * (membranes[:, 0] / 2 - 1)).tolist()
    expected = [0.0] * 4
    for course in itertools.product((0, 1), repeat=6):
        probability = 1.0
        for spike, chance in zip(course, spiking[0] + spiking[1], strict=True):
            probability *= chance if spike else 1 - chance
        steps = [course[:3], course[3:]]
        first = next((step for step in steps if any(step)), (0, 0, 0))
        expected[first.index(1) if sum(first) == 1 else 3] += probability
    assert found.tolist() == pytest.approx(expected, abs=1e-5)


def test_membranes_far_from_the_threshold_have_finite_gradients() -> None:
    race = Race(3, 1.0).train()
    membranes = (torch.randn(3, 20, 5) * 1e3).requires_grad_()
    torch.nn.functional.cross_entropy(race.scores(membranes), torch.arange(20) % 5).backward()
    assert torch.isfinite(membranes.grad).all()


def test_thresholds_settle_where_some_neurons_fire() -> None:
    network = network_of(0.5)
    with torch.no_grad():
        ramps = network.ramps(pixels(40))
        for layer, size in network.stages():
            largest = layer.weights(ramps).unflatten(0, (TIMESTEPS, 40)).amax(0)
            if size > 1:
                largest = torch.nn.functional.max_pool2d(largest, size)
            fired = int((largest > layer.neurons.threshold).sum())
            count = int((largest > 0).sum()) if layer.name != "dense2" else largest.numel()
            assert fired == pytest.approx((0.5 if layer.name != "dense2" else 0.2) * count, abs=1)
            ramps = layer.neurons.potentials(layer.weights(ramps), size)
    with pytest.raises(ValueError, match="layer conv1 must have membranes above 0 on these images to fire"):
        settle(network, torch.zeros(3, 2, 9, 8, dtype=torch.float64), 0.5)


def test_it_learns_by_rates_then_by_spikes() -> None:
    """Which third of an image is bright."""
    torch.manual_seed(3)
    network = FirstSpikeNetwork("9x9-6c3-2s-20-3", timesteps=6, width=2.0)
    third = torch.arange(300) % 3
    x = torch.rand(300, 1, 9, 9) * 0.5
    for image, rows in zip(x, third, strict=True):
        image[:, 3 * rows : 3 * rows + 3] += 0.2

    def learn(learner: Any, steps: int) -> float:
        optimizer = torch.optim.Adam(learner.parameters(), lr=3e-3)
        learner.train()
        for _ in range(steps):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(learner(x), third).backward()
            optimizer.step()
        learner.eval()
        return float((learner(x).argmax(1) == third).float().mean())

    assert learn(Rates(network), 40) > 0.8
    settle(network, x, 0.6)
    assert learn(network, 60) > 0.95
