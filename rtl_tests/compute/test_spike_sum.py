"""Sums of numbers of spikes, entry by entry."""

from __future__ import annotations

import numpy as np
import pytest

from hwsnn.rtl.compute.spike_sum import SpikeSum
from rtl_tests.support.bits import packed
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

# Entries, the largest number of each beat.
SUMS = [(1, (1, 1)), (6, (1, 1)), (4, (3, 1, 2)), (5, (7, 8)), (2, (1, 2, 3, 4, 5)), (3, (15,))]


def _case(entries: int, largest: tuple[int, ...]) -> StreamCase:
    rng = np.random.default_rng([entries, *largest])
    bits, sum_bits = [most.bit_length() for most in largest], sum(largest).bit_length()
    inputs, outputs = list[int](), list[int]()
    for _ in range(40):
        beats = [rng.integers(0, most, entries, endpoint=True) for most in largest]
        if not inputs:
            beats = [np.full(entries, most) for most in largest]
        places = np.cumsum([0, *(entries * width for width in bits)])
        inputs.append(sum(packed(b.tolist(), w) << int(at) for b, w, at in zip(beats, bits, places, strict=False)))
        outputs.append(packed(np.sum(beats, axis=0).tolist(), sum_bits))
    name = f"{entries}x{'-'.join(map(str, largest))}"
    return StreamCase(name, SpikeSum(entries, bits, sum_bits), inputs, outputs)


CASES = [_case(*of) for of in SUMS]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=2)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_spike_sum(case: StreamCase, results: dict[str, CaseResult]) -> None:
    result = results[case.name]
    assert result.error is None
    assert result.first_latency == case.component.latency
    assert result.input_clocks == list(range(result.input_clocks[0], result.input_clocks[0] + len(case.inputs)))


def test_levels() -> None:
    assert [SpikeSum(1, [1] * beats, 3).latency for beats in (1, 2, 3, 4, 5)] == [0, 1, 2, 2, 3]


def test_init_wrong() -> None:
    with pytest.raises(ValueError, match=r"^entries must be an integer of at least 1, not 0$"):
        SpikeSum(0, [1, 1], 2)
    with pytest.raises(ValueError, match=r"^beats must be an integer of at least 1, not 0$"):
        SpikeSum(1, [], 2)
