"""What the estimate counts for each kind of neuron, in adders of a membrane's width."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hwsnn.folding.folding import LayerFold
from hwsnn.planner import Cost, layer_cost
from hwsnn.planner.devices import DEVICES
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
    Reset,
    ShiftLeak,
    SynapticCurrent,
)
from tests.support.layers import dense_layer

BITS, LANES = 24, 3


def _cost(neuron: AnyNeuron, timesteps: int = 4, t_par: int = 1, lanes: int = LANES) -> Cost:
    """Of a layer of three channels; of several passes, of which each has a membrane before it."""
    layer = dense_layer("last", np.ones((LANES, 1, 1, 1), int), np.zeros(LANES, int), 4, neuron)
    network = Network("one", (1, 1, 1), 1, Encoder("uniform"), timesteps, (layer,), "membrane")
    return layer_cost(network, 0, LayerFold(1, lanes, t_par), (t_par,), DEVICES["xczu9eg"])


def _fires(reset: Reset, leak: Leak | None = None, **fields: Any) -> Neuron:
    sub = np.full(LANES, 3) if "subtract" in reset else None
    return Neuron(np.full(LANES, 3), leak or NoLeak(), reset, BITS, sub, **fields)


def _adders(more: AnyNeuron, less: AnyNeuron, **how: int) -> float:
    """How many adders of each lane ``more`` has more than ``less``."""
    return (_cost(more, **how).lut - _cost(less, **how).lut) / (LANES * BITS)


FLOOR = np.full(LANES, -5)
FURTHER = np.array([[4] * LANES, [5] * LANES])


@pytest.mark.parametrize(
    ("more", "less", "adders"),
    [
        # A comparison, and the selection of what is left.
        (_fires("subtract"), Integrator(NoLeak(), BITS), 2),
        # The amount is taken off the current, and nothing is selected.
        (_fires("late-subtract"), _fires("subtract"), 0),
        (_fires("late-zero", synapse=SynapticCurrent(NoLeak(), BITS)), _fires("late-subtract"), -1 + 1),
        # Two sums, two comparisons with u and one with v.
        (_fires("undelayed-subtract"), _fires("late-subtract"), 3),
        # Three comparisons instead of one, and the second bit of the number of spikes.
        (_fires("subtract", further=FURTHER), _fires("subtract"), 3),
        (_fires("zero", further=FURTHER), _fires("zero"), 2),
        # A comparison with the floor, and one more for what a spike leaves.
        (_fires("zero", floor=FLOOR), _fires("zero"), 1),
        (_fires("subtract", floor=FLOOR), _fires("subtract"), 2),
        # A synaptic current is added to, and leaks.
        (_fires("zero", synapse=SynapticCurrent(NoLeak(), BITS)), _fires("zero"), 1),
        (_fires("zero", synapse=SynapticCurrent(MultiplyLeak(21, 6), BITS)), _fires("zero"), 3),
    ],
)
def test_adders(more: AnyNeuron, less: AnyNeuron, adders: float) -> None:
    assert _adders(more, less) == adders


def test_leaks_per_channel() -> None:
    """Each PE has a product of its own; over several channels, an adder for each further bit of any of them."""
    leak = ChannelLeak(np.array([5, 21, 64]), 6)
    assert _adders(_fires("zero", leak), _fires("zero")) == (1 + 2 + 0) / LANES
    one_lane = [_cost(_fires("zero", leak), lanes=1).lut for leak in (leak, NoLeak())]
    # The bits 6, 4, 2 and 0; and the multipliers are one more table.
    assert one_lane[0] - one_lane[1] == BITS * (3 + 1)


def test_the_first_step_of_a_pass_of_all_steps_has_no_leak() -> None:
    assert _adders(_fires("zero", ShiftLeak(1)), _fires("zero"), timesteps=2, t_par=2) == 1
    assert _adders(_fires("zero", ShiftLeak(1)), _fires("zero"), timesteps=1) == 0


def test_what_saturates_is_clipped() -> None:
    """Membranes, and synaptic currents, of a bit less than they need."""
    weight = np.full((1, 1, 1, 1), 127)

    def lut(neuron: AnyNeuron) -> int:
        layer = dense_layer("last", weight, np.zeros(1, int), 8, neuron)
        network = Network("one", (1, 1, 1), 1, Encoder("uniform"), 4, (layer,), "membrane")
        return layer_cost(network, 0, LayerFold(1, 1), (1,), DEVICES["xczu9eg"]).lut

    wide, narrow = Integrator(NoLeak(), 10), Integrator(NoLeak(), 9)
    assert lut(narrow) - lut(wide) == 2 * 9 - 10
    both = [replace(Integrator(NoLeak(), 20), synapse=SynapticCurrent(NoLeak(), bits)) for bits in (10, 9)]
    assert lut(both[1]) - lut(both[0]) == 2 * 9 - 10
