# amaranth: UnusedElaboratable=no
"""Padded frames against a plain picture of one value with the frame in its middle."""

from __future__ import annotations

import random
from typing import Any

import pytest

from hwsnn.rtl.window.padding import Padding
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

Pair = tuple[int, int]
FRAMES = 3

# payload bits, extent, padding, beats, the border's value, and how much wider it is on the right
SHAPES: list[tuple[int, Pair, Pair, int, int, int]] = [
    (3, (3, 4), (1, 1), 1, 0, 0),
    (3, (4, 3), (1, 2), 2, 0, 0),
    (2, (3, 5), (2, 1), 3, 0, 0),
    (1, (2, 2), (1, 1), 8, 0, 0),
    (4, (3, 2), (0, 1), 2, 0, 0),
    (4, (2, 3), (2, 0), 1, 0, 0),
    (4, (2, 3), (0, 0), 2, 0, 0),
    (5, (1, 1), (1, 1), 1, 0, 0),
    (5, (1, 1), (0, 2), 1, 0, 0),
    (5, (1, 4), (3, 0), 3, 0, 0),
    (5, (4, 1), (5, 6), 1, 0, 0),
    (5, (2, 3), (1, 1), 1, 21, 0),
    (6, (2, 2), (2, 1), 3, 63, 0),
    (8, (3, 2), (0, 1), 1, 128, 0),
    (3, (2, 3), (0, 0), 2, 5, 1),
    (3, (3, 2), (1, 1), 1, 0, 2),
    (4, (2, 1), (1, 0), 1, 9, 3),
]


def _case(bits: int, extent: Pair, padding: Pair, beats: int, filler: int, right: int) -> StreamCase:
    name = f"{bits}b-{extent}-{padding}-{beats}-{filler}-{right}".replace(", ", "x")
    generator = random.Random(name)
    inputs: list[int] = []
    outputs: list[int] = []
    for _ in range(FRAMES):
        width = extent[1] + 2 * padding[1] + right
        picture = [[filler] * (width * beats) for _ in range(extent[0] + 2 * padding[0])]
        for y in range(extent[0]):
            row = [generator.getrandbits(bits) for _ in range(extent[1] * beats)]
            left = padding[1] * beats
            picture[padding[0] + y][left : left + len(row)] = row
            inputs += row
        outputs += [beat for row in picture for beat in row]
    return StreamCase(name, Padding(bits, extent, padding, beats, filler, right), inputs, outputs)


CASES = [_case(*shape) for shape in SHAPES]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=3)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_padding(case: StreamCase, results: dict[str, CaseResult]) -> None:
    assert results[case.name].error is None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_beat_per_cycle_and_latency(case: StreamCase, results: dict[str, CaseResult]) -> None:
    pad, result = case.component, results[case.name]
    first = result.output_clocks[0]
    assert result.output_clocks == list(range(first, first + len(case.outputs)))
    rows, columns = (pad.extent[axis] + 2 * pad.padding[axis] + axis * pad.right for axis in range(2))
    indices = [
        ((frame * rows + pad.padding[0] + y) * columns + pad.padding[1] + x) * pad.beats + t
        for frame in range(FRAMES)
        for y in range(pad.extent[0])
        for x in range(pad.extent[1])
        for t in range(pad.beats)
    ]
    assert [result.output_clocks[index] for index in indices] == [clock + pad.latency for clock in result.input_clocks]


def test_stated_latency() -> None:
    assert Padding(1, (2, 2), (0, 0), 1).latency == 0
    assert Padding(1, (2, 2), (0, 1), 1).latency == Padding(1, (2, 2), (1, 0), 1).latency == 1
    assert Padding(1, (2, 2), (0, 0), 1, 0, 1).latency == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, (3, 3), (1, 1), 1), ValueError, r"payload bits must be an integer of at least 1, not 0"),
        ((1, (3,), (1, 1), 1), TypeError, r"extent must be a pair \(vertical, horizontal\), not \(3,\)"),
        ((1, (0, 3), (1, 1), 1), ValueError, r"extent must be an integer of at least 1, not 0"),
        ((1, (3, 3), (1, -1), 1), ValueError, r"padding must be an integer of at least 0, not -1"),
        ((1, (3, 3), (1, True), 1), TypeError, r"padding must be an integer of at least 0, not True"),
        ((1, (3, 3), (1, 1), 0), ValueError, r"beats must be an integer of at least 1, not 0"),
        ((2, (3, 3), (1, 1), 1, 4), ValueError, r"filler must be an integer from 0 to 3, not 4"),
        ((1, (3, 3), (1, 1), 1, 0, -1), ValueError, r"right must be an integer of at least 0, not -1"),
    ],
)
def test_init_wrong(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        Padding(*arguments)
