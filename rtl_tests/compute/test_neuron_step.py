# amaranth: UnusedElaboratable=no
"""One step of one neuron against plain integers, every port in the cycle that is stated for it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator

from hwsnn.folding.step_stages import step_stages
from hwsnn.rtl.compute.neuron_step import NeuronStep, state_layout
from hwsnn.rtl.compute.step_constants import constants_layout, step_constants
from hwsnn.spec import AnyNeuron, ChannelLeak, Integrator, Neuron, NoLeak, ShiftLeak
from hwsnn.spec.integers import signed_limits
from rtl_tests.support.neuron_kinds import KINDS, After, any_neuron, leaks, step

BITS, CURRENT_BITS, CHANNELS, BEATS = 7, 6, 5, 100


@dataclass(frozen=True)
class Beat:
    """What enters a step, and what must leave."""

    channel: int
    v: int
    fired: int
    current: int
    after: After


def _beats(neuron: AnyNeuron, channels: list[int], *, saturates: bool, begins: bool, seed: str) -> list[Beat]:
    """Other values every clock, so that a port that is looked at a clock too early or too late is seen."""
    generator, beats = random.Random(seed), list[Beat]()
    low, high = signed_limits(BITS)
    remembers = "fired" in state_layout(neuron).members
    while len(beats) < BEATS:
        channel = generator.choice(channels)
        v, fired = generator.randint(low, high), generator.randint(0, 1) * remembers
        if begins:
            v, fired = 0 if neuron.initial is None else int(neuron.initial[channel]), 0
        current = generator.randint(*signed_limits(CURRENT_BITS))
        after = step(neuron, channel, v, fired, current, saturates=saturates)
        if low <= after.u <= high and low <= after.v <= high:  # else the ranges rule it out
            beats.append(Beat(channel, v, fired, current, after))
    return beats


async def _drive(ctx: Any, part: NeuronStep, neuron: AnyNeuron, beats: list[Beat], clock: int) -> None:
    stages, numbers = part.stages, step_constants(neuron)

    def now(stage: int) -> Beat | None:
        return beats[clock - stage] if 0 <= clock - stage < len(beats) else None

    if (beat := now(stages.state)) and "state" in part.signature.members:
        ctx.set(part.state.v, beat.v)
        if "fired" in part.state.shape().members:
            ctx.set(part.state.fired, beat.fired)
    if beat := now(stages.current):
        ctx.set(part.current, beat.current)
    for name, stage in stages.constants.items():
        if beat := now(stage):
            ctx.set(getattr(part.constants, name), int(numbers[name][beat.channel]))


def _seen(ctx: Any, part: NeuronStep, beats: list[Beat], clock: int) -> list[tuple[str, int, int]]:
    """Each output that is there now: its name, its value, and what it must be."""
    stages, found = part.stages, list[tuple[str, int, int]]()

    def look(name: str, stage: int, signal: Any, expected: str) -> None:
        if 0 <= clock - stage < len(beats):
            found.append((name, ctx.get(signal), getattr(beats[clock - stage].after, expected)))

    members = part.signature.members
    if "spike" in members:
        look("spike", stages.spikes, part.spike, "n")
    if "u" in members:
        look("u", stages.u, part.u, "u")
    look("v", stages.end, part.left.v, "v")
    if "fired" in part.left.shape().members:
        look("fired", stages.end, part.left.fired, "fired")
    return found


@pytest.mark.parametrize("floor", [False, True], ids=["no-floor", "floor"])
@pytest.mark.parametrize("kind", KINDS)
def test_one_step_per_cycle(kind: str, floor: bool) -> None:
    generator = random.Random(f"{kind} {floor}")
    m = Module()
    m.domains.sync = ClockDomain()  # a step that only passes its current on has no register
    parts: dict[str, tuple[NeuronStep, AnyNeuron, list[Beat]]] = {}
    for leak, saturates in product(leaks(CHANNELS, generator), (False, True)):
        for begins, initial, groups in ((False, False, CHANNELS), (False, True, 1), (True, False, 1), (True, True, 1)):
            gives_u, gives_spikes = len(parts) % 3 == 0, len(parts) % 6 != 0
            neuron = any_neuron(kind, leak, generator, channels=CHANNELS, bits=BITS, floor=floor, initial=initial)
            lane = generator.randrange(CHANNELS // groups)
            part = NeuronStep(
                neuron,
                CURRENT_BITS,
                saturates=saturates,
                groups=groups,
                lane=lane,
                begins=begins,
                gives_u=gives_u,
                gives_spikes=gives_spikes,
            )
            channels = [lane] if isinstance(leak, ChannelLeak) and groups == 1 else list(range(CHANNELS))
            name = f"{leak} {saturates=} {begins=} {initial=} {groups=} {gives_u=} {gives_spikes=}"
            parts[name] = part, neuron, _beats(neuron, channels, saturates=saturates, begins=begins, seed=name)
            m.submodules[f"part_{len(parts)}"] = part
    wrong: dict[str, set[str]] = {}
    looked = 0

    async def bench(ctx: Any) -> None:
        nonlocal looked
        for clock in range(-1, BEATS + max(max(part.stages.end, part.stages.spikes) for part, *_ in parts.values())):
            for part, neuron, beats in parts.values():
                await _drive(ctx, part, neuron, beats, clock)
            for name, (part, _, beats) in parts.items():
                for what, value, expected in _seen(ctx, part, beats, clock):
                    looked += 1
                    if value != expected:
                        wrong.setdefault(name, set()).add(what)
            await ctx.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert not wrong
    outputs = sum(
        len(part.signature.members.keys() & {"spike", "u"}) + len(part.left.shape().members)
        for part, *_ in parts.values()
    )
    assert looked == outputs * BEATS


def test_ports_follow_from_what_a_neuron_declares() -> None:
    fires = Neuron(np.array([5, 63]), NoLeak(), "subtract", BITS, np.array([0, 50]))
    integrates = Integrator(ShiftLeak(1), BITS)
    assert state_layout(fires).size == sum(variable.bits for variable in fires.state) == BITS
    assert constants_layout(fires, fires.constants).size == 6 + 6

    def ports(kind: AnyNeuron, **how: bool) -> set[str]:
        return {*NeuronStep(kind, 4, saturates=True, **how).signature.members}

    assert ports(fires) == {"state", "current", "constants", "spike", "left"}
    assert ports(fires, gives_u=True) == {"state", "current", "constants", "spike", "u", "left"}
    assert ports(fires, gives_u=True, gives_spikes=False) == {"state", "current", "constants", "u", "left"}
    assert ports(integrates, gives_u=True, begins=True) == {"current", "u", "left"}
    assert ports(integrates) == {"state", "current", "left"}  # of a synaptic current, which is all state


@pytest.mark.parametrize("begins", [False, True])
def test_stages_are_those_that_folds_and_timing_count_with(begins: bool) -> None:
    neuron = Neuron(np.array([5, 63]), ShiftLeak(1), "zero", BITS)
    assert NeuronStep(neuron, 4, saturates=True, begins=begins).stages == step_stages(
        neuron, saturates=True, begins=begins
    )
