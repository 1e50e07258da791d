"""The reference against loops over Python integers, spike for spike."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from time import sleep

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.data import random_images
from hwsnn.reference import encode, run
from hwsnn.reference.layers import PopulationLayer
from hwsnn.spec import (
    Dense,
    Encoder,
    EncoderKind,
    Integrator,
    Layer,
    Leak,
    MaxPool,
    MultiplyLeak,
    Network,
    Neuron,
    NoLeak,
    PoolMode,
    Population,
    Readout,
    Reset,
    ShiftLeak,
)
from hwsnn.spec.integers import signed_limits
from tests.support import oracle
from tests.support.against_oracle import check, dense_steps, expect_equal
from tests.support.layers import conv_layer, dense_layer
from tests.support.random_networks import random_network


def integers(random: np.random.Generator, low: int, high: int, *shape: int) -> np.ndarray:
    return random.integers(low, high, shape, endpoint=True)


def network_of(
    *layers: Layer,
    shape: tuple[int, int, int],
    kind: EncoderKind = "uniform",
    timesteps: int = 4,
    readout: Readout = "count",
    pixel_bits: int = 8,
    seed: int = 1,
) -> Network:
    return Network("test", shape, pixel_bits, Encoder(kind, seed), timesteps, layers, readout)


def last(
    inputs: tuple[int, int, int], leak: Leak | None = None, reset: Reset = "subtract", bits: int = 20
) -> Population:
    random = np.random.default_rng(7)
    threshold = integers(random, 20, 120, 3)
    neuron = Neuron(threshold, leak or NoLeak(), reset, bits, threshold - 1 if reset == "subtract" else None)
    return dense_layer("last", integers(random, -127, 127, 3, *inputs), integers(random, -20, 40, 3), 8, neuron)


LEAKS: tuple[Leak, ...] = (
    NoLeak(),
    ShiftLeak(1),
    ShiftLeak(16),
    MultiplyLeak(0, 1),
    MultiplyLeak(230, 8),
    MultiplyLeak(65535, 16),
)


@pytest.mark.parametrize("leak", LEAKS, ids=str)
@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
@pytest.mark.parametrize("bits", [8, 9, 20, 32])
def test_neurons(leak: Leak, reset: Reset, bits: int) -> None:
    check(network_of(last((2, 3, 2), leak, reset, bits), shape=(2, 3, 2), timesteps=7))


@pytest.mark.parametrize("leak", LEAKS, ids=str)
@pytest.mark.parametrize("bits", [2, 9, 32])
def test_integrators_saturate_at_both_ends(leak: Leak, bits: int) -> None:
    low, high = signed_limits(bits)
    weight = np.zeros((4, 1, 1, 1), np.int64)
    bias = np.array([2**31 - 1, -(2**31), 1, -1])
    layer = dense_layer("last", weight, bias, 8, Integrator(leak, bits))
    result = check(network_of(layer, shape=(1, 1, 1), timesteps=5, readout="membrane"), count=1)
    assert result.scores[0, :2].tolist() == [high, low]


@pytest.mark.parametrize("kind", ["direct", "uniform", "poisson", "latency"])
@pytest.mark.parametrize("pixel_bits", [1, 2, 8])
@pytest.mark.parametrize("timesteps", [1, 2, 5, 16])
def test_encoders_of_every_pixel(kind: EncoderKind, pixel_bits: int, timesteps: int) -> None:
    shape = (2, 16, 16)
    network = network_of(last(shape), shape=shape, kind=kind, timesteps=timesteps, pixel_bits=pixel_bits, seed=12345)
    every = np.arange(256, dtype=np.uint8).reshape(16, 16) & network.largest_pixel
    images = np.stack([np.stack([every, every[::-1]])])
    encoded = encode(network, images)
    for t, plane in enumerate(oracle.encode(network, images[0])):
        assert dense_steps([plane], shape) == encoded[0, t : t + 1].tolist()


def test_poisson_bits_far_into_the_sequence() -> None:
    shape = (3, 20, 20)
    network = network_of(last(shape), shape=shape, kind="poisson", timesteps=9, seed=2**31 - 1)
    images = random_images(network, 2, seed=3)
    encoded = encode(network, images)
    for image, got in zip(images, encoded, strict=True):
        assert dense_steps(oracle.encode(network, image), shape) == got.tolist()


def test_poisson_seed_of_a_channel_is_never_zero() -> None:
    # The spread of channel 1 cancels this seed, so its register would stand still at zero.
    shape = (2, 4, 4)
    network = network_of(last(shape), shape=shape, kind="poisson", timesteps=20, seed=0x9E3779B1 % 2**31)
    images = np.full((1, *shape), 128, np.uint8)
    assert 0 < encode(network, images)[0, :, 1].mean() < 1
    check(network, count=1)


def test_poisson_rate_is_the_pixel() -> None:
    """Already on small images, and in every channel."""
    shape = (4, 8, 8)
    network = network_of(last(shape), shape=shape, kind="poisson", timesteps=16, seed=Encoder("poisson").seed)
    for pixel in (0, 16, 64, 200):
        rates = encode(network, np.full((1, *shape), pixel, np.uint8)).mean(axis=(0, 1, 3, 4))
        assert rates == pytest.approx(pixel / 256, abs=0.03)


@pytest.mark.parametrize("mode", ["or", "winner"])
@pytest.mark.parametrize(("size", "stride"), [((2, 2), (2, 2)), ((3, 2), (1, 2)), ((2, 3), (3, 1)), ((1, 1), (2, 3))])
def test_pools(mode: PoolMode, size: tuple[int, int], stride: tuple[int, int]) -> None:
    pool = MaxPool("pool", size, stride, mode)
    layer = last(pool.output_shape((2, 7, 6)))
    check(network_of(pool, layer, shape=(2, 7, 6), kind="poisson", timesteps=8))


def test_winner_counts_to_the_longest_frame() -> None:
    """255 fires at all of 256 steps, 254 at all but two, of which the last is one."""
    pool = MaxPool("pool", (1, 2), (1, 2), "winner")
    network = network_of(pool, last((1, 1, 1)), shape=(1, 1, 2), timesteps=256)
    images = np.array([255, 254], np.uint8).reshape(1, 1, 1, 2)
    assert encode(network, images)[0, -1].ravel().tolist() == [1, 0]
    result = run(network, images, trace=True)
    expect_equal(network, images, result)
    assert result.spikes["pool"].all()


def test_winner_is_not_or() -> None:
    shape = (2, 6, 6)
    layer = last((2, 3, 3))
    networks = [
        network_of(MaxPool("pool", (2, 2), (2, 2), mode), layer, shape=shape, kind="poisson", timesteps=8)
        for mode in ("or", "winner")
    ]
    images = random_images(networks[0], 4, seed=0)
    either, winner = (run(network, images, trace=True).spikes["pool"] for network in networks)
    assert winner.sum() < either.sum()


@pytest.mark.parametrize("kind", ["direct", "uniform"])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [
        ((3, 3), (1, 1), (1, 1)),
        ((1, 4), (1, 3), (0, 2)),
        ((4, 1), (2, 1), (3, 0)),
        ((2, 2), (3, 4), (5, 1)),
        ((7, 5), (1, 1), (0, 0)),
    ],
)
def test_convolutions(
    kind: EncoderKind, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]
) -> None:
    random = np.random.default_rng(5)
    scale = 255 if kind == "direct" else 1
    threshold = integers(random, 50 * scale, 150 * scale, 4)
    neuron = Neuron(threshold, ShiftLeak(2), "subtract", 24, threshold - 1)
    conv = conv_layer(
        "conv", integers(random, -127, 127, 4, 2, *kernel), integers(random, -50, 90, 4), 8, neuron, stride, padding
    )
    network = network_of(conv, last(conv.output_shape((2, 7, 5))), shape=(2, 7, 5), kind=kind)
    spikes = check(network).spikes["conv"]
    assert 0.02 < spikes.mean() < 0.98


def test_256_time_steps() -> None:
    check(network_of(last((1, 2, 2), ShiftLeak(3)), shape=(1, 2, 2), timesteps=256), count=2)


def test_ties_go_to_the_lowest_class() -> None:
    layer = dense_layer("last", np.zeros((3, 1, 1, 1), np.int64), np.array([-1, 1, 1]), 8, Integrator(NoLeak(), 8))
    network = network_of(layer, shape=(1, 1, 1), readout="membrane")
    assert run(network, np.zeros((1, 1, 1, 1), np.uint8)).predictions.tolist() == [1]


@pytest.mark.parametrize("batch", [1, 2, 7, 100])
def test_batches_change_nothing(batch: int) -> None:
    network = random_network(11)
    images = random_images(network, 7, seed=1)
    whole, parts = run(network, images, trace=True), run(network, images, trace=True, batch=batch)
    assert (parts.scores == whole.scores).all()
    assert (parts.predictions == whole.predictions).all()
    assert all((parts.spikes[name] == spikes).all() for name, spikes in whole.spikes.items())


def test_progress_counts_images() -> None:
    network = random_network(11)
    done: list[int] = []
    run(network, random_images(network, 7, seed=1), batch=3, progress=done.append)
    assert done == [3, 3, 1]


def test_an_interruption_stops_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(last((1, 2, 2)), shape=(1, 2, 2))
    worked: list[int] = []

    def slow_spikes(self: PopulationLayer, inputs: np.ndarray) -> np.ndarray:
        worked.append(1)
        sleep(0.005)
        return np.zeros((network.timesteps, inputs.shape[1], *network.shapes[-1][1:], network.classes), np.uint8)

    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(PopulationLayer, "spikes", slow_spikes)
    with pytest.raises(KeyboardInterrupt):
        run(network, random_images(network, 200, seed=1), batch=1, progress=interrupt)
    assert len(worked) < 100


def wide_network() -> Network:
    """8,192 neurons a step: large beside anything that does not grow with the images."""
    random = np.random.default_rng(0)
    neuron = Neuron(np.full(8, 100), ShiftLeak(1), "subtract", 20, np.full(8, 99))
    conv = conv_layer("conv", integers(random, -127, 127, 8, 1, 3, 3), np.zeros(8, np.int64), 8, neuron, (1, 1), (1, 1))
    return network_of(conv, last((8, 32, 32)), shape=(1, 32, 32))


def peak_of(network: Network, images: np.ndarray, batch: int | None) -> int:
    """The most memory that numpy and Python hold at once during a run, beyond what they hold before.

    The least of three runs: other work in this process, such as a garbage collection put off, counts as well.
    """
    peaks = []
    for _ in range(3):
        tracemalloc.start()
        try:
            run(network, images, batch=batch)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    return min(peaks)


@pytest.mark.parametrize("batch", [4, None])
def test_memory_does_not_grow_with_the_images(monkeypatch: pytest.MonkeyPatch, batch: int | None) -> None:
    monkeypatch.setattr(reference, "usable_cores", lambda: 1)
    monkeypatch.setattr(reference, "BATCH_BYTES", 1 << 20)
    network = wide_network()
    images = random_images(network, 800, seed=0)
    spikes_an_image = 8 * 32 * 32 * network.timesteps
    few, many = peak_of(network, images[:80], batch), peak_of(network, images, batch)
    assert few > 4 * spikes_an_image
    assert many - few < 720 * spikes_an_image / 20


def deep_network(depth: int, *, skip: bool) -> Network:
    """Layers of 8,192 neurons a step behind one another; ``skip``: the last one takes the first one's spikes, too."""
    neuron = Neuron(np.full(8, 3), ShiftLeak(1), "zero", 24)
    weight = np.ones((8, 8, 1, 1), np.int64)
    layers = [conv_layer("conv0", weight[:, :1], np.ones(8, np.int64), 8, neuron)]
    layers += [conv_layer(f"conv{index}", weight, np.ones(8, np.int64), 8, neuron) for index in range(1, depth)]
    ends: tuple[Dense, ...] = (Dense("last", np.ones((2, 8, 32, 32), np.int64), 8),)
    if skip:
        ends += (replace(ends[0], source="conv0"),)
    read = Population("last", ends, np.zeros(2, np.int64), Integrator(NoLeak(), 32))
    return network_of(*layers, read, shape=(1, 32, 32), readout="membrane", timesteps=64)


@pytest.mark.parametrize("skip", [False, True])
def test_memory_does_not_grow_with_the_layers(skip: bool) -> None:
    """What no layer needs any more is let go; what a skip needs is kept."""
    images = np.full((1, 1, 32, 32), 9, np.uint8)
    a_layer = 64 * 8 * 32 * 32
    shallow, deep = (peak_of(deep_network(depth, skip=skip), images, 1) for depth in (4, 10))
    assert deep - shallow < a_layer / 2
    assert deep > 2 * a_layer


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 1, 3, 3), np.uint8), r"images must be uint8 of shape \(N, 1, 2, 2\), not uint8 of shape"),
        (np.zeros((2, 2, 2), np.uint8), "images must be"),
        (np.zeros((2, 1, 2, 2), np.float32), "not float32"),
        (np.full((1, 1, 2, 2), 8, np.uint8), "pixels must be at most 7, not 8"),
    ],
)
def test_wrong_images(images: np.ndarray, message: str) -> None:
    network = network_of(last((1, 2, 2)), shape=(1, 2, 2), pixel_bits=3)
    with pytest.raises(ValueError, match=message):
        run(network, images)
    with pytest.raises(ValueError, match=message):
        encode(network, images)


def test_no_images() -> None:
    network = random_network(11)
    result = run(network, np.zeros((0, *network.input_shape), np.uint8))
    assert result.scores.shape == (0, network.classes)
