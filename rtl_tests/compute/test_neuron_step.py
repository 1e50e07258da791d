# amaranth: UnusedElaboratable=no
"""One step of one neuron against plain integers, every port at the clock that is stated for it."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator

from hwsnn.folding.pipeline_depths import step_stages
from hwsnn.rtl.compute.neuron_step import NeuronStep, constants_layout, state_layout
from hwsnn.spec import AnyNeuron, Integrator, Leak, MultiplyLeak, Neuron, NoLeak, Reset, ShiftLeak
from tests.support import oracle

BITS, CURRENT_BITS, BEATS = 7, 6, 400
LEAKS: list[Leak] = [NoLeak(), ShiftLeak(2), MultiplyLeak(0, 3), MultiplyLeak(219, 8)]
RESETS: list[Reset | None] = ["subtract", "zero", "none", None]


def _neuron(leak: Leak, reset: Reset | None) -> AnyNeuron:
    """``reset`` None: one that never fires."""
    if reset is None:
        return Integrator(leak, BITS)
    return Neuron(np.array([5, 63]), leak, reset, BITS, np.array([0, 50]) if reset == "subtract" else None)


@pytest.mark.parametrize("begins", [False, True])
@pytest.mark.parametrize("saturates", [False, True])
@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("leak", LEAKS, ids=repr)
def test_one_step_per_cycle(leak: Leak, reset: Reset | None, saturates: bool, begins: bool) -> None:
    """Other values every clock, so that a port that is looked at a clock too early or too late is seen."""
    neuron, generator = _neuron(leak, reset), random.Random(f"{leak} {reset} {saturates} {begins}")
    low, high = -(1 << (BITS - 1)), (1 << (BITS - 1)) - 1
    v, threshold, sub = (
        [generator.randint(*ends) for _ in range(BEATS)] for ends in ((low, high), (1, high), (0, high))
    )
    current = [generator.randint(-(1 << (CURRENT_BITS - 1)), (1 << (CURRENT_BITS - 1)) - 1) for _ in range(BEATS)]
    if begins:
        v = [0] * BEATS
    spikes, left = [], []
    for beat in range(BEATS):
        u = oracle.leaked(leak, v[beat]) + current[beat]
        if saturates:
            u = min(max(u, low), high)
        elif not low <= u <= high:  # what the ranges rule out where nothing saturates
            v[beat] = current[beat] = u = 0
        spikes.append(int(reset is not None and u >= threshold[beat]))
        left.append({"subtract": u - sub[beat], "zero": 0}.get(str(reset), u) if spikes[-1] else u)

    step = NeuronStep(neuron, CURRENT_BITS, saturates=saturates, begins=begins)
    stages = step.stages
    seen: tuple[list[int], list[int]] = ([], [])

    async def bench(ctx: Any) -> None:
        for clock in range(BEATS + stages.end):
            now = {name: clock - at for name, at in vars(stages).items()}
            if not begins and now["state"] < BEATS:
                ctx.set(step.state.v, v[now["state"]])
            if 0 <= now["current"] < BEATS:
                ctx.set(step.current, current[now["current"]])
            if reset is not None and 0 <= now["constants"] < BEATS:
                ctx.set(step.constants.threshold, threshold[now["constants"]])
                if reset == "subtract":
                    ctx.set(step.constants.sub, sub[now["constants"]])
            if now["end"] >= 0:
                seen[0].append(ctx.get(step.spike) if reset is not None else 0)
                seen[1].append(ctx.get(step.left.v))
            await ctx.tick()

    m = Module()
    m.domains.sync = ClockDomain()  # a step that only passes its current on has no register
    m.submodules.step = step
    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == (spikes, left)


def test_ports_follow_from_what_a_neuron_declares() -> None:
    fires, integrates = _neuron(NoLeak(), "subtract"), _neuron(NoLeak(), None)
    assert state_layout(fires).size == sum(variable.bits for variable in fires.state) == BITS
    assert constants_layout(fires).size == 6 + 6
    ports = {
        name: set(NeuronStep(kind, 4, saturates=True, begins=begins).signature.members)
        for name, kind, begins in (("fires", fires, False), ("begins", integrates, True))
    }
    assert ports == {"fires": {"state", "current", "constants", "spike", "left"}, "begins": {"current", "left"}}


@pytest.mark.parametrize("begins", [False, True])
def test_stages_are_those_that_folds_and_timing_count_with(begins: bool) -> None:
    neuron = _neuron(ShiftLeak(1), "zero")
    assert NeuronStep(neuron, 4, saturates=True, begins=begins).stages == step_stages(
        neuron, saturates=True, begins=begins
    )
