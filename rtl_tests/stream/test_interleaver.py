# amaranth: UnusedElaboratable=no
"""Blocks of beats by rows and by columns."""

from __future__ import annotations

import random

import pytest

from hwsnn.rtl.stream.interleaver import BlockInterleaver
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

BLOCKS = 7
SHAPES = [(3, 1, 1), (5, 2, 3), (1, 3, 2), (8, 4, 4), (2, 1, 5), (2, 5, 1), (40, 7, 2), (3, 9, 5)]


def _case(bits: int, rows: int, columns: int) -> StreamCase:
    generator = random.Random(f"{bits} {rows} {columns}")
    inputs, outputs = list[int](), list[int]()
    for _ in range(BLOCKS):
        block = [[generator.getrandbits(bits) for _ in range(columns)] for _ in range(rows)]
        inputs += [beat for row in block for beat in row]
        outputs += [row[column] for column in range(columns) for row in block]
    return StreamCase(f"{bits}b-{rows}x{columns}", BlockInterleaver(bits, rows, columns), inputs, outputs)


CASES = [_case(*shape) for shape in SHAPES]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=5)


@pytest.mark.parametrize(("shape", "case"), list(zip(SHAPES, CASES, strict=True)), ids=[case.name for case in CASES])
def test_order_and_clocks(shape: tuple[int, int, int], case: StreamCase, results: dict[str, CaseResult]) -> None:
    """A block leaves when all of it is there; halves of more than two beats never stall the next block."""
    result, words = results[case.name], shape[1] * shape[2]
    assert result.error is None
    lasts = result.input_clocks[words - 1 :: words]
    assert result.output_clocks[0] == lasts[0] + case.component.latency
    if words > 2:
        start = result.input_clocks[0]
        assert result.input_clocks == list(range(start, start + len(case.inputs)))
        assert result.output_clocks[::words] == [last + case.component.latency for last in lasts]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1, 1), "bits must be an integer of at least 1, not 0"),
        ((1, 0, 1), "rows must be an integer of at least 1, not 0"),
        ((1, 1, 0), "columns must be an integer of at least 1, not 0"),
    ],
)
def test_init_wrong(arguments: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        BlockInterleaver(*arguments)
