# amaranth: UnusedElaboratable=no
"""The passes of windows against plain lists of steps."""

from __future__ import annotations

import random

import pytest

from hwsnn.rtl.window.pass_splitter import PassSplitter
from rtl_tests.support.bits import packed
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

WINDOWS = 12
# taps, steps, bits, t_par, repeats
SHAPES = [(1, 1, 3, 1, 1), (4, 4, 2, 2, 1), (3, 5, 1, 2, 1), (9, 2, 3, 2, 1), (2, 1, 8, 1, 3), (2, 6, 5, 1, 1)]


def _case(taps: int, steps: int, bits: int, t_par: int, repeats: int) -> StreamCase:
    generator = random.Random(f"{taps} {steps} {bits} {t_par} {repeats}")
    inputs, outputs = list[int](), list[int]()
    for _ in range(WINDOWS):
        window = [[generator.getrandbits(bits) for _ in range(steps)] for _ in range(taps)]
        inputs.append(packed([entry for tap in window for entry in tap], bits))
        for first in [*range(0, steps, t_par)] * repeats:
            parts = [[tap[t] if t < steps else 0 for t in range(first, first + t_par)] for tap in window]
            outputs.append(packed([entry for part in parts for entry in part], bits))
    splitter = PassSplitter(taps, steps, bits, t_par, repeats)
    return StreamCase(f"{taps}x{bits}b-{steps}t{t_par}x{repeats}", splitter, inputs, outputs)


CASES = [_case(*shape) for shape in SHAPES]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=6)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_passes(case: StreamCase, results: dict[str, CaseResult]) -> None:
    result, splitter = results[case.name], case.component
    assert result.error is None
    start = result.output_clocks[0]
    assert result.output_clocks == list(range(start, start + len(case.outputs)))
    assert result.input_clocks == result.output_clocks[splitter.passes - 1 :: splitter.passes]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1, 1, 1), "taps must be an integer of at least 1, not 0"),
        ((1, 0, 1, 1), "steps must be an integer of at least 1, not 0"),
        ((1, 2, 0, 1), "bits must be an integer of at least 1, not 0"),
        ((1, 2, 1, 3), "t_par must be an integer from 1 to 2, not 3"),
        ((1, 1, 1, 1, 0), "repeats must be an integer of at least 1, not 0"),
        ((1, 2, 1, 1, 3), "repeats must be 1 where a window has several passes, not 3"),
    ],
)
def test_init_wrong(arguments: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        PassSplitter(*arguments)
