# amaranth: UnusedElaboratable=no
"""Spike counts and answers against plain counting and looking."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import signed, unsigned

from hwsnn.rtl.readout import ArgMax, SpikeCount
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

FRAMES = 12

# classes, timesteps, steps a beat
COUNTS = [
    *((1, 1, 1), (3, 1, 1), (10, 2, 1), (5, 3, 1), (4, 8, 1), (2, 256, 1)),
    *((3, 4, 2), (3, 5, 2), (2, 7, 3), (10, 4, 4), (1, 5, 5), (2, 255, 100)),
]
# classes, score bits, whether signed
ANSWERS = [(1, 4, False), (2, 1, False), (3, 2, False), (10, 3, True), (10, 16, True), (7, 32, True), (17, 5, False)]


def _count(classes: int, timesteps: int, t_par: int) -> StreamCase:
    name = f"count-{classes}-{timesteps}-{t_par}"
    generator = random.Random(name)
    width = timesteps.bit_length()
    inputs: list[int] = []
    outputs: list[int] = []
    for frame in range(FRAMES):
        # The first frame fires all the time: the largest count there is. Nothing fires in steps that are too many.
        steps = [generator.getrandbits(classes) if frame else (1 << classes) - 1 for _ in range(timesteps)]
        for first in range(0, timesteps, t_par):
            inputs.append(sum(step << (t * classes) for t, step in enumerate(steps[first : first + t_par])))
        outputs.append(sum(sum(step >> c & 1 for step in steps) << (c * width) for c in range(classes)))
    return StreamCase(name, SpikeCount(classes, timesteps, t_par), inputs, outputs)


def _answer(classes: int, bits: int, negative: bool) -> StreamCase:
    name = f"answer-{classes}-{bits}-{'signed' if negative else 'unsigned'}"
    generator = random.Random(name)
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if negative else (0, (1 << bits) - 1)
    frames = [[low] * classes, [high] * classes]
    frames += [[generator.randint(low, high) for _ in range(classes)] for _ in range(FRAMES)]
    frames += [[generator.choice([low, high]) for _ in range(classes)] for _ in range(FRAMES)]
    inputs = [sum((score & ((1 << bits) - 1)) << (c * bits) for c, score in enumerate(frame)) for frame in frames]
    answer_bits = max((classes - 1).bit_length(), 1)
    answers = [min(c for c in range(classes) if frame[c] == max(frame)) for frame in frames]
    outputs = [answer | scores << answer_bits for answer, scores in zip(answers, inputs, strict=True)]
    shape = signed(bits) if negative else unsigned(bits)
    return StreamCase(name, ArgMax(classes, shape), inputs, outputs)


def _id(value: Any) -> str:
    return value.name if isinstance(value, StreamCase) else ""


CASES = [_count(*shape) for shape in COUNTS] + [_answer(*shape) for shape in ANSWERS]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=7)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_readout(case: StreamCase, results: dict[str, CaseResult]) -> None:
    assert results[case.name].error is None


@pytest.mark.parametrize(("case", "shape"), list(zip(CASES[: len(COUNTS)], COUNTS, strict=True)), ids=_id)
def test_count_takes_one_beat_per_cycle(
    case: StreamCase, shape: tuple[int, int, int], results: dict[str, CaseResult]
) -> None:
    result, beats = results[case.name], -(-shape[1] // shape[2])
    first = result.input_clocks[0]
    assert result.input_clocks == list(range(first, first + FRAMES * beats))
    last_beats = result.input_clocks[beats - 1 :: beats]
    assert result.output_clocks == [clock + case.component.latency for clock in last_beats]


@pytest.mark.parametrize(("case", "shape"), list(zip(CASES[len(COUNTS) :], ANSWERS, strict=True)), ids=_id)
def test_argmax_latency(case: StreamCase, shape: tuple[int, int, bool], results: dict[str, CaseResult]) -> None:
    result, classes = results[case.name], shape[0]
    latency = 2 * (classes - 1).bit_length()
    assert case.component.latency == latency
    latencies = {b - a for a, b in zip(result.input_clocks, result.output_clocks, strict=True)}
    assert latencies == {latency}
    intervals = {b - a for a, b in zip(result.output_clocks, result.output_clocks[1:], strict=False)}
    assert intervals == {1}


@pytest.mark.parametrize(
    ("component", "arguments", "error", "message"),
    [
        (SpikeCount, (0, 1), ValueError, r"classes must be an integer of at least 1, not 0"),
        (SpikeCount, (1, 0), ValueError, r"timesteps must be an integer of at least 1, not 0"),
        (SpikeCount, (1, None), TypeError, r"timesteps must be an integer of at least 1, not None"),
        (SpikeCount, (1, 4, 5), ValueError, r"t_par must be an integer from 1 to 4, not 5"),
        (SpikeCount, (1, 4, 0), ValueError, r"t_par must be an integer from 1 to 4, not 0"),
        (ArgMax, (0, unsigned(4)), ValueError, r"classes must be an integer of at least 1, not 0"),
    ],
)
def test_init_wrong(component: Any, arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        component(*arguments)
