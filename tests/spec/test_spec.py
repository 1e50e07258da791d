"""The specification: what it refuses, the shapes it infers, and the ranges it derives."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.folding.folding import Folding, LayerFold
from hwsnn.spec import (
    Encoder,
    Integrator,
    Leak,
    MaxPool,
    MultiplyLeak,
    Neuron,
    NoLeak,
    Population,
    Reset,
    ShiftLeak,
    SynapticCurrent,
)
from hwsnn.spec.integers import Range
from tests.spec.parts import conv, network, neuron, ones
from tests.support import oracle
from tests.support.layers import dense_layer


def test_shapes() -> None:
    net = network()
    assert net.shapes == ((2, 9, 8), (4, 7, 7), (4, 3, 3), (5, 1, 1))
    assert net.classes == 5


@pytest.mark.parametrize("extent", range(1, 12))
@pytest.mark.parametrize(("kernel", "stride", "padding"), [(1, 1, 0), (3, 1, 1), (3, 2, 0), (2, 3, 4), (5, 4, 2)])
def test_convolution_shapes_by_counting(extent: int, kernel: int, stride: int, padding: int) -> None:
    layer = conv(weight=ones(4, 2, kernel, 1), stride=(stride, 1), padding=(padding, 0))
    starts = [at for at in range(0, extent + 2 * padding, stride) if at + kernel <= extent + 2 * padding]
    if starts:
        assert layer.output_shape((2, extent, 3)) == (4, len(starts), 3)
    else:
        with pytest.raises(ValueError, match="the window of layer 'conv' must fit"):
            layer.output_shape((2, extent, 3))


@pytest.mark.parametrize("leak", [NoLeak(), *map(ShiftLeak, (1, 3, 16)), MultiplyLeak(0, 1), MultiplyLeak(230, 8)])
def test_leaks_are_monotone_so_that_their_bounds_hold(leak: Leak) -> None:
    values = range(-600, 600)
    leaked = [oracle.leaked(leak, v) for v in values]
    assert leaked == sorted(leaked)
    assert leak.leaked(np.array(values)).tolist() == leaked


@pytest.mark.parametrize("leak", [NoLeak(), *map(ShiftLeak, (1, 16)), MultiplyLeak(65535, 16), MultiplyLeak(1, 16)])
def test_leaks_of_values_as_large_as_can_be(leak: Leak) -> None:
    """No product overflows on the way."""
    values = [sign * (1 << power) + more for sign in (-1, 1) for power in (31, 47, 48, 62) for more in (-1, 0, 1)]
    assert leak.leaked(np.array(values)).tolist() == [oracle.leaked(leak, v) for v in values]


def test_beta() -> None:
    assert [NoLeak().betas, ShiftLeak(3).betas, MultiplyLeak(230, 8).betas] == [
        (1.0, 1.0),
        (0.875, 0.875),
        (230 / 256,) * 2,
    ]


def test_current_ranges_are_reached() -> None:
    random = np.random.default_rng(0)
    layer = conv(weight=random.integers(-127, 128, (4, 2, 3, 2)), bias=random.integers(-9, 9, 4))
    for channel, found in enumerate(layer.current_ranges([255])):
        terms = [255 * int(w) for w in layer.projection.weight[channel].flat]
        bias = int(layer.bias[channel])
        assert found == Range(bias + sum(min(t, 0) for t in terms), bias + sum(max(t, 0) for t in terms))


@pytest.mark.parametrize("leak", [NoLeak(), ShiftLeak(1), MultiplyLeak(5, 3)])
@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
@pytest.mark.parametrize(("weights", "bias", "threshold"), [((3, -2), 0, 2), ((7, 1), -3, 5), ((-3, -1), 1, 1)])
@pytest.mark.parametrize("sub", [0, 1, 2, 9])
def test_membranes_stay_in_their_range(
    leak: Leak, reset: Reset, weights: tuple[int, int], bias: int, threshold: int, sub: int
) -> None:
    """Over every input of two synapses in five steps; exactly where nothing resets, as the ends are then reached."""
    steps = 5
    fires = Neuron(np.array([threshold]), leak, reset, 30, np.array([sub]) if reset == "subtract" else None)
    layer = dense_layer("last", np.array(weights).reshape(1, 2, 1, 1), np.array([bias]), 8, fires)
    seen = {0}
    states = {0}
    for _ in range(steps):
        before = {
            oracle.leaked(leak, v) + bias + weights[0] * a + weights[1] * b
            for v, a, b in product(states, (0, 1), (0, 1))
        }
        after = {"subtract": {u: u - sub for u in before}, "zero": dict.fromkeys(before, 0), "none": {}}[reset]
        states = {after.get(u, u) if u >= threshold else u for u in before}
        seen |= before | states
    found = layer.membrane_range([1], steps)
    assert found.low <= min(seen)
    assert max(*seen, threshold) <= found.high
    if reset == "none":
        assert found == Range(min(seen), max(*seen, threshold))


def by_channel(layer: Population, largest_input: int, timesteps: int) -> Range:
    """The membrane range by loops over channels and steps, in Python's integers."""
    neuron = layer.neuron
    seen = [0, *(int(values.max()) for values in neuron.membrane_constants.values())]
    for channel, current in enumerate(layer.current_ranges([largest_input])):
        low = high = 0
        for _ in range(timesteps):
            low = oracle.leaked(neuron.leak, low) + current.low
            high = oracle.leaked(neuron.leak, high) + current.high
            seen += [low, high]
            if isinstance(neuron, Integrator) or neuron.reset == "none":
                continue
            threshold = int(neuron.threshold[channel])
            ends = [low, min(high, threshold - 1)] if low < threshold else []
            if high >= threshold:
                fired = (max(low, threshold), high)
                ends += [0] if neuron.sub is None else [u - int(neuron.sub[channel]) for u in fired]
            low, high = min(ends), max(ends)
            seen += ends
    return Range(min(seen), max(seen))


@pytest.mark.parametrize("reset", ["subtract", "zero", "none", None])
@pytest.mark.parametrize("kind", [NoLeak, ShiftLeak, MultiplyLeak])
@pytest.mark.parametrize("wide", [False, True])
def test_all_channels_at_once_are_each_by_itself(kind: type[Leak], reset: Reset | None, wide: bool) -> None:
    """Thresholds, amounts and currents of all sizes, as large as they may be where ``wide``; None: an integrator."""
    random = np.random.default_rng(7)
    largest = 2**31 - 1 if wide else 40
    for _ in range(25):
        leak: Leak = NoLeak()
        if kind is not NoLeak:
            shift = int(random.integers(1, 17))
            leak = ShiftLeak(shift) if kind is ShiftLeak else MultiplyLeak(int(random.integers(0, 1 << shift)), shift)
        channels, inputs = map(int, random.integers(1, 6, 2))
        fires: Neuron | Integrator = Integrator(leak, 32)
        if reset is not None:
            sub = random.integers(0, largest, channels, endpoint=True) if reset == "subtract" else None
            fires = Neuron(random.integers(1, largest, channels, endpoint=True), leak, reset, 32, sub)
        weight = random.integers(-127, 128, (channels, inputs, 1, 1))
        bias = random.integers(-largest, largest, channels, endpoint=True)
        layer = dense_layer("last", weight, bias, 8, fires)
        for largest_input, steps in ((1, 1), (1, 40), (255, 256)):
            assert layer.membrane_range([largest_input], steps) == by_channel(layer, largest_input, steps)


def test_can_saturate() -> None:
    """255 * 12 + 1 = 3,061 a step: 9,183 after three, which takes 15 bits."""
    for bits, expected in ((14, True), (15, False)):
        layer = conv(weight=ones(4, 2, 3, 2), neuron=neuron(4, "none", bits=bits))
        assert network(layers=(layer, *network().layers[1:])).saturating(0) == ({"v"} if expected else set())
    assert not network().saturating(1)


def test_largest_input_depends_on_the_encoding() -> None:
    assert [network().largest_inputs(index)[0] for index in (0, 1, 2)] == [255, 1, 1]
    assert network(pixel_bits=3).largest_inputs(0)[0] == 7
    assert network(encoder=Encoder("uniform")).largest_inputs(0)[0] == 1


def test_score_and_answer_bits() -> None:
    assert network().score_range == Range(-(2**15), 2**15 - 1)
    assert (network().score_bits, network().answer_bits) == (16, 3)
    spiking = dense_layer("last", ones(5, 4, 3, 3), ones(5), 8, neuron(5))
    counting = network(layers=(*network().layers[:2], spiking), readout="count", timesteps=4)
    assert counting.score_range == Range(0, 4)
    assert counting.score_bits == 3


def test_sums_of_clipped_membranes_have_their_whole_width() -> None:
    """Without clipping, s and so u would only grow here: u would never be below 0."""
    its = Neuron(
        np.ones(1, np.int32),
        ShiftLeak(1),
        "late-subtract",
        5,
        np.full(1, 15, np.int32),
        SynapticCurrent(NoLeak(), 2),
    )
    layer = dense_layer("last", ones(1, 1, 1, 1), np.full(1, 15, np.int32), 2, its)
    summing = network(layers=(layer,), input_shape=(1, 1, 1), readout="sum", timesteps=4)
    assert reference.run(summing, np.zeros((1, 1, 1, 1), np.uint8)).scores.tolist() == [[-18]]
    assert summing.score_range == Range(-64, 60)


def test_beat_steps() -> None:
    """As many as the layer with weights before makes of a pass; what comes from the encoder has one."""
    folding = Folding({"conv": LayerFold(1, 1, 2), "last": LayerFold(1, 1, 200)}, {}, {})
    assert [folding.beat_steps(network(), index) for index in (-1, 0, 1, 2)] == [1, 2, 2, 3]
    layers = (MaxPool("first", (1, 1), (1, 1), "or"), *network().layers)
    pool_first = network(encoder=Encoder("uniform"), layers=layers)
    assert [folding.beat_steps(pool_first, index) for index in (-1, 0, 1, 2, 3)] == [1, 1, 2, 2, 3]


def test_every_parameter_is_checked_again_by_replace() -> None:
    with pytest.raises(ValueError, match="timesteps must be"):
        replace(network(), timesteps=0)
