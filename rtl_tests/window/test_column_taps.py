# amaranth: UnusedElaboratable=no
"""The columns of a window's pairs against plain lists."""

from __future__ import annotations

import random

import pytest

from hwsnn.rtl.stream.chain import ChainComponent
from hwsnn.rtl.stream.fifo import SkidBuffer
from hwsnn.rtl.window.column_taps import ColumnTaps
from rtl_tests.support.bits import packed
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

WINDOWS = 20
# height and width in pairs, columns, steps, bits
SHAPES = [(1, 1, 2, 1, 1), (2, 1, 2, 3, 4), (3, 2, 3, 2, 2), (2, 2, 4, 1, 5), (1, 3, 1, 2, 3)]


def _case(height: int, width: int, columns: int, steps: int, bits: int) -> StreamCase:
    generator = random.Random(f"{height} {width} {columns} {steps} {bits}")
    inputs, outputs = list[int](), list[int]()
    for _ in range(WINDOWS):
        rows = [[[generator.getrandbits(bits) for _ in range(steps)] for _ in range(2 * width)] for _ in range(height)]
        pairs = [(row[x], row[x + 1]) for row in rows for x in range(0, 2 * width, 2)]
        inputs.append(packed([side[t] for pair in pairs for t in range(steps) for side in pair], bits))
        outputs.append(packed([number for row in rows for column in row[:columns] for number in column], bits))
    taps = ColumnTaps((height, width), columns, steps, bits)
    # A bench needs a clock.
    clocked = ChainComponent([("taps", taps), ("skid", SkidBuffer(len(taps.o.payload)))])
    return StreamCase(f"{height}x{width}-{columns}t{steps}x{bits}b", clocked, inputs, outputs)


CASES = [_case(*shape) for shape in SHAPES]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=4)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_columns(case: StreamCase, results: dict[str, CaseResult]) -> None:
    assert results[case.name].error is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((0, 1), 1, 1, 1), "kernel must be an integer of at least 1, not 0"),
        (((1, 1), 3, 1, 1), "columns must be an integer from 1 to 2, not 3"),
        (((1, 1), 1, 0, 1), "steps must be an integer of at least 1, not 0"),
        (((1, 1), 1, 1, 0), "column bits must be an integer of at least 1, not 0"),
    ],
)
def test_init_wrong(arguments: tuple[tuple[int, int], int, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        ColumnTaps(*arguments)
