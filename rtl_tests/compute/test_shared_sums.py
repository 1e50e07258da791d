# amaranth: UnusedElaboratable=no
"""Sums by a graph of shared adders against plain integers, at every cycle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwsnn.folding.synaptic_sums import SynapticSums
from hwsnn.rtl.compute.synapses import Synapses
from hwsnn.spec.integers import Int64Array
from rtl_tests.support.bits import packed
from rtl_tests.support.stream_bench import StreamCase, run_cases

pytest.importorskip("da4ml")


def _case(name: str, weights: Int64Array, largest: int, sections: int = 1, fraction_bits: int = 0) -> StreamCase:
    """``weights``: (lanes, inputs of a section)."""
    random = np.random.default_rng(len(name))
    lanes, entries = weights.shape
    bias = random.integers(-300, 300, (1, lanes)) * random.integers(0, 2, (1, lanes))
    sums = SynapticSums(weights[None, None, None], bias, largest, "adders", sections, fraction_bits)
    slices = random.integers(0, largest, (60, sections, entries), endpoint=True)
    slices[::7], slices[1::7] = 0, largest
    seen = np.repeat(slices, lanes // sections, axis=1)
    currents = ((seen * weights).sum(axis=2) << fraction_bits) + bias
    width = sums.currents.width
    inputs = [packed(each.ravel().tolist(), sums.input_bits) for each in slices]
    return StreamCase(name, Synapses(sums, width), inputs, [packed(each.tolist(), width) for each in currents])


def _cases() -> list[StreamCase]:
    random = np.random.default_rng(17)

    def some(bits: int, lanes: int, entries: int) -> Int64Array:
        most = (1 << bits - 1) - 1
        return np.asarray(random.integers(-most, most, (lanes, entries), endpoint=True), np.int64)

    cases = [_case(f"random-{bits}", some(8, 4, 5), (1 << bits) - 1) for bits in (3, 8)]
    holes = some(6, 6, 8)
    holes[2], holes[:, 3] = 0, 0
    twice = np.repeat(some(5, 3, 4), 2, axis=0)
    twice[1::2] *= -1
    cases += [
        _case("holes", holes, 255),
        _case("twice-and-negative", twice, 200),
        _case("all-negative", -np.abs(some(8, 3, 5)), 255),
        _case("one-input", some(8, 4, 1), 63),
        _case("one-weight", np.array([[1]]), 1),
        _case("powers", np.array([[64, 0], [-64, 0], [0, 2], [0, -1]]), 15),
        _case("nothing", np.zeros((2, 3), np.int64), 7),
        _case("sections", some(4, 6, 5), 31, sections=3),
        _case("fractions", some(4, 3, 5), 255, fraction_bits=3),
        _case("few-bits", some(2, 8, 9), 1),
    ]
    return cases


def test_shared_sums() -> None:
    cases = _cases()
    wrong = _case("wrong", np.array([[3, -1, 7], [3, -1, 5]]), 255)
    wrong = replace(wrong, outputs=[*wrong.outputs[:-1], wrong.outputs[-1] ^ 1])
    results = run_cases([*cases, wrong])
    for case in cases:
        result = results[case.name]
        assert result.error is None, case.name
        first = result.input_clocks[0]
        assert result.input_clocks == list(range(first, first + len(case.inputs))), "a slice every clock"
        assert result.first_latency == case.component.latency, case.name
    assert "expected" in str(results["wrong"].error)
