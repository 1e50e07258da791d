# amaranth: UnusedElaboratable=no
"""Neurons against plain Python integers, step by step as written in docs/numerics.md."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.rtl.compute.neurons import Neurons, NeuronShape
from hwsnn.rtl.stream.counter import ModuloCounter
from hwsnn.spec import AnyNeuron, Integrator, Leak, MultiplyLeak, Neuron, NoLeak, Reset, ShiftLeak
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

POSITIONS = 6


@dataclass(frozen=True)
class Setting:
    """One combination of everything that a neuron's step depends on; ``reset`` None integrates without firing."""

    leak: Leak
    reset: Reset | None
    groups: int
    lanes: int
    timesteps: int
    t_par: int = 1
    shared: bool = False
    membrane_bits: int = 10
    current_bits: int = 8
    saturates: bool | None = None

    @property
    def name(self) -> str:
        leak = {NoLeak: "if", ShiftLeak: "shift", MultiplyLeak: "multiply"}[type(self.leak)]
        parameters = [getattr(self.leak, field) for field in ("multiplier", "shift") if hasattr(self.leak, field)]
        sizes = (self.groups, self.lanes, self.timesteps, self.t_par, self.membrane_bits, self.current_bits)
        kind = ("-".join(map(str, [leak, *parameters])), self.reset or "integrate", *map(str, sizes))
        return "-".join([*kind, *(["shared"] * self.shared), *(["no-clip"] * (self.saturates is False))])

    @property
    def passes(self) -> int:
        return -(-self.timesteps // self.t_par)

    def component(self, thresholds: Any, subs: Any) -> Neurons:
        """``thresholds`` and ``subs``: (groups, lanes)."""
        saturates = self.saturates
        if saturates is None:
            saturates = (self.timesteps << self.current_bits) > 1 << self.membrane_bits
        neuron: AnyNeuron = Integrator(self.leak, self.membrane_bits)
        if self.reset is not None:
            sub = subs.reshape(-1) if self.reset == "subtract" else None
            neuron = Neuron(thresholds.reshape(-1), self.leak, self.reset, self.membrane_bits, sub)
        sizes = (self.groups, self.lanes, self.current_bits, self.timesteps, self.t_par)
        return Neurons(neuron, NeuronShape(*sizes, self.shared, saturates))


class Paced(wiring.Component):  # type: ignore[misc]
    """Neurons, and a pacer before them: within a position, a pass begins ``clocks`` clocks after the one before."""

    def __init__(self, neurons: Any, setting: Setting, clocks: int) -> None:
        self.neurons, self.setting, self.clocks = neurons, setting, clocks
        super().__init__(
            {
                "i": In(stream.Signature(neurons.i.payload.shape())),
                "o": Out(stream.Signature(neurons.o.payload.shape(), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.neurons = neurons = self.neurons
        m.submodules.groups = group = ModuloCounter(self.setting.groups)
        m.submodules.passes = one_pass = ModuloCounter(self.setting.passes)
        wait = max(self.clocks - self.setting.groups, 0)
        left = Signal(range(wait + 1))
        m.d.comb += [
            self.i.ready.eq(left == 0),
            neurons.i.valid.eq(self.i.valid & self.i.ready),
            neurons.i.payload.eq(self.i.payload),
            group.step.eq(neurons.i.valid),
            one_pass.step.eq(group.step & group.last),
        ]
        with m.If(one_pass.step & ~one_pass.last):
            m.d.sync += left.eq(wait)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        wiring.connect(m, neurons.o, wiring.flipped(self.o))
        return m


LEAKS: list[Leak] = [NoLeak(), ShiftLeak(2), MultiplyLeak(230, 8)]
RESETS: list[Reset | None] = ["subtract", "zero", "none", None]
SETTINGS = [
    # Every leak with every reset, a step a pass and several. Membranes of 10 bits cannot hold 7 currents of 8 bits.
    *(
        Setting(leak, reset, 2, 2, timesteps, t_par)
        for leak in LEAKS
        for reset in RESETS
        for timesteps, t_par in ((7, 1), (7, 3))
    ),
    # Groups around the pipeline's depth, and single ones.
    *(Setting(ShiftLeak(1), "subtract", groups, 1, 4) for groups in (1, 5, 6, 7, 12)),
    *(Setting(ShiftLeak(1), "subtract", groups, 1, 5, 2) for groups in (1, 8, 11)),
    *(Setting(NoLeak(), None, groups, 2, 3) for groups in (1, 2, 3, 4, 9)),
    # All steps in one pass, without saturation.
    *(Setting(leak, reset, 2, 2, 3, 3) for leak in LEAKS for reset in ("subtract", None)),
    # One current for all steps of a pass.
    *(Setting(leak, "subtract", 2, 2, 5, t_par, True) for leak, t_par in zip(LEAKS, (5, 2, 1), strict=True)),
    *(Setting(leak, None, 2, 2, 5, t_par, True) for leak, t_par in zip(LEAKS, (1, 5, 2), strict=True)),
    Setting(NoLeak(), "zero", 1, 2, 4, 4, True),
    # A single step; several, some of them too many.
    Setting(ShiftLeak(3), "zero", 1, 4, 1),
    Setting(NoLeak(), None, 3, 2, 1),
    *(Setting(NoLeak(), reset, 1, 2, 5, t_par) for reset in ("zero", None) for t_par in (2, 3, 4)),
    # The ends of the leaks.
    Setting(MultiplyLeak(0, 1), "none", 2, 2, 5),
    Setting(MultiplyLeak(0, 1), "subtract", 1, 2, 5, 2),
    Setting(MultiplyLeak(1, 1), "subtract", 2, 2, 5, 2),
    Setting(MultiplyLeak(65535, 16), "subtract", 2, 2, 4, 1, False, 20, 12),
    Setting(MultiplyLeak(0b101010101010101, 15), "zero", 2, 2, 4, 2, False, 20, 12),
    Setting(ShiftLeak(16), "subtract", 2, 2, 4, 1, False, 32, 20),
    # Currents wider than the membrane, and the narrowest membrane; the longest frame.
    Setting(ShiftLeak(1), "subtract", 2, 2, 6, 1, False, 4, 9),
    Setting(ShiftLeak(1), "subtract", 2, 2, 6, 2, False, 4, 9),
    Setting(NoLeak(), "zero", 1, 2, 6, 1, False, 2, 3),
    Setting(NoLeak(), "subtract", 2, 2, 256, 1, False, 9, 3),
    Setting(NoLeak(), "subtract", 2, 1, 256, 5, False, 9, 3),
]
HASTY = SETTINGS[: 2 * len(LEAKS) * len(RESETS) : 3]
"""These are also fed a clock too fast."""
BENCH = 24
"""Cases in a bench: the time that its build takes grows faster than its size."""


def _leaked(leak: Leak, v: int) -> int:
    if isinstance(leak, ShiftLeak):
        return v - v // (1 << leak.shift)  # // rounds towards minus infinity, as >> does
    if isinstance(leak, MultiplyLeak):
        return v * leak.multiplier // (1 << leak.shift)
    return v


def _expected(setting: Setting, thresholds: Any, subs: Any, currents: Any) -> list[int]:
    """The beats that must come out, for currents[position][pass][group][set][lane]."""
    low, high = -(2 ** (setting.membrane_bits - 1)), 2 ** (setting.membrane_bits - 1) - 1
    beats = []
    for position in currents:
        v = [[0] * setting.lanes for _ in range(setting.groups)]
        for number, one_pass in enumerate(position):
            for g, group in enumerate(one_pass):
                spikes = 0
                for t in range(min(setting.t_par, setting.timesteps - number * setting.t_par)):
                    for lane, current in enumerate(group[0 if setting.shared else t]):
                        u = min(max(_leaked(setting.leak, v[g][lane]) + current, low), high)
                        v[g][lane] = u
                        if setting.reset is not None and u >= thresholds[g][lane]:
                            spikes |= 1 << (t * setting.lanes + lane)
                            v[g][lane] = {"subtract": u - int(subs[g][lane]), "zero": 0, "none": u}[setting.reset]
                if setting.reset is not None:
                    beats.append(spikes)
                elif number == setting.passes - 1:
                    beats.append(_flat(v[g], setting.membrane_bits))
    return beats


def _flat(values: list[int], bits: int) -> int:
    return sum((value & ((1 << bits) - 1)) << (index * bits) for index, value in enumerate(values))


def _currents(setting: Setting, generator: random.Random) -> Any:
    low, high = -(1 << (setting.current_bits - 1)), (1 << (setting.current_bits - 1)) - 1

    def group(number: int) -> list[list[int]]:
        # The first two positions push every membrane to its ends.
        ends = [(high, high), (low, low)][number] if number < 2 else (low, high)
        sets = 1 if setting.shared else setting.t_par
        return [[generator.randint(*ends) for _ in range(setting.lanes)] for _ in range(sets)]

    return [
        [[group(number) for _ in range(setting.groups)] for _ in range(setting.passes)] for number in range(POSITIONS)
    ]


def _case(setting: Setting, early: int = 0) -> StreamCase:
    """Passes follow each other at the distance that the neurons state, or ``early`` clocks before."""
    generator = random.Random(setting.name)
    largest = min(2 ** (setting.membrane_bits - 1) - 1, 2 ** (setting.current_bits - 1))
    thresholds, subs = (
        np.array([[generator.randint(low, largest) for _ in range(setting.lanes)] for _ in range(setting.groups)])
        for low in (1, 0)
    )
    currents = _currents(setting, generator)
    component = setting.component(thresholds, subs)
    inputs = [
        _flat([current for one_set in group for current in one_set], setting.current_bits)
        for position in currents
        for one_pass in position
        for group in one_pass
    ]
    outputs = _expected(setting, thresholds, subs, currents)
    paced = Paced(component, setting, component.min_interval - early)
    return StreamCase(f"{setting.name}{'-hasty' * early}", paced, inputs, outputs)


CASES = [_case(setting) for setting in SETTINGS]
TOO_FAST = [_case(setting, early=1) for setting in HASTY]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    cases, every = [*CASES, *TOO_FAST], dict[str, CaseResult]()
    for first in range(0, len(cases), BENCH):
        every |= run_cases(cases[first : first + BENCH], seed=11)
    return every


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_neurons(case: StreamCase, results: dict[str, CaseResult]) -> None:
    assert results[case.name].error is None


@pytest.mark.parametrize("case", TOO_FAST, ids=lambda case: case.name)
def test_one_cycle_less_between_passes_is_wrong(case: StreamCase, results: dict[str, CaseResult]) -> None:
    error = results[case.name].error
    assert error is not None
    assert "expected" in error


@pytest.mark.parametrize(
    ("setting", "case"), list(zip(SETTINGS, CASES, strict=True)), ids=[setting.name for setting in SETTINGS]
)
def test_latency_and_cycles(setting: Setting, case: StreamCase, results: dict[str, CaseResult]) -> None:
    result, neurons = results[case.name], case.component.neurons
    a_pass = max(setting.groups, neurons.min_interval)
    first = result.input_clocks[0]
    a_position = a_pass * (setting.passes - 1) + setting.groups
    assert result.input_clocks == [
        first + position * a_position + one_pass * a_pass + group
        for position in range(POSITIONS)
        for one_pass in range(setting.passes)
        for group in range(setting.groups)
    ]
    beats = result.input_clocks
    if setting.reset is None:
        last_passes = range(setting.passes - 1, POSITIONS * setting.passes, setting.passes)
        beats = [beats[number * setting.groups + group] for number in last_passes for group in range(setting.groups)]
    assert result.output_clocks == [clock + neurons.latency for clock in beats]


WRONG_SHAPES = [
    ({"groups": 0}, ValueError, r"groups must be .* at least 1, not 0"),
    ({"lanes": 0}, ValueError, r"lanes must be .* at least 1, not 0"),
    ({"current_bits": 0}, ValueError, r"current bits must be .* at least 1, not 0"),
    ({"timesteps": 0}, ValueError, r"timesteps must be .* 1 to 256, not 0"),
    ({"timesteps": 257}, ValueError, r"timesteps must be .* 1 to 256, not 257"),
    ({"t_par": 0}, ValueError, r"t_par must be an integer from 1 to 3, not 0"),
    ({"t_par": 4}, ValueError, r"t_par must be an integer from 1 to 3, not 4"),
    ({"shared": 1}, TypeError, r"shared must be a bool, not 1"),
    ({"saturates": 1}, TypeError, r"saturates must be a bool, not 1"),
]


@pytest.mark.parametrize(("changes", "error", "message"), WRONG_SHAPES)
def test_wrong_shapes(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    shape: dict[str, Any] = {"groups": 2, "lanes": 2, "current_bits": 8, "timesteps": 3}
    with pytest.raises(error, match=f"^{message}$"):
        NeuronShape(**(shape | changes))


def test_wrong_number_of_channels() -> None:
    neuron = Neuron(np.ones(3, int), NoLeak(), "zero", 8)
    with pytest.raises(ValueError, match=r"^threshold must be of 4 channels, groups times lanes, not of 3$"):
        Neurons(neuron, NeuronShape(2, 2, 8, 3))
