# amaranth: UnusedElaboratable=no
"""Collected parts against plain concatenation."""

from __future__ import annotations

import random

import pytest

from hwsnn.rtl.stream.packer import Packer
from rtl_tests.support.bits import packed
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

WHOLES = 20

# bits in, groups, bits out
SHAPES = [(3, 1, 3), (3, 1, 2), (1, 2, 2), (4, 3, 12), (4, 3, 11), (5, 4, 16), (1, 10, 10), (8, 8, 57), (70, 2, 139)]


def _case(bits_in: int, groups: int, bits_out: int) -> StreamCase:
    generator = random.Random(f"{bits_in} {groups} {bits_out}")
    inputs, outputs = [], []
    for _ in range(WHOLES):
        parts = [generator.getrandbits(bits_in) for _ in range(groups)]
        inputs += parts
        outputs.append(packed(parts, bits_in) % (1 << bits_out))
    return StreamCase(f"{bits_in}x{groups}-{bits_out}", Packer(bits_in, groups, bits_out), inputs, outputs)


CASES = [_case(*shape) for shape in SHAPES]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=4)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_packer(case: StreamCase, results: dict[str, CaseResult]) -> None:
    result, collect = results[case.name], case.component
    assert result.error is None
    start = result.input_clocks[0]
    assert result.input_clocks == list(range(start, start + len(case.inputs)))
    last_parts = result.input_clocks[collect.groups - 1 :: collect.groups]
    assert result.output_clocks == [clock + collect.latency for clock in last_parts]


def test_stated_latency() -> None:
    assert Packer(3, 1, 2).latency == 0
    assert Packer(3, 2, 4).latency == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 1, 1), ValueError, "bits in must be an integer of at least 1, not 0"),
        ((1, 0, 1), ValueError, "groups must be an integer of at least 1, not 0"),
        ((4, 3, 13), ValueError, "bits out must be an integer from 9 to 12, not 13"),
        ((4, 3, 8), ValueError, "bits out must be an integer from 9 to 12, not 8"),
        ((4, None, 8), TypeError, "groups must be an integer of at least 1, not None"),
    ],
)
def test_init_wrong(arguments: tuple[int, int, int], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        Packer(*arguments)
