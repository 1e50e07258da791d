# amaranth: UnusedElaboratable=no
"""Neurons against plain Python integers, step by step as written in docs/numerics.md."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from hwsnn.folding.pipeline_depths import Output
from hwsnn.rtl.compute.neurons import Neurons, NeuronShape
from hwsnn.spec import Leak, MultiplyLeak, Neuron, NoLeak, ShiftLeak, SynapticCurrent
from rtl_tests.support.neuron_cases import POSITIONS, Setting, channel_leak, neuron_case
from rtl_tests.support.neuron_kinds import KINDS
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

LAST: Output = "last membranes"
OUTPUTS: list[Output] = ["spikes", "membranes", LAST]
LEAKS: list[Leak] = [NoLeak(), ShiftLeak(2), MultiplyLeak(230, 8)]
LONG, LONG_ONES = MultiplyLeak(53249, 16), channel_leak(4, 5, shift=16)
OLD = ["subtract", "zero", "none", "integrate"]


def _output(kind: str) -> Output:
    return LAST if kind == "integrate" else "spikes"


def _every_kind() -> list[Setting]:
    """Every kind with every leak, alone and behind synaptic currents of all leaks, over all else in turn."""
    settings = list[Setting]()
    sizes = [(1, 3, 5, 1), (3, 2, 5, 2), (2, 2, 4, 4), (1, 2, 4, 4), (7, 1, 3, 1), (2, 3, 6, 3), (1, 2, 7, 3)]
    for number, (kind, leak) in enumerate(product(KINDS, range(4))):
        groups, lanes, timesteps, t_par = sizes[number % len(sizes)]
        leaks = [*LEAKS, channel_leak(groups * lanes, number)]
        has_synapse = kind == "late-zero" or number % 3 != 0
        # Synaptic currents and membranes that can be clipped, and some that cannot.
        synapse = SynapticCurrent(leaks[(number // 4) % 4], (9, 12, 18)[number % 3]) if has_synapse else None
        outputs = [output for output in OUTPUTS if kind != "integrate" or output != "spikes"]
        settings.append(
            Setting(
                leaks[leak],
                kind,
                groups,
                lanes,
                timesteps,
                t_par,
                shared=number % 5 == 0,
                membrane_bits=(10, 11, 24)[number // 2 % 3],
                synapse=synapse,
                floor=number % 2 == 0,
                initial=number // 2 % 2 == 0,
                output=outputs[0] if number % 2 else outputs[number // 2 % len(outputs)],
            )
        )
    return settings


SETTINGS = [
    # A step a pass and several, in turn. Membranes of 10 bits cannot hold 7 currents of 8 bits.
    *(
        Setting(leak, kind, 2, 2, 7, (1, 3)[(leak_number + kind_number) % 2], output=_output(kind))
        for leak_number, leak in enumerate(LEAKS)
        for kind_number, kind in enumerate(OLD)
    ),
    *_every_kind(),
    # Groups around the pipeline's depth, and single ones.
    *(Setting(ShiftLeak(1), "subtract", groups, 1, 4) for groups in (1, 5, 6, 7, 12)),
    *(Setting(ShiftLeak(1), "subtract", groups, 1, 5, 2) for groups in (1, 8, 11)),
    *(Setting(NoLeak(), "integrate", groups, 2, 3, output=LAST) for groups in (1, 2, 3, 4, 9)),
    # All steps in one pass, without saturation.
    *(Setting(leak, kind, 2, 2, 3, 3, output=_output(kind)) for leak in LEAKS for kind in ("subtract", "integrate")),
    # One current for all steps of a pass.
    *(Setting(leak, "subtract", 2, 2, 5, t_par, True) for leak, t_par in zip(LEAKS, (5, 2, 1), strict=True)),
    *(
        Setting(leak, "integrate", 2, 2, 5, t_par, True, output=LAST)
        for leak, t_par in zip(LEAKS, (1, 5, 2), strict=True)
    ),
    Setting(NoLeak(), "zero", 1, 2, 4, 4, True),
    # A single step; several, some of them too many.
    Setting(ShiftLeak(3), "zero", 1, 4, 1),
    Setting(NoLeak(), "integrate", 3, 2, 1, output=LAST),
    *(
        Setting(NoLeak(), kind, 1, 2, 5, t_par, output=output)
        for kind, output in zip(("zero", "integrate", "integrate"), OUTPUTS, strict=True)
        for t_par in (2, 3, 4)
    ),
    # The ends of the leaks.
    Setting(MultiplyLeak(0, 1), "none", 2, 2, 5),
    Setting(MultiplyLeak(0, 1), "subtract", 1, 2, 5, 2),
    Setting(MultiplyLeak(1, 1), "subtract", 2, 2, 5, 2),
    Setting(MultiplyLeak(65535, 16), "subtract", 2, 2, 4, 1, False, 20, 12),
    Setting(MultiplyLeak(0b101010101010101, 15), "zero", 2, 2, 4, 2, False, 20, 12),
    Setting(ShiftLeak(16), "subtract", 2, 2, 4, 1, False, 32, 20),
    Setting(channel_leak(4, 1, shift=16), "subtract", 2, 2, 4, 1, False, 20, 12),
    # Multipliers of 16 bits, and of synaptic currents; membranes of 32 bits. Groups of one channel: a constant a PE.
    Setting(
        MultiplyLeak(65470, 16), "subtract", 2, 2, 5, 1, False, 32, 30, SynapticCurrent(MultiplyLeak(53248, 16), 32)
    ),
    Setting(channel_leak(6, 3, shift=16), "late-subtract", 3, 2, 5, 1, False, 32, 30),
    Setting(
        channel_leak(4, 4, shift=16), "zero", 2, 2, 5, 2, False, 24, 20, SynapticCurrent(channel_leak(4, 5, 16), 22)
    ),
    Setting(channel_leak(3, 6, shift=16), "integrate", 1, 3, 5, 2, False, 32, 30, output=LAST),
    Setting(channel_leak(4, 2, shift=1), "late-subtract", 2, 2, 5, 2),
    Setting(channel_leak(4, 2, shift=1), "zero", 1, 4, 5, 2),
    # Currents wider than the membrane, and the narrowest membrane; the longest frame.
    Setting(ShiftLeak(1), "subtract", 2, 2, 6, 1, False, 4, 9),
    Setting(ShiftLeak(1), "subtract", 2, 2, 6, 2, False, 4, 9),
    Setting(NoLeak(), "zero", 1, 2, 6, 1, False, 2, 3),
    Setting(NoLeak(), "subtract", 2, 2, 256, 1, False, 9, 3),
    Setting(NoLeak(), "subtract", 2, 1, 256, 5, False, 9, 3),
    Setting(NoLeak(), "late-zero", 1, 2, 6, 1, False, 2, 3, SynapticCurrent(NoLeak(), 2)),
    Setting(NoLeak(), "undelayed-subtract", 2, 2, 6, 2, False, 4, 9, floor=True, initial=True),
]
FIRST = len(LEAKS) * len(OLD)
HASTY = [
    *SETTINGS[:FIRST],
    *[setting for setting in SETTINGS[FIRST : FIRST + 4 * len(KINDS)] if setting.passes > 1 and setting.groups < 3][
        ::2
    ],
]
"""These are also fed a clock too fast."""
BENCH = 25
"""Cases in a bench: the time that its build takes grows faster than its size."""


CASES = [neuron_case(setting) for setting in SETTINGS]
TOO_FAST = [neuron_case(setting, early=1) for setting in HASTY]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    cases, every = [*CASES, *TOO_FAST], dict[str, CaseResult]()
    for first in range(0, len(cases), BENCH):
        every |= run_cases(cases[first : first + BENCH], seed=11)
    return every


def test_settings_have_every_kind_with_every_output() -> None:
    found = {(setting.kind, setting.output) for setting in SETTINGS}
    assert {kind for kind, _ in found} == set(KINDS)
    assert {output for _, output in found} == set(OUTPUTS)


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
    if setting.output == LAST:
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
    ({"output": "u"}, ValueError, r"output must be one of 'spikes', 'membranes', 'last membranes', not 'u'"),
]
SHAPE = NeuronShape(2, 2, 8, 3, 1, False, frozenset(), "spikes")


@pytest.mark.parametrize(("changes", "error", "message"), WRONG_SHAPES)
def test_wrong_shapes(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        NeuronShape(**(vars(SHAPE) | changes))


def test_wrong_number_of_channels() -> None:
    neuron = Neuron(np.ones(3, int), NoLeak(), "zero", 8)
    with pytest.raises(ValueError, match=r"^threshold must be of 4 channels, groups times lanes, not of 3$"):
        Neurons(neuron, SHAPE)
