# amaranth: UnusedElaboratable=no
"""Scores against plain sums, maxima and first spikes over the steps of a frame."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Shape, signed, unsigned

from hwsnn.rtl.scores import FirstSpike, FrameScores, LargestMembrane, ScoreSum, scores_component
from hwsnn.spec import Encoder, Integrator, Network, Neuron, NoLeak, Readout
from hwsnn.spec.integers import signed_limits
from rtl_tests.support.bits import packed
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases
from tests.support.layers import dense_layer

FRAMES = 12

# classes, timesteps, steps per beat
SIZES = [
    *((1, 1, 1), (3, 1, 1), (10, 2, 1), (5, 3, 1), (4, 8, 1), (2, 256, 1)),
    *((3, 4, 2), (3, 5, 2), (2, 7, 3), (10, 4, 4), (1, 5, 5), (2, 255, 100), (2, 13, 6)),
]


@dataclass(frozen=True)
class Setting:
    """A readout, the bits of what a class has at a step, and the sizes."""

    readout: Readout
    bits: int
    classes: int
    timesteps: int
    t_par: int

    @property
    def name(self) -> str:
        return "-".join(map(str, vars(self).values()))

    @property
    def negative(self) -> bool:
        return self.readout in ("sum", "max")

    @property
    def ends(self) -> tuple[int, int]:
        return signed_limits(self.bits) if self.negative else (0, (1 << self.bits) - 1)

    @property
    def component(self) -> FrameScores:
        sizes, entry = (self.classes, self.timesteps, self.t_par), Shape(self.bits, self.negative)
        if self.readout == "max":
            return LargestMembrane(*sizes, entry)
        if self.readout == "first":
            return FirstSpike(*sizes, entry)
        return ScoreSum(*sizes, entry, Shape(self.score_bits, self.negative))

    @property
    def score_bits(self) -> int:
        if self.readout == "first":
            return self.timesteps.bit_length()
        if self.readout == "max":
            return self.bits
        if self.readout == "sum":
            return self.bits + (self.timesteps - 1).bit_length()
        return (self.timesteps * ((1 << self.bits) - 1)).bit_length()

    @property
    def beats(self) -> int:
        return -(-self.timesteps // self.t_par)


def _first(steps: list[int]) -> int:
    return next((len(steps) - t for t, spikes in enumerate(steps) if spikes), 0)


SCORES: dict[Readout, Callable[[list[int]], int]] = {"count": sum, "sum": sum, "max": max, "first": _first}
SETTINGS = [
    *(Setting("count", bits, *size) for bits in (1, 3) for size in SIZES),
    *(Setting("first", 1 + index % 3, *size) for index, size in enumerate(SIZES)),
    *(Setting("sum", 9, *size) for size in SIZES),
    *(Setting("max", 9, *size) for size in SIZES),
    Setting("sum", 24, 2, 256, 1),
]


def _case(setting: Setting) -> StreamCase:
    generator = random.Random(setting.name)
    low, high = setting.ends
    rare = 0.1 if setting.readout == "first" else 1
    inputs: list[int] = []
    outputs: list[int] = []
    for frame in range(FRAMES):
        # The first frames are at the ends; in the others spikes may be rare, so that a first one comes late or never.
        draw: Callable[[], int] = lambda: generator.randint(low, high) if generator.random() < rare else 0  # noqa: E731
        if frame < 2:
            draw = lambda: (high, low)[frame]  # noqa: B023, E731
        steps = [[draw() for _ in range(setting.classes)] for _ in range(setting.timesteps)]
        for first in range(0, setting.timesteps, setting.t_par):
            inputs.append(packed([n for step in steps[first : first + setting.t_par] for n in step], setting.bits))
        scores = [SCORES[setting.readout](list(of_class)) for of_class in zip(*steps, strict=True)]
        outputs.append(packed(scores, setting.score_bits))
    return StreamCase(setting.name, setting.component, inputs, outputs)


CASES = [_case(setting) for setting in SETTINGS]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    every = dict[str, CaseResult]()
    for first in range(0, len(CASES), 35):
        every |= run_cases(CASES[first : first + 35], seed=7)
    return every


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_scores(case: StreamCase, results: dict[str, CaseResult]) -> None:
    assert results[case.name].error is None


@pytest.mark.parametrize(
    ("case", "setting"), list(zip(CASES, SETTINGS, strict=True)), ids=[setting.name for setting in SETTINGS]
)
def test_latency_and_interval(case: StreamCase, setting: Setting, results: dict[str, CaseResult]) -> None:
    result, component = results[case.name], case.component
    levels = (setting.t_par - 1).bit_length()
    latency, interval = {
        "count": (2 if setting.bits == 1 else 1 + max(levels, 1), 1),
        "first": (1 + max(levels, 1), 1),
        "sum": (1 + max(levels, 1), 1),
        "max": (1 + 2 * levels + (setting.beats > 1), 1 + (setting.beats > 1)),
    }[setting.readout]
    assert (component.latency, component.interval) == (latency, interval)
    first = result.input_clocks[0]
    assert result.input_clocks == list(range(first, first + FRAMES * setting.beats * interval, interval))
    last_beats = result.input_clocks[setting.beats - 1 :: setting.beats]
    assert result.output_clocks == [clock + latency for clock in last_beats]


def _network(readout: Readout) -> Network:
    neuron = Integrator(NoLeak(), 9) if readout == "membrane" else Neuron(np.array([5]), NoLeak(), "zero", 9)
    layer = dense_layer("last", np.ones((1, 1, 1, 1), int), np.zeros(1, int), 2, neuron)
    return Network("one", (1, 1, 1), 8, Encoder("uniform"), 4, (layer,), readout)


def test_component_of_each_readout() -> None:
    readouts: tuple[Readout, ...] = ("count", "first", "sum", "max", "membrane")
    kinds = [type(scores_component(_network(readout), 2)) for readout in readouts]
    assert kinds == [ScoreSum, FirstSpike, ScoreSum, LargestMembrane, type(None)]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 1, 1), ValueError, r"classes must be an integer of at least 1, not 0"),
        ((1, 0, 1), ValueError, r"timesteps must be an integer of at least 1, not 0"),
        ((1, None, 1), TypeError, r"timesteps must be an integer of at least 1, not None"),
        ((1, 4, 5), ValueError, r"t_par must be an integer from 1 to 4, not 5"),
        ((1, 4, 0), ValueError, r"t_par must be an integer from 1 to 4, not 0"),
    ],
)
def test_init_wrong(arguments: tuple[Any, Any, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        LargestMembrane(*arguments, signed(4))
    with pytest.raises(error, match=message):
        ScoreSum(*arguments, unsigned(4), unsigned(6))
