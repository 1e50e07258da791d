"""Cycles of one step of a neuron, counted by hand; ``rtl_tests`` hold the hardware against the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hwsnn.folding.leak_products import (
    any_gated,
    is_gated,
    leak_adders,
    leak_clocks,
    pe_adders,
    pe_clocks,
    pe_leaks,
    places,
)
from hwsnn.folding.step_stages import StepStages, step_stages
from hwsnn.spec import ChannelLeak, Integrator, Leak, MultiplyLeak, Neuron, NoLeak, Reset, ShiftLeak, SynapticCurrent
from hwsnn.spec.integers import signed_digits


def fires(leak: Leak, reset: Reset = "zero", **fields: Any) -> Neuron:
    sub = np.array([2]) if "subtract" in reset else None
    return Neuron(np.array([3]), leak, reset, 10, sub, **fields)


def test_leaks() -> None:
    """One adder for a shift; a tree of adders over the digits of a product."""
    leaks: list[Leak] = [NoLeak(), ShiftLeak(2), *(MultiplyLeak(m, 16) for m in (0, 64, 5, 21, 85, 0x5555))]
    assert [pe_clocks(leak) for leak in leaks] == [0, 1, 0, 0, 1, 2, 2, 3]
    assert [leak_adders(leak) for leak in leaks] == [0, 1, 0, 0, 1, 2, 3, 7]


def test_leaks_per_channel() -> None:
    leak = ChannelLeak(np.array([5, 4, 5, 256, 5, 1]), 8)
    # Three PEs of two channels, 5 and 256, 4 and 5, 5 and 1: their bits are at 8, 2 and 0, at 2 and 0, at 2 and 0.
    two = pe_leaks(leak, 2)
    assert [is_gated(one) for one in two] == [True] * 3
    assert [leak_adders(one) for one in two] == [2, 1, 1]
    assert leak_clocks(leak, 2) == 2
    # Six PEs of a constant each: two digits, or one.
    assert not any(map(is_gated, pe_leaks(leak, 1)))
    assert [leak_adders(one) for one in pe_leaks(leak, 1)] == [1, 0, 1, 0, 1, 0]
    assert leak_clocks(leak, 1) == 1
    # Three groups: the first PE has only channels of 5, two digits; the other one three places.
    three = pe_leaks(leak, 3)
    assert [(is_gated(one), leak_adders(one)) for one in three] == [(False, 1), (True, 2)]


def test_all_leaks_per_channel_at_once_are_as_one_by_one() -> None:
    random = np.random.default_rng(1)
    for shift in range(1, 17):
        multipliers = random.integers(0, 1 << shift, 24, endpoint=True)
        multipliers[::8] = multipliers[0]  # with three groups the first PE has a constant
        leak = ChannelLeak(multipliers, shift)
        for groups in (1, 3, 24):
            ones = pe_leaks(leak, groups)
            terms = [places(one) if is_gated(one) else signed_digits(int(one.multipliers[0])) for one in ones]  # type: ignore[arg-type, union-attr]
            assert pe_adders(leak, groups).tolist() == [max(len(its) - 1, 0) for its in terms]
            assert any_gated(leak, groups) == any(map(is_gated, ones))


def test_steps() -> None:
    """Leak, add, saturate, fire, and a register before the next step takes what a reset left."""
    assert step_stages(fires(ShiftLeak(1)), saturates=True, start=10) == StepStages(
        10, 11, {"threshold": 13}, 13, 14, 14, 15
    )
    assert step_stages(fires(NoLeak()), saturates=False) == StepStages(0, 0, {"threshold": 1}, 1, 2, 2, 3)
    assert step_stages(Integrator(ShiftLeak(1), 8), saturates=True) == StepStages(0, 1, {}, 3, 3, 3, 3)
    # The first step of all has nothing to leak or to add to.
    assert step_stages(fires(ShiftLeak(1)), saturates=False, begins=True) == StepStages(
        0, 0, {"threshold": 0}, 0, 1, 1, 2
    )


def test_an_initial_membrane_is_added_to() -> None:
    neuron = fires(ShiftLeak(1), initial=np.array([1]))
    constants = {"leaked_initial": 0, "threshold": 1}
    assert step_stages(neuron, saturates=False, begins=True) == StepStages(0, 0, constants, 1, 2, 2, 3)
    assert step_stages(neuron, saturates=False) == StepStages(0, 1, {"threshold": 2}, 2, 3, 3, 4)


@pytest.mark.parametrize("leak", [NoLeak(), ShiftLeak(1)])
def test_late_resets_are_part_of_the_next_sum(leak: Leak) -> None:
    """The state is in registers, and the next step takes it as it is; the amount is off the current before."""
    clocks = pe_clocks(leak)
    u = clocks + 1
    late = step_stages(fires(leak, "late-subtract"), saturates=False)
    assert late == StepStages(0, clocks - 1, {"sub": clocks - 1, "threshold": u}, u, u + 1, u + 1, u + 1)
    zero = step_stages(fires(leak, "late-zero", synapse=SynapticCurrent(leak, 8)), saturates=False)
    assert zero == StepStages(0, clocks, {"threshold": u}, u, u + 1, u + 1, u + 1)


def test_an_undelayed_reset_knows_u_with_its_comparisons() -> None:
    stages = step_stages(fires(ShiftLeak(1), "undelayed-subtract"), saturates=True)
    assert stages == StepStages(0, 0, {"sub": 0, "threshold": 3, "threshold_before": 0}, 4, 4, 4, 5)
    begins = step_stages(fires(ShiftLeak(1), "undelayed-subtract"), saturates=True, begins=True)
    constants = {"leaked_initial": 0, "threshold": 2, "leaked_initial_reduced": 0, "again": 3}
    assert begins == StepStages(0, 0, constants, 3, 3, 3, 4)


@pytest.mark.parametrize(("spikes", "adders"), [(2, 2), (3, 2), (4, 2), (7, 2), (8, 3), (15, 3)])
def test_several_spikes_are_counted_and_taken_off(spikes: int, adders: int) -> None:
    """A cycle to count; then u and a term per bit of the count, in a tree. Other resets do not wait for it."""
    further = np.full((spikes - 1, 1), 9)
    stages = step_stages(fires(NoLeak(), "subtract", further=further), saturates=False)
    thresholds = dict.fromkeys(["threshold", *(f"threshold_{k}" for k in range(2, spikes + 1))], 1)
    assert stages == StepStages(0, 0, thresholds | {"sub": 3}, 1, 3, 3 + adders, 3 + adders)
    assert step_stages(fires(NoLeak(), further=further), saturates=False) == StepStages(0, 0, thresholds, 1, 3, 2, 3)


def test_a_floor_is_compared_beside_the_threshold() -> None:
    floor = np.array([-4])
    zero = step_stages(fires(NoLeak(), floor=floor), saturates=False)
    assert zero == StepStages(0, 0, {"threshold": 1, "floor": 1, "bound": 2}, 1, 2, 2, 3)
    subtract = step_stages(fires(NoLeak(), "subtract", floor=floor), saturates=False)
    assert subtract.constants == {"threshold": 1, "sub": 1, "floor_reduced": 1, "floor": 1, "bound": 2}
    assert subtract.next == zero.next
    # An integrator, and a late reset, now select; several spikes know what is left only then.
    assert step_stages(Integrator(NoLeak(), 8, floor=floor), saturates=False).next == 3
    assert step_stages(fires(NoLeak(), "late-subtract", floor=floor), saturates=False).next == 3
    several = step_stages(fires(NoLeak(), "subtract", further=np.array([[9]]), floor=floor), saturates=False)
    assert (several.constants["floor"], several.constants["bound"], several.end, several.next) == (5, 6, 6, 7)


def test_multipliers_of_several_channels_are_read_with_the_state() -> None:
    leak = ChannelLeak(np.array([5, 4]), 8)
    integrates = Integrator(leak, 8)
    assert step_stages(integrates, saturates=False, groups=2).constants == {"multiplier": 0}
    assert step_stages(integrates, saturates=False, groups=1).constants == {}
    assert step_stages(integrates, saturates=False, groups=2, begins=True).constants == {}
