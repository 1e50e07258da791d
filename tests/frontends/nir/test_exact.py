"""From a NIR file to the integer reference: spike for spike what the graph's equations give in floats.

Weights are integers from -127 to 127 times a power of two, with a 127 in every channel, so that quantization loses
nothing; then every difference is a mistake in shapes, folding, scales, thresholds or conventions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest

from hwsnn import reference, spec
from hwsnn.float_network import Compare
from hwsnn.frontends.nir.reader import read
from hwsnn.quantization.quantize import quantize
from tests.frontends.nir import nir_oracle
from tests.frontends.nir.nir_graphs import (
    DT,
    Array,
    avg_pool,
    flatten,
    graph,
    integrate_and_fire,
    leaky,
    per_channel,
    sum_pool,
    threshold,
    write,
)

UNIT = 2.0**-6
FRAMES, STEPS = 3, 6
Build = Callable[[np.random.Generator], list[Any]]
OTHER: dict[Compare, Compare] = {"greater": "greater_equal", "greater_equal": "greater"}


def exact(rng: np.random.Generator, *shape: int) -> Array:
    """Weights of the full scale in every output channel."""
    weight = rng.integers(-127, 128, shape).astype(float).reshape(shape[0], -1)
    weight[np.arange(shape[0]), rng.integers(0, weight.shape[1], shape[0])] = rng.choice([-127, 127], shape[0])
    return weight.reshape(shape) * UNIT


def conv(rng: np.random.Generator, *shape: int, bias: float = 1.0, **options: Any) -> nir.Conv2d:
    given = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1} | options
    biases = rng.integers(-200, 200, shape[0]) * UNIT * bias
    return nir.Conv2d(None, exact(rng, *shape), bias=biases, **given)


def affine(rng: np.random.Generator, outputs: int, inputs: int) -> nir.Affine:
    return nir.Affine(exact(rng, outputs, inputs), rng.integers(-200, 200, outputs) * UNIT)


def to_classes(rng: np.random.Generator, inputs: int) -> list[Any]:
    """A last layer whose integer thresholds are met exactly now and then."""
    return [flatten(), affine(rng, 4, inputs), integrate_and_fire(per_channel(60, 127, 200, 90)[:, 0, 0] * UNIT)]


# Pixels over 255 are no binary fractions: a first threshold between two possible sums keeps ties out of it.
FIRST = 150.5 * UNIT

NETWORKS: dict[str, Build] = {
    "convolution and dense": lambda rng: [
        conv(rng, 3, 2, 3, 3, padding=1, stride=(1, 2)),
        integrate_and_fire(FIRST),
        *to_classes(rng, 54),
    ],
    "max-pool": lambda rng: [
        conv(rng, 3, 2, 3, 3, padding="same"),
        integrate_and_fire(FIRST),
        sum_pool((2, 3), (2, 3)),
        threshold(0.5),
        *to_classes(rng, 18),
    ],
    "average pool folded into a convolution": lambda rng: [
        conv(rng, 3, 2, 3, 3, padding=1),
        integrate_and_fire(FIRST),
        avg_pool(),
        conv(rng, 5, 3, 3, 3, padding=1),
        integrate_and_fire(100 * UNIT / 4),
        *to_classes(rng, 45),
    ],
    "sum pool folded into a dense layer": lambda rng: [
        conv(rng, 3, 2, 3, 3),
        integrate_and_fire(FIRST),
        sum_pool((2, 4), (2, 4)),
        *to_classes(rng, 6),
    ],
    "average pool before the neurons": lambda rng: [
        conv(rng, 3, 2, 1, 1),
        avg_pool(),
        integrate_and_fire(20.5 * UNIT),
        *to_classes(rng, 27),
    ],
    "groups, dilation, rectangles": lambda rng: [
        conv(rng, 4, 1, 3, 2, groups=2, dilation=(2, 3), padding=(1, 0)),
        integrate_and_fire(FIRST),
        conv(rng, 2, 4, 2, 3, stride=2),
        integrate_and_fire(75 * UNIT),
        *to_classes(rng, 4),
    ],
    "majority pool and thresholds": lambda rng: [
        conv(rng, 3, 2, 3, 3, padding=1),
        threshold(FIRST),
        sum_pool(),
        threshold(2),
        *to_classes(rng, 27),
    ],
    "a gain and a level a channel": lambda rng: [
        conv(rng, 3, 2, 3, 3),
        integrate_and_fire(np.array([100.5, 80.5, 301])[:, None, None] * UNIT, r=per_channel(1, 0.5, -2)),
        flatten(),
        affine(rng, 4, 48),
        leaky(150 * UNIT, tau=DT, r=np.array([1.0, 2, 0.5, 4]), v_leak=UNIT * np.array([0.0, 8, -4, 16])),
    ],
    "membranes": lambda rng: [
        conv(rng, 3, 2, 3, 3),
        integrate_and_fire(FIRST),
        flatten(),
        nir.Linear(exact(rng, 4, 48)),
        nir.I(np.full((), 2.0)),
    ],
}


def frames(rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return rng.integers(0, 256, (FRAMES, 2, 6, 6), dtype=np.uint8)


def uniform(images: np.ndarray[Any, Any]) -> Array:
    """The uniform encoding, (N, T, C, H, W), from its definition."""
    pixels = images.astype(int)
    steps = [(t + 1) * pixels // 255 > t * pixels // 255 for t in range(STEPS)]
    return np.stack(steps, axis=1).astype(float)


def held(images: np.ndarray[Any, Any]) -> Array:
    """Pixels from 0 to 1, the same at every step."""
    return np.repeat(images[:, None] / 255, STEPS, axis=1)


def compare(built: nir.NIRGraph, network: spec.Network, images: Any, encoded: Array) -> list[float]:
    """Every layer that fires against its node; scores against the last one. Gives the share of spikes of each layer."""
    result = reference.run(network, images, trace=True)
    neurons = [name for name, node in built.nodes.items() if isinstance(node, nir.IF | nir.LIF | nir.I | nir.Threshold)]
    assert len(neurons) == len(network.layers)
    shares = []
    for frame, steps in enumerate(encoded):
        expected = nir_oracle.simulate(built, steps, DT)
        for node, layer in zip(neurons, network.layers, strict=True):
            if layer.name in result.spikes:
                got = result.spikes[layer.name][frame].reshape(STEPS, -1)
                np.testing.assert_array_equal(got, expected[node].reshape(STEPS, -1), err_msg=f"{node}, frame {frame}")
                shares.append(float(got.mean()))
        last = expected[neurons[-1]]
        if network.readout == "count":
            np.testing.assert_array_equal(result.scores[frame], last.sum(axis=0))
        else:
            # Integer membranes are the float ones over what an integer weight stands for: UNIT, times r of the node.
            np.testing.assert_array_equal(result.scores[frame], last[-1] / (UNIT * built.nodes[neurons[-1]].r))
    return shares


@pytest.mark.parametrize("encoding", ["direct", "uniform"])
@pytest.mark.parametrize("name", NETWORKS)
def test_spike_for_spike(name: str, encoding: spec.EncoderKind, tmp_path: Path) -> None:
    shares: list[float] = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        built = graph(*NETWORKS[name](rng))
        source = read(write(tmp_path, built), DT)
        network, report = quantize(source, timesteps=STEPS, encoding=encoding)
        assert max(layer.weights.rms_error for layer in report.layers) < 1e-12, "the weights here lose nothing"
        images = frames(rng)
        shares += compare(built, network, images, held(images) if encoding == "direct" else uniform(images))
    assert any(0 < share < 1 for share in shares)


@pytest.mark.parametrize(
    ("beta", "leak"), [(0.5, spec.ShiftLeak(1)), (0.75, spec.ShiftLeak(2)), (0.625, spec.MultiplyLeak(160, 8))]
)
def test_leaks_that_lose_no_bits(beta: float, leak: spec.Leak, tmp_path: Path) -> None:
    """With pixels that are multiples of 64 the leak of these few steps leaves no fraction to floor."""
    rng = np.random.default_rng(0)
    tau, steps = DT / (1 - beta), 3
    first = [conv(rng, 3, 2, 3, 3, bias=0), leaky(150.5 * UNIT, tau=tau, r=tau / DT)]
    built = graph(*first, *to_classes(rng, 48))
    network, _ = quantize(read(write(tmp_path, built), DT), timesteps=steps, encoding="direct")
    assert network.layers[0].neuron.leak == leak  # type: ignore[union-attr]
    images = rng.integers(0, 4, (FRAMES, 2, 6, 6), dtype=np.uint8) * np.uint8(64)
    shares = compare(built, network, images, held(images)[:, :steps])
    assert any(0 < share < 1 for share in shares[::2])


@pytest.mark.parametrize("compare", ["greater", "greater_equal"])
@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
def test_random_graphs(reset: spec.Reset, compare: Compare, tmp_path: Path) -> None:
    """Ties included, whatever NIR does not say of compare and reset."""
    firing, steps, ties, shares = nir_oracle.Firing(compare, reset), 5, 0, []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        built = nir_oracle.random_graph(rng, DT)
        source = read(write(tmp_path, built), DT)
        layers = tuple(replace(one, neuron=replace(one.neuron, compare=compare)) for one in source.layers)  # type: ignore[arg-type, type-var, union-attr]
        encoding: spec.EncoderKind = "direct" if rng.integers(2) else "uniform"
        network, report = quantize(replace(source, layers=layers), timesteps=steps, encoding=encoding, reset=reset)
        assert max(layer.weights.rms_error for layer in report.layers) < 1e-12
        # Black or white: a pixel in between is no binary fraction.
        images = rng.choice(np.array([0, 255], np.uint8), (FRAMES, *network.input_shape))
        result = reference.run(network, images, trace=True)
        for frame, image in enumerate(images):
            inputs = np.repeat(image[None] / 255, steps, axis=0)
            expected = nir_oracle.simulate(built, inputs, DT, firing)
            other = nir_oracle.simulate(built, inputs, DT, nir_oracle.Firing(OTHER[compare], reset))
            neurons = [name for name in expected if name == "classes" or name.startswith("neurons")]
            for node, layer in zip(neurons, network.layers, strict=True):
                got = result.spikes[layer.name][frame].reshape(steps, -1)
                wanted = expected[node].reshape(steps, -1)
                np.testing.assert_array_equal(got, wanted, err_msg=f"seed {seed}, {node}, frame {frame}")
                ties += int((wanted != other[node].reshape(steps, -1)).any())
                shares.append(float(got.mean()))
    assert ties > 20
    assert 0.1 < np.mean(shares) < 0.9


def one_neuron(weight: float, neurons: Any, tmp_path: Path, **options: Any) -> list[int]:
    """The spikes of one neuron at every step on a pixel that fires at every step."""
    built = graph(nir.Linear(np.full((1, 1), weight)), neurons, shape=(1,))
    network, _ = quantize(read(write(tmp_path, built), DT), timesteps=STEPS, encoding="uniform", **options)
    result = reference.run(network, np.full((1, 1, 1, 1), 255, np.uint8), trace=True)
    return [int(spike) for spike in result.spikes["linear_0"].ravel()]


def test_a_membrane_at_the_threshold_waits(tmp_path: Path) -> None:
    """NIR fires above the threshold only; rounding the threshold up to itself would fire a step early."""
    assert one_neuron(127, integrate_and_fire(254.0), tmp_path) == [0, 0, 1, 0, 0, 1]
    assert one_neuron(127, integrate_and_fire(253.9), tmp_path) == [0, 1, 0, 1, 0, 1]


def test_a_reset_that_was_lost_in_the_file_can_be_given(tmp_path: Path) -> None:
    """A network trained with subtraction comes out of NIR as one that resets to zero, and spikes less."""
    neurons = integrate_and_fire(169.5)
    assert one_neuron(127, neurons, tmp_path) == [0, 1, 0, 1, 0, 1]
    assert one_neuron(127, neurons, tmp_path, reset="subtract") == [0, 1, 1, 0, 1, 1]
    assert one_neuron(127, neurons, tmp_path, reset="none") == [0, 1, 1, 1, 1, 1]


def test_a_leak_is_no_nearby_power_of_two(tmp_path: Path) -> None:
    """beta 0.9 becomes 1843 / 2048. Made 0.875 without a word, it would let this neuron fire a step later."""
    tau = DT / 0.1
    neurons = leaky(500.0, tau=tau, r=tau / DT)
    expected, v = [], 0.0
    for _ in range(STEPS):
        v = 0.9 * v + 127
        expected.append(int(v > 500))
        v = 0.0 if v > 500 else v
    assert one_neuron(127, neurons, tmp_path) == expected == [0, 0, 0, 0, 1, 0]
