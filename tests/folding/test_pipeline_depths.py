"""Clocks of neurons, counted by hand; ``rtl_tests`` hold the hardware against the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from hwsnn.folding.pipeline_depths import StepStages, leak_adders, leak_clocks, neuron_pipeline, step_stages
from hwsnn.spec import AnyNeuron, Integrator, Leak, MultiplyLeak, Neuron, NoLeak, ShiftLeak


def fires(leak: Leak) -> Neuron:
    return Neuron(np.array([3]), leak, "zero", 10)


def test_leaks() -> None:
    """One adder for a shift; a tree of adders over the digits of a product."""
    leaks: list[Leak] = [NoLeak(), ShiftLeak(2), *(MultiplyLeak(m, 16) for m in (0, 64, 5, 21, 85, 0x5555))]
    assert [leak_clocks(leak) for leak in leaks] == [0, 1, 0, 0, 1, 2, 2, 3]
    assert [leak_adders(leak) for leak in leaks] == [0, 1, 0, 0, 1, 2, 3, 7]


def test_steps() -> None:
    """Leak, add, saturate, fire, and a register before the next step takes what a reset left."""
    assert step_stages(fires(ShiftLeak(1)), saturates=True, start=10) == StepStages(10, 11, 13, 14, 15)
    assert step_stages(fires(NoLeak()), saturates=False) == StepStages(0, 0, 1, 2, 3)
    assert step_stages(Integrator(ShiftLeak(1), 8), saturates=True) == StepStages(0, 1, 3, 3, 3)
    # The first step of all has nothing to leak or to add to.
    assert step_stages(fires(ShiftLeak(1)), saturates=False, begins=True) == StepStages(0, 0, 0, 1, 2)


@pytest.mark.parametrize(
    ("neuron", "steps", "saturates", "min_interval", "latency"),
    [
        # A clock each to read, to leak, to add, to clip and to compare, where there is something to do.
        (fires(NoLeak()), (2, 1), False, 4, 3),
        (fires(ShiftLeak(1)), (2, 1), True, 6, 5),
        (Integrator(NoLeak(), 8), (2, 1), False, 3, 2),
        # 1 and 5 in signed digits: one and two of them.
        (Integrator(MultiplyLeak(1, 1), 8), (2, 1), True, 4, 3),
        (Integrator(MultiplyLeak(5, 3), 8), (2, 1), True, 5, 4),
        # Two steps a pass; a membrane is read after the first of the last pass, which has no second.
        (fires(ShiftLeak(1)), (3, 2), False, 9, 8),
        (Integrator(ShiftLeak(1), 8), (3, 2), False, 6, 3),
        # One pass: no memory to read, and the first step has nothing to leak or to add to.
        (fires(ShiftLeak(1)), (1, 1), False, 0, 1),
        (fires(ShiftLeak(1)), (2, 2), False, 0, 5),
        (Integrator(ShiftLeak(1), 8), (2, 2), False, 0, 2),
    ],
)
def test_passes(neuron: AnyNeuron, steps: tuple[int, int], saturates: bool, min_interval: int, latency: int) -> None:
    pipeline = neuron_pipeline(neuron, groups=1, timesteps=steps[0], t_par=steps[1], saturates=saturates)
    assert (pipeline.min_interval, pipeline.latency, len(pipeline.steps)) == (min_interval, latency, steps[1])


def test_constants_of_several_groups_are_looked_up_in_a_clock() -> None:
    one, two = (
        neuron_pipeline(fires(ShiftLeak(1)), groups=groups, timesteps=2, t_par=2, saturates=False) for groups in (1, 2)
    )
    assert (two.latency, two.min_interval) == (one.latency + 1, 0)
