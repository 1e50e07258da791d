"""Networks of rates converted to spiking ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsnn.quantization.quantize import quantize
from hwsnn.reference import run
from hwsnn.spec import EncoderKind

torch: Any = pytest.importorskip("torch")

from hwsnn.train.convert import (  # noqa: E402  # they need PyTorch
    calibrate,
    calibrate_together,
    convert,
    normalize,
    rate_network,
)
from hwsnn.train.loop import Images, scores  # noqa: E402
from hwsnn.train.network import TrainableNetwork, export  # noqa: E402

PARTS = 255.99


@pytest.fixture(scope="module")
def images() -> Any:
    """Smooth random pixels, whole 255ths."""
    torch.manual_seed(1)
    pixels = torch.nn.functional.interpolate(torch.rand(200, 1, 4, 4), size=(10, 10), mode="bilinear")
    return (pixels * 255).round() / 255


@pytest.fixture
def network(images: Any) -> TrainableNetwork:
    """Random weights, with batch norms that spread the activations on ``images`` over 0 to 3 and more."""
    torch.manual_seed(0)
    made = rate_network("10x10-4c3-2s-6c3-8-5")
    for layer in made.weighted()[:-1]:
        assert layer.norm is not None
        layer.norm.momentum = 1.0
        torch.nn.init.uniform_(layer.norm.weight, 0.5, 1.5)
        torch.nn.init.uniform_(layer.norm.bias, -0.5, 1.5)
    made.train()
    made(images)
    made.eval()
    return made


def rates(network: TrainableNetwork, images: Any) -> list[Any]:
    """The rates (N, C, H, W) of each layer but the last."""
    found = []
    with torch.no_grad():
        x = network.inputs(images)
        for layer in network.layers[:-1]:
            x = layer(x)
            found.append(x.mean(0))
    return found


def errors(converted: TrainableNetwork, network: TrainableNetwork, images: Any) -> Any:
    """How far each layer's rates are from the activations, on average."""
    pairs = zip(rates(converted, images), rates(network, images), strict=True)
    return np.array([float((found - wanted).abs().mean()) for found, wanted in pairs])


def test_normalizing_keeps_the_scores_and_makes_the_largest_activation_one(
    images: Any, network: TrainableNetwork
) -> None:
    before = scores(network, images)
    assert all(float(layer.max()) > 2 for layer in rates(network, images))
    normalize(network, images, percentile=100)
    after = scores(network, images)
    assert torch.equal(before.argmax(1), after.argmax(1))
    assert torch.allclose(before, after, rtol=1e-3, atol=1e-3)
    assert [float(layer.max()) for layer in rates(network, images)] == pytest.approx([1, 1, 1, 1], abs=1e-4)


def test_a_percentile_of_the_activations_is_at_most_one(images: Any, network: TrainableNetwork) -> None:
    normalize(network, images, percentile=90)
    conv1, _, conv2, dense1 = rates(network, images)
    for layer in (conv1, conv2, dense1):
        assert float((layer <= 1 + 1e-5).double().mean()) == pytest.approx(0.9, abs=1e-3)


@pytest.mark.parametrize("encoding", ["direct", "uniform"])
def test_rates_of_spikes_approach_the_activations(
    images: Any, network: TrainableNetwork, encoding: EncoderKind
) -> None:
    normalize(network, images, percentile=100)
    some = images[:20]
    converted = {steps: convert(network, timesteps=steps, encoding=encoding) for steps in (4, 32, 256)}
    found = {steps: errors(spiking, network, some) for steps, spiking in converted.items()}
    assert (found[4] > 1.5 * found[32]).all()
    assert (found[32] > 2 * found[256]).all()
    assert (found[256] < 0.02).all()
    wanted = scores(network, some)
    assert float((scores(converted[256], some) / 256 - wanted).abs().mean()) < 0.15 * float(wanted.abs().mean())


def test_a_steady_input_gives_the_nearest_rate(images: Any, network: TrainableNetwork) -> None:
    normalize(network, images, percentile=95)
    converted = convert(network, timesteps=5, encoding="direct")
    found, wanted = rates(converted, images)[0], rates(network, images)[0].clamp(max=1)
    assert len(found.mul(5).round().unique()) == 6
    assert float((found - wanted).abs().max()) < 0.5 / 5 + 1e-4


def test_one_spike_of_latency_counts_for_all_steps(images: Any, network: TrainableNetwork) -> None:
    binary = (images > 0.5).float()
    normalize(network, binary, percentile=100)
    converted = convert(network, timesteps=64, encoding="latency")
    # A channel whose bias is below 0 fires on the spikes, which all come at the first step, before that is there.
    risen = converted.layers[0].weights.bias >= 0
    distance = (rates(converted, binary)[0] - rates(network, binary)[0])[:, risen].abs()
    assert risen.any()
    assert float(distance.max()) < 0.5 / 64 + 1e-4


def test_calibrating_brings_rates_and_scores_nearer(images: Any, network: TrainableNetwork, tmp_path: Path) -> None:
    normalize(network, images, percentile=99)
    converted = convert(network, timesteps=3, encoding="uniform")

    def distances() -> list[float]:
        of_scores = (scores(converted, images) / 3 - scores(network, images)).abs().mean()
        return [float(errors(converted, network, images).sum()), float(of_scores)]

    before = distances()
    unlabelled = Images(images.repeat(10, 1, 1, 1), torch.full((10 * len(images),), -1))
    calibrate(converted, network, unlabelled, lambda layer: tmp_path / f"{layer}.pt")
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["conv1", "conv2", "dense1", "dense2"]
    assert (np.array(distances()) < 0.8 * np.array(before)).all()
    assert all(layer.neurons.initial.any() for layer in converted.weighted()[:-1])


def calibrated(network: TrainableNetwork, images: Any, place: Path) -> TrainableNetwork:
    """``network`` normalized, in two steps of ``uniform``, calibrated by layer."""
    normalize(network, images, percentile=99)
    converted = convert(network, timesteps=2, encoding="uniform")
    few = Images(images, torch.full((len(images),), -1))
    calibrate(converted, network, few, lambda layer: place / f"{layer}.pt")
    return converted


def test_calibrating_together_brings_scores_nearer(images: Any, network: TrainableNetwork, tmp_path: Path) -> None:
    converted = calibrated(network, images, tmp_path)

    def distance() -> float:
        return float((scores(converted, images) / 2 - scores(network, images)).square().mean())

    before, wanted = distance(), scores(network, images)
    unlabelled = Images(images.repeat(10, 1, 1, 1), torch.full((10 * len(images),), -1))
    calibrate_together(converted, network, unlabelled, lambda x: x, tmp_path / "together.pt")
    assert distance() < 0.8 * before
    assert torch.equal(scores(network, images), wanted)


def test_the_quantizer_finds_the_weights_of_calibration(images: Any, network: TrainableNetwork, tmp_path: Path) -> None:
    converted = calibrated(network, images, tmp_path)
    exact, _ = quantize(export(converted, "net"), timesteps=2, encoding="uniform")
    for (_, built), layer in zip(exact.populations(), converted.weighted(), strict=True):
        weight, _ = layer.folded()
        integers = built.projection.weight.astype(float)
        axes = (1, 2, 3) if built.neuron.fires else (0, 1, 2, 3)
        step = abs(weight).max(axes, keepdims=True) / abs(integers).max(axes, keepdims=True)
        assert np.allclose(integers * step, weight, rtol=0, atol=1e-4 * step.max())


def on_a_grid(network: TrainableNetwork) -> None:
    """Weights and biases as whole parts of 1, the largest weight of each channel 127 of them: exact in 8 bits.

    There are nearly 256 parts in a threshold, so that its integer, the next one above, is hardly another.
    """
    with torch.no_grad():
        for layer in network.weighted():
            weight, bias = layer.weights.weight, layer.weights.bias
            weight.mul_(PARTS).round_().clamp_(-126, 126)
            weight[:, 0, 0, 0] = 127
            weight /= PARTS
            bias.mul_(PARTS).round_().div_(PARTS)
        for layer in network.weighted()[:-1]:
            layer.neurons.initial.uniform_(-0.3, 0.3).mul_(PARTS).round_().div_(PARTS)


@pytest.mark.parametrize("encoding", ["uniform", "latency"])
def test_integers_are_the_spiking_network_exactly_where_nothing_is_rounded(
    images: Any, network: TrainableNetwork, encoding: EncoderKind
) -> None:
    normalize(network, images, percentile=99)
    converted = convert(network, timesteps=5, encoding=encoding)
    on_a_grid(converted)
    exact, _ = quantize(export(converted, "net"), timesteps=5, encoding=encoding)
    first = next(iter(exact.populations()))[1].neuron
    assert first.initial is not None
    assert np.array_equal(first.initial, (converted.layers[0].neurons.initial.detach() * PARTS).round().numpy())
    found = run(exact, (images * 255).round().byte().numpy())
    assert np.array_equal(found.scores, (scores(converted, images) * PARTS).round().numpy())
    assert len(np.unique(found.scores)) > 100


def test_integers_are_the_spiking_network_up_to_rounding(images: Any, network: TrainableNetwork) -> None:
    normalize(network, images, percentile=99)
    converted = convert(network, timesteps=8, encoding="uniform")
    exact, _ = quantize(export(converted, "net"), timesteps=8, encoding="uniform")
    found = run(exact, (images * 255).round().byte().numpy(), trace=True).spikes
    for (name, spikes), wanted in zip(list(found.items())[1:], rates(converted, images), strict=True):
        print(name, np.abs(spikes.mean(axis=1) - wanted.numpy()).mean())
        assert np.abs(spikes.mean(axis=1) - wanted.numpy()).mean() < 0.03, name
