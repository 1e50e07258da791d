# amaranth: UnusedElaboratable=no
"""Neurons against plain Python integers, step by step as written in docs/numerics.md."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from hwsnn.rtl.neuron import IntegratingNeurons, SpikingNeurons
from hwsnn.sim.stream_bench import CaseResult, StreamCase, run_cases
from hwsnn.spec import Leak, MultiplyLeak, NoLeak, Reset, ShiftLeak

POSITIONS = 6


@dataclass(frozen=True)
class Setting:
    """One combination of everything that a neuron's step depends on; ``reset`` None integrates without firing."""

    leak: Leak
    reset: Reset | None
    groups: int
    lanes: int
    timesteps: int
    membrane_bits: int = 10
    current_bits: int = 8

    @property
    def name(self) -> str:
        leak = {NoLeak: "if", ShiftLeak: "shift", MultiplyLeak: "multiply"}[type(self.leak)]
        sizes = (self.groups, self.lanes, self.timesteps, self.membrane_bits, self.current_bits)
        return "-".join([leak, self.reset or "integrate", *map(str, sizes)])


LEAKS: list[Leak] = [NoLeak(), ShiftLeak(2), MultiplyLeak(230, 8)]
RESETS: list[Reset | None] = ["subtract", "zero", "none", None]
SETTINGS = [
    # Every leak with every reset; 10 bits of membrane hold 5 steps of 8-bit currents but not 9: those saturate.
    *(Setting(leak, reset, 2, 3, timesteps) for leak in LEAKS for reset in RESETS for timesteps in (3, 9)),
    # Groups around the pipeline's depth, and single ones.
    *(Setting(ShiftLeak(1), "subtract", groups, 1, 4) for groups in (1, 3, 4, 5, 6, 7, 12)),
    *(Setting(NoLeak(), None, groups, 2, 3) for groups in (1, 2, 3, 4, 9)),
    Setting(ShiftLeak(3), "zero", 1, 4, 1),
    Setting(NoLeak(), None, 3, 2, 1),
    Setting(MultiplyLeak(0, 1), "none", 2, 2, 5),
    Setting(MultiplyLeak(65535, 16), "subtract", 2, 2, 4, 20, 12),
    Setting(ShiftLeak(16), "subtract", 2, 2, 4, 32, 20),
    # Currents wider than the membrane, and the narrowest membrane.
    Setting(ShiftLeak(1), "subtract", 2, 2, 6, 4, 9),
    Setting(NoLeak(), "zero", 1, 2, 6, 2, 3),
    Setting(NoLeak(), "subtract", 2, 2, 256, 9, 3),
]


def _leaked(leak: Leak, v: int) -> int:
    if isinstance(leak, ShiftLeak):
        return v - v // (1 << leak.shift)  # // rounds towards minus infinity, as >> does
    if isinstance(leak, MultiplyLeak):
        return v * leak.multiplier // (1 << leak.shift)
    return v


def _expected(setting: Setting, thresholds: Any, currents: list[list[list[list[int]]]]) -> list[int]:
    """The beats that must come out, for currents[position][step][group][lane]."""
    low, high = -(2 ** (setting.membrane_bits - 1)), 2 ** (setting.membrane_bits - 1) - 1
    beats = []
    for position in currents:
        v = [[0] * setting.lanes for _ in range(setting.groups)]
        for t, step in enumerate(position):
            for g, group in enumerate(step):
                spikes = 0
                for lane, current in enumerate(group):
                    u = min(max(_leaked(setting.leak, v[g][lane]) + current, low), high)
                    v[g][lane] = u
                    if setting.reset is not None and u >= thresholds[g][lane]:
                        spikes |= 1 << lane
                        v[g][lane] = {"subtract": u - int(thresholds[g][lane]), "zero": 0, "none": u}[setting.reset]
                if setting.reset is not None:
                    beats.append(spikes)
                elif t == setting.timesteps - 1:
                    beats.append(_flat(v[g], setting.membrane_bits))
    return beats


def _flat(values: list[int], bits: int) -> int:
    return sum((value & ((1 << bits) - 1)) << (index * bits) for index, value in enumerate(values))


def _currents(setting: Setting, generator: random.Random) -> list[list[list[list[int]]]]:
    low, high = -(1 << (setting.current_bits - 1)), (1 << (setting.current_bits - 1)) - 1

    def position(number: int) -> list[list[list[int]]]:
        # The first two positions push every membrane to its ends.
        ends = [(high, high), (low, low)][number] if number < 2 else (low, high)
        return [
            [[generator.randint(*ends) for _ in range(setting.lanes)] for _ in range(setting.groups)]
            for _ in range(setting.timesteps)
        ]

    return [position(number) for number in range(POSITIONS)]


def _saturates(setting: Setting) -> bool:
    return (setting.timesteps << setting.current_bits) > 1 << setting.membrane_bits


def _case(setting: Setting) -> StreamCase:
    generator = random.Random(setting.name)
    largest = min(2 ** (setting.membrane_bits - 1) - 1, 2 ** (setting.current_bits - 1))
    thresholds = np.array(
        [[generator.randint(1, largest) for _ in range(setting.lanes)] for _ in range(setting.groups)]
    )
    currents = _currents(setting, generator)
    sizes = (setting.membrane_bits, setting.current_bits)
    component: Any
    if setting.reset is not None:
        component = SpikingNeurons(
            thresholds, setting.leak, setting.reset, *sizes, setting.timesteps, _saturates(setting)
        )
    else:
        component = IntegratingNeurons(
            setting.leak, *sizes, setting.groups, setting.lanes, setting.timesteps, _saturates(setting)
        )
    inputs = [_flat(group, setting.current_bits) for position in currents for step in position for group in step]
    return StreamCase(setting.name, component, inputs, _expected(setting, thresholds, currents))


CASES = [_case(setting) for setting in SETTINGS]
PAIRS = list(zip(SETTINGS, CASES, strict=True))


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=11)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_neurons(case: StreamCase, results: dict[str, CaseResult]) -> None:
    assert results[case.name].error is None


@pytest.mark.parametrize(("setting", "case"), PAIRS, ids=lambda value: getattr(value, "name", ""))
def test_latency_and_clocks(setting: Setting, case: StreamCase, results: dict[str, CaseResult]) -> None:
    result, depth = results[case.name], case.component.depth
    a_pass = max(setting.groups, depth)
    first = result.input_clocks[0]
    a_position = a_pass * (setting.timesteps - 1) + setting.groups
    assert result.input_clocks == [
        first + position * a_position + step * a_pass + group
        for position in range(POSITIONS)
        for step in range(setting.timesteps)
        for group in range(setting.groups)
    ]
    beats = result.input_clocks
    if setting.reset is None:
        last_steps = range(setting.timesteps - 1, POSITIONS * setting.timesteps, setting.timesteps)
        beats = [beats[step * setting.groups + group] for step in last_steps for group in range(setting.groups)]
    assert result.output_clocks == [clock + case.component.latency for clock in beats]


def test_stated_depth() -> None:
    ones = np.ones((1, 1), int)
    assert SpikingNeurons(ones, NoLeak(), "zero", 8, 8, 2, False).depth == 4
    assert SpikingNeurons(ones, ShiftLeak(1), "zero", 8, 8, 2, True).depth == 6
    assert IntegratingNeurons(NoLeak(), 8, 8, 1, 1, 2, False).depth == 3
    assert IntegratingNeurons(MultiplyLeak(1, 1), 8, 8, 1, 1, 2, True).depth == 5


ONES = np.ones((2, 2), int)


@pytest.mark.parametrize(
    ("component", "arguments", "error", "message"),
    [
        (SpikingNeurons, ([[1]], NoLeak(), "zero", 8, 8, 1), TypeError, r"thresholds must be an integer array, not"),
        (SpikingNeurons, (ONES[0], NoLeak(), "zero", 8, 8, 1), ValueError, r"shape \(groups, lanes\).*not \(2,\)"),
        (SpikingNeurons, (ONES * 0, NoLeak(), "zero", 8, 8, 1), ValueError, r"must lie from 1 to 127, not from 0 to 0"),
        (SpikingNeurons, (ONES * 128, NoLeak(), "zero", 8, 8, 1), ValueError, r"from 1 to 127, not from 128 to 128"),
        (SpikingNeurons, (ONES, 0.5, "zero", 8, 8, 1), TypeError, r"leak must be a NoLeak, ShiftLeak or .*, not 0.5"),
        (SpikingNeurons, (ONES, NoLeak(), "hard", 8, 8, 1), ValueError, r"reset must be one of .*, not 'hard'"),
        (SpikingNeurons, (ONES, NoLeak(), "zero", 1, 8, 1), ValueError, r"membrane bits must be .* 2 to 32, not 1"),
        (SpikingNeurons, (ONES, NoLeak(), "zero", 8, 0, 1), ValueError, r"current bits must be .* at least 1, not 0"),
        (SpikingNeurons, (ONES, NoLeak(), "zero", 8, 8, 0), ValueError, r"timesteps must be .* 1 to 256, not 0"),
        (SpikingNeurons, (ONES, NoLeak(), "zero", 8, 8, 1, 1), TypeError, r"saturates must be a bool, not 1"),
        (IntegratingNeurons, (NoLeak(), 33, 8, 1, 1, 1), ValueError, r"membrane bits must be .* 2 to 32, not 33"),
        (IntegratingNeurons, (NoLeak(), 8, 8, 0, 1, 1), ValueError, r"groups must be .* at least 1, not 0"),
        (IntegratingNeurons, (NoLeak(), 8, 8, 1, 0, 1), ValueError, r"lanes must be .* at least 1, not 0"),
    ],
)
def test_init_wrong(component: Any, arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        component(*arguments)
