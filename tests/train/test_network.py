"""Networks to train: what their notation says, and how they become integers: by rounding alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hwsnn.float_network import FloatNetwork, FloatNeuron, FloatPopulation
from hwsnn.quantization.quantize import quantize
from hwsnn.reference import run
from hwsnn.spec import EncoderKind, Population
from tests.frontends.nir.nir_oracle import simulate_trained

torch: Any = pytest.importorskip("torch")

from hwsnn.train.encode import encode  # noqa: E402  # they need PyTorch
from hwsnn.train.network import TrainableNetwork, export, spiking  # noqa: E402
from hwsnn.train.quantized import fold_norms, round_weights  # noqa: E402
from tests.support.layers import float_dense_layer  # noqa: E402

SMALL = "2x9x8-3c3p-2s-4c3-6-5"


def with_norms(network: TrainableNetwork) -> TrainableNetwork:
    """Batch norms that do something, as after training, at currents that make about every other neuron fire."""
    for layer in network.weighted():
        if layer.norm is not None:
            torch.nn.init.uniform_(layer.norm.weight, 0.5, 2)
            torch.nn.init.uniform_(layer.norm.bias, 0, 1)
            layer.norm.running_mean.uniform_(-0.2, 0.2)
            layer.norm.running_var.uniform_(0.05, 0.2)
    network.eval()
    return network


def test_notation() -> None:
    network = spiking("2x28x26-8c5-2s-12c3p-2s-30-10", timesteps=2, beta=0.5)
    assert network.input_shape == (2, 28, 26)
    exact = export(network, "net")
    assert [layer.name for layer in exact.layers] == ["conv1", "pool1", "conv2", "pool2", "dense1", "dense2"]
    built, _ = quantize(exact, timesteps=2, encoding="direct")
    assert built.shapes == ((2, 28, 26), (8, 24, 22), (8, 12, 11), (12, 12, 11), (12, 6, 5), (30, 1, 1), (10, 1, 1))
    assert network(torch.rand(3, 2, 28, 26)).shape == (3, 10)


@pytest.mark.parametrize(
    ("notation", "message"),
    [
        ("28-10", "the input must be like 28x28 or 2x128x128, not '28'"),
        ("28x28-4d5-10", "layers must be like 64c5, 64c5p, 2s, r3 or 128, not '4d5'"),
        ("28x28--10", "layers must be like 64c5, 64c5p, 2s, r3 or 128, not ''"),
        ("28x28-8c5-2s", "the last layer must make scores, and not be the pool 2s"),
        ("4x4-8c5-10", "the window of 8c5 must fit its input of 4x4"),
        ("4x4-5s-10", "the window of 5s must fit its input of 4x4"),
        ("4x4-8c4p-10", "a padded window must be odd, not 4 as in 8c4p"),
    ],
)
def test_what_notation_must_be(notation: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spiking(notation, timesteps=2, beta=0.5)


@pytest.mark.parametrize("encoding", ["direct", "uniform", "latency"])
@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_exported_network_is_the_trained_one(encoding: EncoderKind, reset: Any) -> None:
    torch.manual_seed(3)
    network = with_norms(spiking(SMALL, timesteps=3, beta=0.75, reset=reset, encoding=encoding)).double()
    exact = export(network, "net")
    assert (exact.timesteps, exact.encoding) == (3, encoding)
    pixels = torch.randint(0, 256, (4, 2, 9, 8)) / torch.tensor(255.0, dtype=torch.float64)
    with torch.no_grad():
        scores = network(pixels)
        inputs = encode(pixels, encoding, 3).expand(3, *pixels.shape).numpy()
    for image in range(4):
        outputs = simulate_trained(exact, inputs[:, image])
        assert 0.02 < outputs["conv1"].mean() < 0.98
        assert outputs["dense2"][-1, :, 0, 0] == pytest.approx(scores[image].numpy(), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("kind", ["uniform", "latency"])
@pytest.mark.parametrize("timesteps", [1, 2, 7, 16])
def test_encoders_spike_as_the_reference_does(kind: EncoderKind, timesteps: int) -> None:
    identity = float_dense_layer(
        "dense",
        np.eye(256).reshape(256, 1, 16, 16),
        np.zeros(256),
        FloatNeuron(np.full(256, 0.5), 0.0, "greater", "zero"),
    )
    source = FloatNetwork("net", (1, 16, 16), (identity,))
    network, _ = quantize(source, timesteps=timesteps, encoding=kind)
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    expected = run(network, pixels, trace=True).spikes["encoder"]
    spikes = encode(torch.tensor(pixels) / 255, kind, timesteps)
    assert np.array_equal(spikes.numpy().transpose(1, 0, 2, 3, 4), expected)


def test_poisson_spikes_as_often_as_the_reference() -> None:
    torch.manual_seed(0)
    pixels = torch.arange(256).reshape(1, 1, 16, 16) / 255
    rates = encode(pixels, "poisson", 20_000).mean(0).flatten()
    assert torch.allclose(rates, torch.arange(256) / 256, atol=0.02)
    assert rates[0] == 0


def test_values_that_change_with_time_are_taken_as_they_are() -> None:
    torch.manual_seed(5)
    network = with_norms(spiking(SMALL, timesteps=3, beta=0.5, encoding="steps")).double()
    exact = export(network, "net")
    values = torch.randint(0, 3, (4, 3, 2, 9, 8), dtype=torch.float64)
    with torch.no_grad():
        scores = network(values)
    for image in range(4):
        outputs = simulate_trained(exact, values[image].numpy())
        assert 0.02 < outputs["conv1"].mean() < 0.98
        assert outputs["dense2"][-1, :, 0, 0] == pytest.approx(scores[image].numpy(), rel=1e-9, abs=1e-9)


def on_the_grid(network: TrainableNetwork, generator: np.random.Generator) -> TrainableNetwork:
    """Weights and biases that are whole 64ths, with 127 the largest integer of every channel: quantized exactly."""
    for layer in network.weighted():
        layer.norm = None
        weight = generator.integers(-127, 128, tuple(layer.weights.weight.shape))
        weight[:, 0, 0, 0] = 127
        layer.weights.weight.data = torch.tensor(weight / 64)
        layer.weights.bias = torch.nn.Parameter(torch.tensor(generator.integers(0, 256, len(weight)) / 64))
    network.eval()
    return network


@pytest.mark.parametrize("encoding", ["direct", "uniform"])
@pytest.mark.parametrize(("timesteps", "beta"), [(5, 1.0), (2, 0.5), (3, 0.0)])
def test_only_rounding_divides_floats_from_integers(encoding: EncoderKind, timesteps: int, beta: float) -> None:
    """Where nothing needs rounding, every score of the integer network is the float network's, in its unit."""
    network = on_the_grid(spiking(SMALL, timesteps=timesteps, beta=beta, encoding=encoding), np.random.default_rng(5))
    built, _ = quantize(export(network, "net"), timesteps=timesteps, encoding=encoding)
    pixels = np.random.default_rng(6).integers(0, 256, (50, 2, 9, 8), np.uint8)
    result = run(built, pixels, trace=True)
    for name in ("conv1", "conv2", "dense1"):
        assert 0.02 < result.spikes[name].mean() < 0.98
    with torch.no_grad():
        scores = network(torch.tensor(pixels, dtype=torch.float64) / 255).numpy()
    last = built.population(len(built.layers) - 1)
    assert last.fraction_bits == (1 if beta == 0.5 else 0), "for the readout's last leak"
    assert np.array_equal(result.scores, scores * (64 << last.fraction_bits))


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_rounded_weights_are_those_of_the_integer_network(bits: int) -> None:
    torch.manual_seed(4)
    network = with_norms(spiking(SMALL, timesteps=2, beta=0.5))
    before = network(torch.ones(1, 2, 9, 8))
    fold_norms(network)
    assert torch.allclose(network(torch.ones(1, 2, 9, 8)), before, atol=1e-4)
    round_weights(network, bits)
    exact = export(network, "net")
    built, _ = quantize(exact, timesteps=2, encoding="direct", bits=bits)
    largest = (1 << (bits - 1)) - 1
    for layer, integers in zip(exact.layers, built.layers, strict=True):
        if not isinstance(layer, FloatPopulation):
            continue
        assert isinstance(integers, Population)
        last = layer.name == "dense2"
        peak = abs(layer.projection.weight).max(axis=None if last else (1, 2, 3), keepdims=True)
        assert np.array_equal(integers.projection.weight, np.rint(layer.projection.weight / peak * largest))
        assert np.allclose(layer.projection.weight / peak * largest, integers.projection.weight, atol=1e-4)


def test_gradients_pass_the_rounding() -> None:
    torch.manual_seed(4)
    network = with_norms(spiking(SMALL, timesteps=2, beta=0.5))
    fold_norms(network)
    round_weights(network, 2)
    network(torch.rand(8, 2, 9, 8)).square().sum().backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert (parameter.grad != 0).any()


def test_residual_block_adds_spikes() -> None:
    """Numbers of spikes go on from a block, in training and in integers: they agree where nothing is rounded."""
    torch.manual_seed(4)
    network = with_norms(spiking("2x9x8-3c3p-r3-r3-4c3-6-5", timesteps=3, beta=0.5)).double()
    exact = export(network, "net")
    assert [layer.name for layer in exact.layers] == [
        "conv1", "conv2", "conv3", "add1", "conv4", "conv5", "add2", "conv6", "dense1", "dense2",
    ]  # fmt: skip
    assert exact.edges[3] == ((0, 0), (2, 0))
    pixels = torch.randint(0, 256, (4, 2, 9, 8)) / torch.tensor(255.0, dtype=torch.float64)
    with torch.no_grad():
        scores = network(pixels)
        steps = network.layers[1](network.layers[0](network.inputs(pixels)))
    assert set(steps.unique().tolist()) == {0, 1, 2}
    for image in range(4):
        outputs = simulate_trained(exact, encode(pixels, "direct", 3).expand(3, *pixels.shape).numpy()[:, image])
        assert outputs["dense2"][-1, :, 0, 0] == pytest.approx(scores[image].numpy(), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("notation", "message"),
    [
        ("9x9-r3-5", "the first layer must make spikes, and not be the residual block r3"),
        ("9x9-4c3-r3-2s-5", "a pool takes spikes, 0 or 1, not the sums of a residual block, as 2s would"),
        ("9x9-4c3-r3", "the last layer must make scores, and not be the residual block r3"),
        ("9x9-4c3-r4-5", "a padded window must be odd, not 4 as in r4"),
    ],
)
def test_where_a_residual_block_cannot_be(notation: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spiking(notation, timesteps=2, beta=0.5)
