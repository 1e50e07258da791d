# amaranth: UnusedElaboratable=no
"""Delay lines with taps against plain indexing into the past."""

from __future__ import annotations

import random

import pytest

from hwsnn.rtl.stream.line_buffer import LineBuffer
from rtl_tests.support.bits import packed
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

# payload bits, period, length
SHAPES = [
    (3, 1, 0),
    (3, 5, 0),
    (3, 1, 1),
    (2, 1, 4),
    (3, 2, 1),
    (2, 2, 3),
    (5, 3, 2),
    (1, 8, 4),
    (4, 16, 1),
    (2, 37, 3),
    (3, 256, 1),
]


def _case(bits: int, period: int, length: int) -> StreamCase:
    generator = random.Random(f"{bits} {period} {length}")
    past = length * period
    # The bench runs twice without forgetting: zeros at the end make the second past equal to the first.
    inputs = [generator.getrandbits(bits) for _ in range(2 * past + 40)] + [0] * past
    padded = [0] * past + inputs
    outputs = []
    for n in range(len(inputs)):
        taps = [padded[past + n - age * period] for age in range(length, -1, -1)]
        outputs.append(packed(taps, bits))
    return StreamCase(f"{bits}b-{period}-{length}", LineBuffer(bits, period, length), inputs, outputs)


CASES = [_case(*shape) for shape in SHAPES]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=2)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_line_buffer(case: StreamCase, results: dict[str, CaseResult]) -> None:
    result, latency = results[case.name], case.component.latency
    assert result.error is None
    start = result.input_clocks[0]
    assert result.input_clocks == list(range(start, start + len(case.inputs)))
    assert result.output_clocks == [clock + latency for clock in result.input_clocks]


def test_stated_latency() -> None:
    assert LineBuffer(1, 4, 0).latency == 0
    assert LineBuffer(1, 4, 1).latency == LineBuffer(1, 1, 3).latency == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 1, 1), ValueError, "payload bits must be an integer of at least 1, not 0"),
        ((1, 0, 1), ValueError, "period must be an integer of at least 1, not 0"),
        ((1, 1, -1), ValueError, "length must be an integer of at least 0, not -1"),
        ((1, 2.0, 1), TypeError, "period must be an integer of at least 1, not 2.0"),
    ],
)
def test_init_wrong(arguments: tuple[int, int, int], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        LineBuffer(*arguments)


def test_more_bits_than_a_signal_may_have() -> None:
    """Amaranth's have at most 65,535; this shift register has 112,000, behind an output of 64,000."""
    LineBuffer(16_000, 2, 3).elaborate(None)
