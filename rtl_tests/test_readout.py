# amaranth: UnusedElaboratable=no
"""Answers against plain looking."""

from __future__ import annotations

import random

import pytest
from amaranth.hdl import signed, unsigned

from hwsnn.rtl.readout import ArgMax
from rtl_tests.support.bits import packed
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

FRAMES = 12

# classes, score bits, whether signed
ANSWERS = [(1, 4, False), (2, 1, False), (3, 2, False), (10, 3, True), (10, 16, True), (7, 32, True), (17, 5, False)]


def _answer(classes: int, bits: int, negative: bool) -> StreamCase:
    name = f"answer-{classes}-{bits}-{'signed' if negative else 'unsigned'}"
    generator = random.Random(name)
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if negative else (0, (1 << bits) - 1)
    frames = [[low] * classes, [high] * classes]
    frames += [[generator.randint(low, high) for _ in range(classes)] for _ in range(FRAMES)]
    frames += [[generator.choice([low, high]) for _ in range(classes)] for _ in range(FRAMES)]
    inputs = [packed(frame, bits) for frame in frames]
    answer_bits = max((classes - 1).bit_length(), 1)
    answers = [min(c for c in range(classes) if frame[c] == max(frame)) for frame in frames]
    outputs = [answer | scores << answer_bits for answer, scores in zip(answers, inputs, strict=True)]
    shape = signed(bits) if negative else unsigned(bits)
    return StreamCase(name, ArgMax(classes, shape), inputs, outputs)


CASES = [_answer(*shape) for shape in ANSWERS]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=7)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_readout(case: StreamCase, results: dict[str, CaseResult]) -> None:
    assert results[case.name].error is None


@pytest.mark.parametrize(("case", "shape"), list(zip(CASES, ANSWERS, strict=True)), ids=[case.name for case in CASES])
def test_argmax_latency(case: StreamCase, shape: tuple[int, int, bool], results: dict[str, CaseResult]) -> None:
    result, classes = results[case.name], shape[0]
    latency = 2 * (classes - 1).bit_length()
    assert case.component.latency == latency
    latencies = {b - a for a, b in zip(result.input_clocks, result.output_clocks, strict=True)}
    assert latencies == {latency}
    intervals = {b - a for a, b in zip(result.output_clocks, result.output_clocks[1:], strict=False)}
    assert intervals == {1}


def test_init_wrong() -> None:
    with pytest.raises(ValueError, match="classes must be an integer of at least 1, not 0"):
        ArgMax(0, unsigned(4))
