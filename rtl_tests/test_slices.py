# amaranth: UnusedElaboratable=no

from __future__ import annotations

import random

import pytest

from hwsnn.rtl.slices import WindowSlices
from hwsnn.sim.stream_bench import CaseResult, StreamCase, run_cases

# taps, channels, bits, cin_par, groups
SHAPES = [
    (9, 4, 1, 2, 3),
    (9, 5, 1, 2, 2),
    (4, 3, 1, 3, 4),
    (6, 7, 3, 3, 1),
    (1, 5, 8, 1, 2),
    (2, 1, 4, 1, 1),
    (3, 2, 8, 2, 1),
    (25, 3, 1, 2, 5),
]


def _bits(entries: list[int], bits: int) -> int:
    return sum(entry << (index * bits) for index, entry in enumerate(entries))


def _case(taps: int, channels: int, bits: int, cin_par: int, groups: int) -> StreamCase:
    generator = random.Random(f"{taps} {channels} {bits} {cin_par} {groups}")
    inputs, outputs = [], []
    for _ in range(12):
        window = [[generator.getrandbits(bits) for _ in range(channels)] for _ in range(taps)]
        inputs.append(_bits([entry for tap in window for entry in tap], bits))
        for _ in range(groups):
            for first in range(0, channels, cin_par):
                part = [(tap + [0] * cin_par)[first : first + cin_par] for tap in window]
                outputs.append(_bits([entry for tap in part for entry in tap], bits))
    component = WindowSlices(taps, channels, bits, cin_par, groups)
    return StreamCase(f"{taps}x{channels}x{bits}-{cin_par}-{groups}", component, inputs, outputs)


CASES = [_case(*shape) for shape in SHAPES]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=3)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_slices(case: StreamCase, results: dict[str, CaseResult]) -> None:
    result = results[case.name]
    assert result.error is None
    assert result.first_latency == case.component.latency
    clocks = result.output_clocks
    assert clocks == list(range(clocks[0], clocks[0] + len(case.outputs)))


def test_wires_alone() -> None:
    assert WindowSlices(9, 4, 1, 4, 1).latency == 0
    assert WindowSlices(9, 4, 1, 4, 2).latency == WindowSlices(9, 4, 1, 2, 1).latency == 1


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ((0, 1, 1, 1, 1), "taps must be an integer of at least 1, not 0"),
        ((1, 0, 1, 1, 1), "channels must be an integer of at least 1, not 0"),
        ((1, 1, 0, 1, 1), "bits must be an integer of at least 1, not 0"),
        ((1, 2, 1, 3, 1), "cin_par must be an integer from 1 to 2, not 3"),
        ((1, 2, 1, 2, -1), "groups must be an integer of at least 1, not -1"),
    ],
)
def test_init_wrong(parameters: tuple[int, int, int, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        WindowSlices(*parameters)


def test_init_wrong_kind() -> None:
    with pytest.raises(TypeError, match=r"^taps must be an integer of at least 1, not 2\.0$"):
        WindowSlices(2.0, 1, 1, 1, 1)  # type: ignore[arg-type]
