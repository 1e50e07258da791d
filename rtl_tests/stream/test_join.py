"""Beats side by side: each input waits for the others."""

from __future__ import annotations

import random

import pytest

from hwsnn.rtl.stream.join import Join
from rtl_tests.support.several_streams import run_streams

DICE = random.Random(6)
WIDTHS = {"i_0": 3, "i_1": 1, "i_2": 5}
BEATS = {name: [DICE.getrandbits(width) for _ in range(50)] for name, width in WIDTHS.items()}


@pytest.mark.parametrize("stalls", [0.0, 0.5])
def test_beats_side_by_side(stalls: float) -> None:
    moved = run_streams(Join(WIDTHS), BEATS, ["o"], stalls=stalls)
    assert moved["o"].beats == [a | b << 3 | c << 4 for a, b, c in zip(*BEATS.values(), strict=True)]
    assert all(moved[name].clocks == moved["o"].clocks for name in WIDTHS)


def test_nothing_moves_without_the_others() -> None:
    moved = run_streams(Join(WIDTHS), BEATS | {"i_1": BEATS["i_1"][:7]}, ["o"])
    assert {len(moved[name].beats) for name in ("o", *WIDTHS)} == {7}
