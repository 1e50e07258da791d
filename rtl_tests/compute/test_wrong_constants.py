# amaranth: UnusedElaboratable=no
"""The bench of the neurons sees every constant: it fails if one number of one channel is wrong by one in hardware."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from hwsnn.folding.pipeline_depths import Output
from hwsnn.spec import AnyNeuron, ChannelLeak, Neuron, SynapticCurrent
from hwsnn.spec.integers import IntArray
from rtl_tests.support.neuron_cases import Setting, expected_beats, neuron_case, random_currents
from rtl_tests.support.neuron_kinds import KINDS
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

SEEDS, BENCH = 400, 26


@dataclass(frozen=True)
class Wrong:
    """A neuron with a constant of the given name that is wrong in one channel, and inputs on which that matters."""

    setting: Setting
    constant: str
    right: AnyNeuron
    wrong: AnyNeuron

    @property
    def case(self) -> StreamCase:
        return neuron_case(self.setting, neuron=self.right, hardware=self.wrong)


def _settings(kind: str) -> list[Setting]:
    """One pass of all steps, several passes of some, and a step per pass, with all constants that there may be."""
    settings = []
    for groups, lanes, timesteps, t_par in ((1, 2, 2, 2), (2, 1, 4, 2), (3, 1, 4, 1)):
        multipliers = np.array([13, 16, 15][: groups * lanes])
        synapse = SynapticCurrent(ChannelLeak(multipliers - 6, 4), 16)
        leak = ChannelLeak(multipliers, 4)
        sizes = (groups, lanes, timesteps, t_par, False, 16, 7)
        output: Output = "membranes" if kind == "integrate" else "spikes"
        settings.append(Setting(leak, kind, *sizes, synapse, floor=True, initial=True, output=output))
    return settings


def _by_one(neuron: AnyNeuron, name: str, channel: int) -> AnyNeuron:
    """The neuron with a constant one higher or, where that is no neuron, one lower."""
    try:
        return _moved(neuron, name, channel, 1)
    except ValueError:
        return _moved(neuron, name, channel, -1)


def _moved(neuron: AnyNeuron, name: str, channel: int, step: int) -> AnyNeuron:
    values: IntArray = neuron.constants[name].copy()
    values[channel] += step
    if name == "multiplier":
        return replace(neuron, leak=replace(neuron.leak, multipliers=values))  # type: ignore[arg-type, call-arg]
    if name == "synapse_multiplier":
        assert neuron.synapse is not None
        leak = replace(neuron.synapse.leak, multipliers=values)  # type: ignore[arg-type, call-arg]
        return replace(neuron, synapse=replace(neuron.synapse, leak=leak))
    if isinstance(neuron, Neuron) and neuron.further is not None and name.startswith("threshold_"):
        further = neuron.further.copy()
        further[int(name.removeprefix("threshold_")) - 2] = values
        return replace(neuron, further=further)
    return replace(neuron, **{name: values})  # type: ignore[arg-type]


def _wrong(setting: Setting, name: str) -> Wrong:
    """The first random numbers and inputs on which the constant matters."""
    for seed in range(SEEDS):
        one = replace(setting, seed=seed)
        right = one.neuron(random.Random(one.name))
        wrong = _by_one(right, name, seed % one.channels)
        currents = random_currents(one, random.Random(one.name))
        if expected_beats(one, right, currents) != expected_beats(one, wrong, currents):
            return Wrong(one, name, right, wrong)
    raise AssertionError(f"{name} never matters to {setting.name}")


def _all_tried() -> dict[str, tuple[Setting, str]]:
    """Every constant of every kind, in one fold after the other; the initial membranes in each."""
    found = dict[str, tuple[Setting, str]]()
    for kind in KINDS:
        settings = _settings(kind)
        neuron = settings[0].neuron(random.Random(0))
        between = {f"threshold_{k}" for k in range(3, neuron.spikes)}
        names = ["initial", "initial", *(name for name in neuron.constants if name not in between)]
        for at, name in enumerate(names):
            found[f"{kind}-{name}-{at % 3}"] = (settings[at % 3], name)
    return found


TRIED = _all_tried()


def _few() -> list[str]:
    """A constant of every kind, in turn, and every constant at least once."""
    few = []
    for number, kind in enumerate(KINDS):
        names = [name for name, (setting, _) in TRIED.items() if setting.kind == kind]
        few.append(names[number % len(names)])
    for name, (_, constant) in TRIED.items():
        if constant not in {TRIED[one][1] for one in few}:
            few.append(name)
    return few


FEW = _few()
OTHERS = [name for name in TRIED if name not in FEW]
BENCHES = [FEW, *(OTHERS[first : first + BENCH] for first in range(0, len(OTHERS), BENCH))]


@pytest.fixture(scope="module")
def result() -> Callable[[str], CaseResult]:
    """Of a case by its name: its bench is run with the first of its cases that is asked for."""
    made = dict[str, CaseResult]()

    def of(name: str) -> CaseResult:
        if name not in made:
            (bench,) = [names for names in BENCHES if name in names]
            made.update(run_cases([replace(_wrong(*TRIED[one]).case, name=one) for one in bench], seed=13))
        return made[name]

    return of


def _constants(names: Iterable[str]) -> set[str]:
    return {name for one in names for name in TRIED[one][0].neuron(random.Random(0)).constants}


def test_every_constant_is_tried() -> None:
    between = {f"threshold_{k}" for k in range(3, 15)} - {"threshold_3", "threshold_5", "threshold_7"}
    for names in (FEW, TRIED):
        assert {TRIED[one][1] for one in names} == _constants(names) - between
        assert {TRIED[one][0].kind for one in names} == set(KINDS)


@pytest.mark.parametrize("name", [*FEW, *(pytest.param(name, marks=pytest.mark.long) for name in OTHERS)])
def test_a_constant_that_is_wrong_by_one_fails(name: str, result: Callable[[str], CaseResult]) -> None:
    error = result(name).error
    assert error is not None
    assert "expected" in error
