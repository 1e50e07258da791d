"""The ranges of a neuron's state: no sequence of currents leaves them, and some reach them."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from hwsnn.spec import (
    AnyNeuron,
    ChannelLeak,
    Integrator,
    Leak,
    MultiplyLeak,
    Neuron,
    NoLeak,
    ShiftLeak,
    SynapticCurrent,
)
from hwsnn.spec.integers import Range
from hwsnn.spec.ranges import state_ranges
from tests.support import oracle
from tests.support.dice import Dice
from tests.support.wishes import KINDS, Kind

STEPS = 4
WIDE = 32
LOOSE = [kind for kind in KINDS if kind[2] not in ("none", None) and (kind[0] == "once" or kind[1])]


def small_leak(dice: Dice, channels: int) -> Leak:
    leaks: tuple[Leak, ...] = (
        NoLeak(),
        ShiftLeak(dice.integer(1, 2)),
        MultiplyLeak(dice.integer(0, 3), 2),
        ChannelLeak(dice.random.integers(0, 4, channels, endpoint=True), 2),
    )
    return dice.choice(leaks)


def small_neuron(dice: Dice, kind: Kind, channels: int = 1) -> AnyNeuron:
    spiking, synaptic, reset = kind

    def some(low: int, high: int) -> np.ndarray:
        return dice.random.integers(low, high, channels, endpoint=True)

    fields: dict[str, Any] = {
        "synapse": SynapticCurrent(small_leak(dice, channels), WIDE) if synaptic else None,
        "initial": some(-6, 9) if dice.happens(0.4) else None,
        "floor": some(-5, 0) if dice.happens(0.4) else None,
    }
    if reset is None:
        return Integrator(small_leak(dice, channels), WIDE, **fields)
    threshold = some(1, 8)
    return Neuron(
        threshold,
        small_leak(dice, channels),
        reset,
        WIDE,
        some(0, 9) if "subtract" in reset else None,
        further=np.stack([threshold + some(0, 3), threshold + some(3, 9)]) if spiking == "several" else None,
        once=spiking == "once",
        **fields,
    )


def reached(neuron: AnyNeuron, currents: range) -> dict[str, Range]:
    """By every sequence of ``currents``; that of v with 0 and the constants."""
    numbers = {0, *(int(values[0]) for values in neuron.membrane_constants.values())}
    synaptic = {0}
    for sequence in product(currents, repeat=STEPS):
        for moment in oracle.one_neuron(neuron, 0, sequence):
            numbers |= {moment.u, moment.v}
            synaptic.add(moment.s)
    found = {"v": Range(min(numbers), max(numbers))}
    return found if neuron.synapse is None else found | {"s": Range(min(synaptic), max(synaptic))}


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_no_currents_leave_the_ranges(kind: Kind) -> None:
    """They are the narrowest, but for resets of neurons with a synaptic current or that fire once."""
    for seed in range(25):
        dice = Dice(seed)
        neuron = small_neuron(dice, kind)
        low = dice.integer(-4, 2)
        currents = range(low, low + dice.integer(1, 5))
        found = state_ranges(neuron, np.array([currents[0]]), np.array([currents[-1]]), STEPS)
        seen = reached(neuron, currents)
        assert found.keys() == seen.keys()
        for name, narrowest in seen.items():
            assert found[name] | narrowest == found[name]
            if name == "s" or kind not in LOOSE:
                assert found[name] == narrowest


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind[1]], ids=str)
def test_membranes_see_synaptic_currents_as_they_are_clipped(kind: Kind) -> None:
    for seed in range(40):
        dice = Dice(seed)
        neuron = small_neuron(dice, kind)
        assert neuron.synapse is not None
        neuron = replace(neuron, synapse=replace(neuron.synapse, bits=dice.integer(2, 3)))
        low = dice.integer(-9, 9)
        currents = range(low, low + dice.integer(1, 4))
        found = state_ranges(neuron, np.array([currents[0]]), np.array([currents[-1]]), STEPS)["v"]
        assert found | reached(neuron, currents)["v"] == found


@pytest.mark.parametrize("kind", LOOSE, ids=str)
def test_other_ranges_are_often_the_narrowest(kind: Kind) -> None:
    """They take no account of how v and s, or v and an earlier spike, belong together."""
    narrowest = 0
    for seed in range(25):
        neuron = small_neuron(Dice(seed), kind)
        found = state_ranges(neuron, np.array([-1]), np.array([2]), STEPS)["v"]
        narrowest += found == reached(neuron, range(-1, 3))["v"]
    assert 4 < narrowest < 25


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_channels_are_each_by_itself(kind: Kind) -> None:
    channels = 4
    for seed in range(20):
        dice = Dice(seed)
        neuron = small_neuron(dice, kind, channels)
        lowest = dice.random.integers(-9, 3, channels)
        highest = lowest + dice.random.integers(0, 9, channels)
        alone = [
            state_ranges(channel(neuron, c), lowest[c : c + 1], highest[c : c + 1], STEPS) for c in range(channels)
        ]
        for name, found in state_ranges(neuron, lowest, highest, STEPS).items():
            assert found.low == min(ranges[name].low for ranges in alone)
            assert found.high == max(ranges[name].high for ranges in alone)


def channel(neuron: AnyNeuron, c: int) -> AnyNeuron:
    """The neuron of one channel."""

    def leak_of(leak: Leak) -> Leak:
        return replace(leak, multipliers=leak.multipliers[c : c + 1]) if isinstance(leak, ChannelLeak) else leak

    fields: dict[str, Any] = {
        name: None if getattr(neuron, name) is None else getattr(neuron, name)[..., c : c + 1]
        for name in ("threshold", "sub", "further", "initial", "floor")
        if hasattr(neuron, name)
    }
    synapse = None if neuron.synapse is None else replace(neuron.synapse, leak=leak_of(neuron.synapse.leak))
    return replace(neuron, leak=leak_of(neuron.leak), synapse=synapse, **fields)
