"""The reference computes in floats: it is exact up to the largest numbers, and clips wherever it must."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hwsnn.data import random_images
from hwsnn.reference import run
from hwsnn.spec import (
    AnyNeuron,
    ChannelLeak,
    Encoder,
    Integrator,
    Leak,
    MultiplyLeak,
    Network,
    Neuron,
    NoLeak,
    Population,
    ShiftLeak,
    SynapticCurrent,
)
from hwsnn.spec.integers import signed_limits
from tests.support.against_oracle import check
from tests.support.dice import Dice
from tests.support.layers import conv_layer, dense_layer
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_network
from tests.support.wishes import KINDS, Kind

RAMP = SynapticCurrent(NoLeak(), 8)


def reads(layer: Population, shape: tuple[int, int, int], timesteps: int, *, steps: bool = False) -> Network:
    """A network of ``layer`` alone whose membranes are read."""
    return Network("test", shape, 8, Encoder("steps" if steps else "direct"), timesteps, (layer,), "membrane")


def test_sums_beyond_float32() -> None:
    """All weights 127 but one, all pixels 255: an odd sum above 2^24, which float32 cannot hold."""
    shape = (1, 24, 24)
    weight = np.full((1, *shape), 127)
    weight[0, 0, 0, 0] = 126
    network = reads(dense_layer("last", weight, np.array([0]), 8, Integrator(NoLeak(), 32)), shape, 1)
    expected = 255 * (127 * 575 + 126)
    assert int(np.float32(expected)) != expected
    assert run(network, np.full((1, *shape), 255, np.uint8)).scores.tolist() == [[expected]]


def test_bias_that_takes_currents_beyond_32_bits() -> None:
    layer = dense_layer(
        "last", np.full((2, 1, 2, 2), 127), np.array([2**31 - 1, -(2**31)]), 8, Integrator(NoLeak(), 32)
    )
    network = reads(layer, (1, 2, 2), 3)
    assert check(network).scores[0].tolist() == [2**31 - 1, -(2**31)]


@pytest.mark.parametrize(
    ("what", "bias", "leak", "bits", "timesteps"),
    [
        ("saturates in the third step only", 60, NoLeak(), 8, 5),
        ("an odd sum of currents above 2^24", (1 << 22) + 1, NoLeak(), 32, 5),
        ("a leaked membrane that float32 rounds up", 63 * 65536 + 1000, MultiplyLeak(65535, 16), 24, 2),
    ],
)
def test_membranes_are_exact(what: str, bias: int, leak: Leak, bits: int, timesteps: int) -> None:
    layer = dense_layer("last", np.zeros((2, 1, 1, 1), np.int64), np.array([bias, -bias]), 8, Integrator(leak, bits))
    check(reads(layer, (1, 1, 1), timesteps), count=1)


def test_a_ramp_saturates_where_its_currents_would_not() -> None:
    """1, 3, 6, 10 and 15 of a current of 1 per step."""
    layer = dense_layer("last", np.zeros((1, 1, 1, 1), np.int64), np.array([1]), 8, Integrator(NoLeak(), 4, RAMP))
    assert check(reads(layer, (1, 1, 1), 5), count=1).membranes["last"].ravel().tolist() == [1, 3, 6, 7, 7]


def test_a_late_reset_saturates_where_the_threshold_leaked_away() -> None:
    """0 - 2 - 15, of 5 bits: the membrane of 10 is forgotten before 15 are taken off."""
    ten, fifteen = np.array([10]), np.array([15])
    neuron = Neuron(ten, MultiplyLeak(0, 1), "undelayed-subtract", 5, fifteen, initial=ten)
    layer = dense_layer("last", np.zeros((1, 1, 1, 1), np.int64), np.array([-2]), 8, neuron)
    assert check(reads(layer, (1, 1, 1), 1), count=1).scores.tolist() == [[-16]]


def test_sums_beyond_32_bits_that_the_bias_takes_back() -> None:
    """Everything fits 32 bits but the sum before the bias."""
    shape, bias, bits = (1, 260, 260), -(2**31) + 2**20, 20
    layer = dense_layer("last", np.full((1, *shape), 127), np.array([bias]), 8, Integrator(NoLeak(), bits))
    network = reads(layer, shape, 1)
    total = 260 * 260 * 127 * 255
    assert total > 2**31 > total + bias > 2 ** (bits - 1)
    assert run(network, np.full((1, *shape), 255, np.uint8)).scores.tolist() == [[2 ** (bits - 1) - 1]]


def test_declared_ranges_hold() -> None:
    """What the specification says cannot saturate does not change when its membranes are made wider."""
    for seed in range(120):
        network = random_network(seed) if seed < 60 else random_graph(seed)
        wider = tuple(
            replace(layer, neuron=replace(layer.neuron, membrane_bits=32))
            if isinstance(layer, Population) and not network.saturating(index)
            else layer
            for index, layer in enumerate(network.layers)
        )
        images = random_images(network, 4, seed)
        images[0], images[1] = 0, network.largest_pixel
        assert (run(network, images).scores == run(replace(network, layers=wider), images).scores).all()


CHANNELS, STEPS = 3, 5
WIDTHS = (5, 12, 22, 23, 24, 25, 31, 32)
"""On both sides of what float32 holds, which is up to 2^24."""


def extreme_leak(dice: Dice) -> Leak:
    shift = dice.integer(1, 16)
    multipliers = dice.random.choice([0, 1, (1 << shift) - 1, 1 << shift], CHANNELS)
    leaks: tuple[Leak, ...] = (
        NoLeak(),
        ShiftLeak(shift),
        MultiplyLeak((1 << shift) - 1, shift),
        ChannelLeak(multipliers, shift),
    )
    return dice.choice(leaks)


def extreme_neuron(dice: Dice, kind: Kind) -> AnyNeuron:
    """Constants up to the limits of the membrane, as often as not on them."""
    spiking, synaptic, reset = kind
    bits = dice.choice(WIDTHS)
    low, high = signed_limits(bits)

    def near(least: int, most: int) -> np.ndarray:
        values = dice.random.integers(least, most, CHANNELS, endpoint=True)
        return np.where(dice.random.random(CHANNELS) < 0.5, values, dice.random.choice([least, most], CHANNELS))

    fields: dict[str, Any] = {
        "initial": near(low, high) if dice.happens(0.5) else None,
        "floor": near(low, 0) if dice.happens(0.3) else None,
        "synapse": SynapticCurrent(extreme_leak(dice), dice.choice(WIDTHS)) if synaptic else None,
    }
    if reset is None:
        return Integrator(extreme_leak(dice), bits, **fields)
    thresholds = np.sort([near(1, high) for _ in range(3 if spiking == "several" else 1)], axis=0)
    sub = near(0, high) if "subtract" in reset else None
    if reset == "subtract" and sub is not None:
        sub = np.minimum(sub, ((thresholds - low) // np.arange(1, len(thresholds) + 1)[:, np.newaxis]).min(axis=0))
    further = thresholds[1:] if len(thresholds) > 1 else None
    return Neuron(
        thresholds[0], extreme_leak(dice), reset, bits, sub, further=further, once=spiking == "once", **fields
    )


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_largest_numbers_of_every_neuron(kind: Kind) -> None:
    """Currents from far within the membranes to far beyond them."""
    for seed in range(60):
        dice = Dice(seed)
        neuron = extreme_neuron(dice, kind)
        weight = dice.random.integers(-127, 127, (CHANNELS, 2, 1, 1), endpoint=True)
        bias = dice.random.integers(*signed_limits(min(dice.choice(WIDTHS), 32)), CHANNELS, endpoint=True)
        gain = dice.random.integers(1, min(1 << max(neuron.membrane_bits - 15, 1), 1 << 15), CHANNELS)
        layer = conv_layer("last", weight, bias, 8, neuron, gain=gain, fraction_bits=dice.integer(0, 2))
        check(reads(layer, (2, 1, 1), STEPS, steps=True), count=3, seed=seed)
