"""The rules of ``docs/numerics.md``, each with numbers that were worked out by hand from the page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest

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
    Readout,
    Reset,
    ShiftLeak,
    SynapticCurrent,
    Window,
)
from tests.support import oracle
from tests.support.layers import conv_layer, dense_layer, with_weights

OFFSET = 100
"""What the bias takes off the inputs, so that currents can be negative."""


def numbers(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def fires(reset: Reset, *, threshold: int = 10, sub: int | None = None, bits: int = 16, **fields: Any) -> Neuron:
    """A neuron of one channel; what a spike takes off is the threshold unless it says otherwise."""
    taken = numbers(threshold if sub is None else sub) if "subtract" in reset else None
    return Neuron(numbers(threshold), fields.pop("leak", NoLeak()), reset, bits, taken, **fields)


def integrates(leak: Leak | None = None, bits: int = 16, **fields: Any) -> Integrator:
    return Integrator(leak or NoLeak(), bits, **fields)


def one_neuron(neuron: AnyNeuron, currents: list[int], readout: Readout) -> tuple[Network, np.ndarray]:
    """A network of one neuron, and a frame that gives it these currents."""
    layer = dense_layer("last", np.ones((1, 1, 1, 1), np.int64), numbers(-OFFSET), 8, neuron)
    frame = np.array(currents).reshape(1, -1, 1, 1, 1) + OFFSET
    return Network("hand", (1, 1, 1), 8, Encoder("steps"), len(currents), (layer,), readout), frame.astype(np.uint8)


class Case(NamedTuple):
    """The u and the spikes of a neuron at every step; None for an integrator."""

    neuron: AnyNeuron
    currents: list[int]
    u: list[int]
    spikes: list[int] | None = None


def synapse(leak: Leak, bits: int = 16) -> SynapticCurrent:
    return SynapticCurrent(leak, bits)


HALF = ShiftLeak(1)
THREE = numbers(20, 30).reshape(2, 1)
"""The second and the third threshold."""
CASES: dict[str, Case] = {
    "subtract": Case(fires("subtract", leak=HALF), [12, 3, 4, 0], [12, 4, 6, 3], [1, 0, 0, 0]),
    "late-subtract: after the leak": Case(
        fires("late-subtract", leak=HALF), [12, 3, 4, 0], [12, -1, 4, 2], [1, 0, 0, 0]
    ),
    "late-subtract: again and again": Case(fires("late-subtract"), [35, 0, 0, 0], [35, 25, 15, 5], [1, 1, 1, 0]),
    "late-subtract: an initial membrane is no spike": Case(
        fires("late-subtract", initial=numbers(15)), [0, 0], [15, 5], [1, 0]
    ),
    "late-subtract: saturates once": Case(
        fires("late-subtract", threshold=15, bits=5), [40, 14, 15], [15, 14, 15], [1, 0, 1]
    ),
    "late-subtract: down to the lowest": Case(
        fires("late-subtract", threshold=1, sub=15, bits=5, leak=HALF), [1, -9, 0], [1, -16, -8], [1, 0, 0]
    ),
    "zero with a synaptic current": Case(
        fires("zero", synapse=synapse(HALF)), [12, 4, 0, 0], [12, 10, 5, 8], [1, 1, 0, 0]
    ),
    "late-zero": Case(fires("late-zero", synapse=synapse(HALF)), [12, 4, 0, 0], [12, 0, 5, 8], [1, 0, 0, 0]),
    "undelayed-subtract": Case(fires("undelayed-subtract"), [25, 6, 0, -8], [25, 11, 1, -7], [1, 1, 0, 0]),
    "undelayed-subtract: stuck above the threshold": Case(
        fires("undelayed-subtract"), [25, 0, 0], [25, 5, 5], [1, 0, 0]
    ),
    "undelayed-subtract: of an initial membrane": Case(
        fires("undelayed-subtract", initial=numbers(15)), [0, 0], [5, 5], [0, 0]
    ),
    "undelayed-subtract: saturates the exact sum": Case(
        fires("undelayed-subtract", threshold=15, sub=9, bits=5, leak=HALF), [40, 0, -9], [15, -1, -5], [1, 0, 0]
    ),
    "once, zero": Case(fires("zero", once=True), [12, 0, 12, 12], [12, 0, 12, 24], [1, 0, 0, 0]),
    "once, none": Case(fires("none", once=True), [4, 12, 12], [4, 16, 28], [0, 1, 0]),
    "lower bound": Case(fires("zero", threshold=6, floor=numbers(-3)), [-10, 5, 5], [-10, 2, 7], [0, 0, 1]),
    "lower bound of 0": Case(integrates(floor=numbers(0)), [-10, 5, -7], [-10, 5, -2]),
    "lower bound after what a spike takes off": Case(
        fires("subtract", sub=25, floor=numbers(-4)), [12, 0, 14], [12, -4, 10], [1, 0, 1]
    ),
    "lower bound: the late reset is of the next step": Case(
        fires("late-subtract", sub=25, floor=numbers(-4)), [12, 0, 0], [12, -13, -4], [1, 0, 0]
    ),
    "initial membrane": Case(fires("subtract", initial=numbers(5)), [5, 0], [10, 0], [1, 0]),
    "initial membrane leaks": Case(fires("subtract", leak=HALF, initial=numbers(8)), [5, 0], [9, 5], [0, 0]),
    "initial membrane of an integrator": Case(integrates(initial=numbers(-8)), [5, 0], [-3, -3]),
    "initial membrane at the limit": Case(integrates(bits=5, initial=numbers(15)), [1, -1], [15, 14]),
    "several spikes, subtract": Case(fires("subtract", further=THREE), [35, 0, 15], [35, 5, 20], [3, 0, 2]),
    "several spikes, zero": Case(fires("zero", further=THREE), [35, 15, 29], [35, 15, 29], [3, 1, 2]),
    "several spikes, none": Case(fires("none", further=THREE), [15, 10, -6], [15, 25, 19], [1, 2, 1]),
    "several spikes beyond zero": Case(fires("subtract", sub=15, further=THREE), [30, 0, 15], [30, -15, 0], [3, 0, 0]),
    "several spikes at one threshold": Case(
        fires("zero", further=numbers(10, 10).reshape(2, 1)), [9, 1], [9, 10], [0, 3]
    ),
    "a spike's effect ramps": Case(integrates(synapse=synapse(NoLeak())), [1, 0, 0, 0], [1, 2, 3, 4]),
    "a synaptic current leaks": Case(integrates(MultiplyLeak(0, 1), synapse=synapse(HALF)), [9, 0, -9], [9, 5, -6]),
    "a synaptic current saturates": Case(
        integrates(MultiplyLeak(0, 1), synapse=synapse(NoLeak(), 4)), [5, 5, -20], [5, 7, -8]
    ),
    "both leak": Case(integrates(HALF, synapse=synapse(MultiplyLeak(3, 2))), [8, 0, 0], [8, 10, 9]),
    "leak of a negative membrane": Case(integrates(ChannelLeak(numbers(3), 2)), [-10, -10, 0], [-10, -18, -14]),
}


@pytest.mark.parametrize("name", CASES)
def test_neurons(name: str) -> None:
    case = CASES[name]
    network, frame = one_neuron(case.neuron, case.currents, "membrane")
    assert run(network, frame, trace=True).membranes["last"].ravel().tolist() == case.u
    assert [step[0, 0, 0] for step in oracle.run(network, frame[0])[2]["last"]] == case.u
    scores: dict[Readout, int] = {"membrane": case.u[-1], "sum": sum(case.u), "max": max(case.u)}
    for readout, score in scores.items():
        assert run(replace(network, readout=readout), frame).scores.tolist() == [[score]]
    if case.spikes is not None:
        network, frame = one_neuron(case.neuron, case.currents, "count")
        result = run(network, frame, trace=True)
        assert result.spikes["last"].ravel().tolist() == case.spikes
        assert result.scores.tolist() == [[sum(case.spikes)]]
        assert [step[0, 0, 0] for step in oracle.run(network, frame[0])[2]["last"]] == case.spikes


def last(layer: Population, frame: np.ndarray, *, steps: int = 1, readout: Readout = "membrane") -> list[int]:
    """The scores of a network of ``layer`` alone, of one frame (C, H, W)."""
    network = Network("hand", frame.shape, 8, Encoder("direct"), steps, (layer,), readout)
    scores = run(network, frame[np.newaxis].astype(np.uint8)).scores[0].tolist()
    assert oracle.run(network, frame)[1] == scores
    return list(scores)


def test_leaks_per_channel() -> None:
    """No memory, none lost, and three quarters: 10, then 7 + 10, then 12 + 10."""
    leak = ChannelLeak(numbers(0, 4, 3), 2)
    layer = dense_layer("last", np.full((3, 1, 1, 1), 10), 0 * numbers(1, 1, 1), 8, integrates(leak))
    assert last(layer, np.ones((1, 1, 1)), steps=3) == [10, 30, 22]


def test_first() -> None:
    """Of 4 steps: it fires in the second, in the first (and later), in the last, never; the earliest has the most."""
    neuron = replace(fires("none"), threshold=numbers(2, 1, 4, 5))
    layer = dense_layer("last", np.ones((4, 1, 1, 1), np.int64), numbers(0, 0, 0, 0), 8, neuron)
    network = Network("hand", (1, 1, 1), 8, Encoder("direct"), 4, (layer,), "first")
    result = run(network, np.ones((1, 1, 1, 1), np.uint8))
    assert (result.scores.tolist(), result.predictions.tolist()) == ([[3, 4, 1, 0]], [1])


def test_first_with_ties() -> None:
    layer = dense_layer(
        "last",
        numbers(0, 5, 9).reshape(3, 1, 1, 1),
        numbers(0, 0, 0),
        8,
        replace(fires("none"), threshold=numbers(5, 5, 5)),
    )
    network = Network("hand", (1, 1, 1), 8, Encoder("direct"), 2, (layer,), "first")
    result = run(network, np.ones((1, 1, 1, 1), np.uint8))
    assert (result.scores.tolist(), result.predictions.tolist()) == ([[0, 2, 2]], [1])


ROW = np.array([3, 9, 4, 7, 1]).reshape(1, 1, 5)


def test_pool_of_currents() -> None:
    """Windows of 3 in steps of 2: (3, 9, 4) and (4, 7, 1); of -x the largest is that of the smallest x."""
    weight = numbers(1, -1).reshape(2, 1, 1, 1)
    neuron = replace(fires("none"), threshold=numbers(8, 1))
    conv = conv_layer("conv", weight, numbers(0, 3), 8, neuron, pool=Window((1, 3), (1, 2)))
    read = dense_layer("last", np.eye(4, dtype=np.int64).reshape(4, 2, 1, 2), numbers(0, 0, 0, 0), 8, integrates())
    network = Network("hand", (1, 1, 5), 8, Encoder("direct"), 1, (conv, read), "membrane")
    result = run(network, ROW[np.newaxis].astype(np.uint8), trace=True)
    assert result.spikes["conv"].tolist() == [[[[[1, 0]], [[0, 1]]]]]


def test_pool_of_currents_at_every_step() -> None:
    """Not of the sums over the steps: 5 + 5 of two inputs, not 6."""
    conv = conv_layer("last", np.ones((1, 1, 1, 1), np.int64), numbers(0), 8, integrates(), pool=Window((1, 2)))
    network = Network("hand", (1, 1, 2), 8, Encoder("steps"), 2, (conv,), "membrane")
    frame = np.array([[5, 1], [1, 5]], np.uint8).reshape(1, 2, 1, 1, 2)
    assert run(network, frame).scores.tolist() == [[10]]


def test_padding_values() -> None:
    """Two channels padded with 7 and 0: 7 + 10 * 0 left of (1, 2), and both."""
    weight = numbers(1, 0, 0, 10, 0, 0).reshape(1, 2, 1, 3)
    conv = conv_layer("conv", weight, numbers(0), 8, fires("none", threshold=7), (1, 1), (0, 1))
    frame = np.array([[1, 2], [0, 0]]).reshape(2, 1, 2)
    read = dense_layer("last", numbers(1, 0, 0, 1).reshape(2, 1, 1, 2), numbers(0, 0), 8, integrates())
    padded = with_weights(conv, weight, padding_values=numbers(7, 0))
    for layer, spikes in ((conv, [0, 0]), (padded, [1, 0])):
        layers = (layer, read)
        network = Network("hand", (2, 1, 2), 8, Encoder("direct"), 1, layers, "membrane")
        assert run(network, frame[np.newaxis].astype(np.uint8)).scores[0].tolist() == spikes


def test_gain_and_fraction_bits() -> None:
    """11 + 2^2 * 5 * (3 * 9 - 4) and -1 + 2^2 * 1 * (9 + 2 * 4)."""
    weight = numbers(3, -1, 1, 2).reshape(2, 2, 1, 1)
    conv = conv_layer("last", weight, numbers(11, -1), 8, integrates(), gain=numbers(5, 1), fraction_bits=2)
    assert last(conv, np.array([9, 4]).reshape(2, 1, 1)) == [471, 67]


def test_weights_of_one_bit() -> None:
    conv = conv_layer("last", numbers(1, -1, -1, -1).reshape(2, 2, 1, 1), numbers(0, 1), 1, integrates())
    assert last(conv, np.array([9, 4]).reshape(2, 1, 1)) == [5, -12]


def test_several_spikes_enter_the_next_layer_as_their_number() -> None:
    first = dense_layer("first", np.ones((1, 1, 1, 1), np.int64), numbers(0), 8, fires("zero", further=THREE))
    read = dense_layer("last", numbers(7).reshape(1, 1, 1, 1), numbers(1), 8, integrates())
    network = Network("hand", (1, 1, 1), 8, Encoder("steps"), 3, (first, read), "membrane")
    frames = np.array([35, 0, 25], np.uint8).reshape(1, 3, 1, 1, 1)
    assert run(network, frames, trace=True).membranes["last"].ravel().tolist() == [22, 23, 38]


def test_steps_are_read_in_their_order() -> None:
    """(N, T, C, H, W): two channels of two pixels in three steps, each weight a power of ten."""
    weight = numbers(1, 10, 100, -1).reshape(1, 2, 1, 2)
    layer = dense_layer("last", weight, numbers(0), 8, integrates(MultiplyLeak(0, 1)))
    network = Network("hand", (2, 1, 2), 8, Encoder("steps"), 3, (layer,), "membrane")
    frames = np.arange(12, dtype=np.uint8).reshape(1, 3, 2, 1, 2)
    expected = [1 * a + 10 * (a + 1) + 100 * (a + 2) - (a + 3) for a in (0, 4, 8)]
    assert run(network, frames, trace=True).membranes["last"].ravel().tolist() == expected
