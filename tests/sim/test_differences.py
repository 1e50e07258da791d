"""The first difference of a boundary: its place, its values and its kind, on beats that are made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwsnn.sim.boundaries import RESULT, Boundary, Bytes, Field, ResultBoundary
from hwsnn.sim.differences import Difference, differing_bits, first_difference

ROWS, COLUMNS, PASSES, STEPS, CHANNELS = 3, 4, 2, 2, 3
FRAMES = 3


def _boundary(seed: int, *, bits: int = 1, density: float = 0.5, first_step: int = 0) -> Boundary:
    rng = np.random.default_rng(seed)
    beats = FRAMES * ROWS * COLUMNS * PASSES
    numbers = rng.integers(1, 1 << bits, (beats, STEPS * CHANNELS)) * (rng.random((beats, STEPS * CHANNELS)) < density)
    field = Field(STEPS * CHANNELS, bits)
    grid = (ROWS, COLUMNS, PASSES)
    return Boundary("conv", "conv_layer_o", (field,), numbers, bits, grid, STEPS, first_step)


def _first(boundary: Boundary, found: Bytes) -> Difference | None:
    cycles = 5 + 3 * np.arange(len(found))
    return first_difference(boundary, boundary.packed(), found, cycles, stalls=False)


def _beat(y: int, x: int, run: int, frame: int) -> int:
    return ((frame * ROWS + y) * COLUMNS + x) * PASSES + run


def test_equal_beats_have_no_difference() -> None:
    boundary = _boundary(0, bits=3)
    assert _first(boundary, boundary.packed()) is None
    assert differing_bits(boundary.packed(), boundary.packed()) == 0
    assert (boundary.numbers(boundary.packed()) == boundary.expected).all()


def test_a_wrong_number_has_its_place_values_and_cycle() -> None:
    boundary = _boundary(1, bits=3)
    beat, entry = _beat(2, 1, 1, frame=1), 1 * CHANNELS + 2
    numbers = boundary.expected.copy()
    numbers[beat, entry] ^= 5
    spoiled = replace(boundary, expected=numbers).packed()
    assert _first(boundary, spoiled) == Difference(
        *("conv", 1, 2, 1, 1 * STEPS + 1, 2),
        expected=int(boundary.expected[beat, entry]),
        found=int(boundary.expected[beat, entry]) ^ 5,
        cycle=5 + 3 * beat,
        kind="wrong",
        stalls=False,
    )
    assert differing_bits(boundary.packed(), spoiled) == 2


def test_the_last_of_the_steps_alone() -> None:
    boundary = _boundary(2, first_step=6)
    found = boundary.packed() ^ np.uint8(1)
    first = _first(boundary, found)
    assert first is not None
    assert first.step == 6


def test_numbers_below_zero() -> None:
    numbers = np.array([[-4, 3], [2, -1]])
    boundary = Boundary("out", "s", (Field(2, 3, signed=True),), numbers, 6)
    assert (boundary.numbers(boundary.packed()) == numbers).all()
    found = boundary.packed()
    found[1] ^= 0b100_000  # the sign of the second
    first = _first(boundary, found)
    assert first is not None
    assert (first.channel, first.expected, first.found) == (1, -1, 3)


@pytest.mark.parametrize(
    ("entry", "change", "channel", "words"),
    [(0, 1, None, "predicted class: expected 2, found 3"), (2, -1, 1, "score of class 1: expected -7, found -8")],
)
def test_results(entry: int, change: int, channel: int | None, words: str) -> None:
    numbers = np.array([[1, 5, -6, 0, 0], [2, 5, -7, 7, 0]])
    boundary = ResultBoundary(RESULT, RESULT, (Field(1, 2), Field(4, 4, signed=True)), numbers, 18)
    spoiled = numbers.copy()
    spoiled[1, entry] += change
    first = _first(boundary, replace(boundary, expected=spoiled).packed())
    assert first is not None
    assert (first.frame, first.y, first.x, first.step, first.channel) == (1, None, None, None, channel)
    assert str(first) == f"result: frame 1, {words} (cycle 8)"


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("density", [0.02, 0.3])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_lost_beats_are_told_from_wrong_ones(seed: int, density: float, count: int) -> None:
    boundary = _boundary(seed, density=density)
    packed = boundary.packed()
    beat = int(np.random.default_rng(seed).integers(len(packed) - count))
    found = np.delete(packed, slice(beat, beat + count), axis=0)
    first = _first(boundary, found)
    assert first is not None
    assert first.found is None
    assert first.kind == ("missing" if first.cycle is None else "lost")
    if first.kind == "lost":  # among beats that are alike, any of them may be the lost one
        place = _beat(first.y or 0, first.x or 0, ((first.step or 0) // STEPS), first.frame)
        assert place >= beat
        assert (packed[beat:place] == found[beat:place]).all()


@pytest.mark.parametrize("seed", range(20))
def test_surplus_beats_are_told_from_wrong_ones(seed: int) -> None:
    boundary = _boundary(seed)
    packed = boundary.packed()
    beat = int(np.random.default_rng(seed).integers(len(packed)))
    first = _first(boundary, np.insert(packed, beat, packed[beat], axis=0))
    assert first is not None
    assert (first.kind, first.expected) == ("surplus", None)
    assert first.found is not None


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.parametrize("density", [0.02, 0.5])
def test_one_wrong_beat_is_never_called_lost(seed: int, density: float) -> None:
    boundary = _boundary(seed, density=density)
    found, rng = boundary.packed().copy(), np.random.default_rng(seed)
    beat, bit = int(rng.integers(len(found))), int(rng.integers(STEPS * CHANNELS))
    found[beat] ^= 1 << bit
    first = _first(boundary, found)
    assert first is not None
    assert (first.kind, first.channel, first.cycle) == ("wrong", bit % CHANNELS, 5 + 3 * beat)


def test_one_wrong_beat_among_pixels_that_are_alike() -> None:
    numbers = np.tile(np.array([[1, 0, 1, 0, 0, 0], [0, 1, 1, 0, 0, 1]]), (FRAMES * ROWS * COLUMNS, 1))
    boundary = Boundary("conv", "s", (Field(6, 1),), numbers, 1, (ROWS, COLUMNS, PASSES), STEPS)
    found = boundary.packed().copy()
    found[7] = found[6]
    first = _first(boundary, found)
    assert first is not None
    assert first.kind == "wrong"


def test_a_channel_that_is_always_wrong_is_not_called_lost() -> None:
    for seed in range(50):
        boundary = _boundary(seed, density=0.3)
        found = boundary.packed() & np.uint8(0b111_110)  # the first channel of the first step never fires
        first = _first(boundary, found)
        assert first is not None
        assert (first.kind, first.channel) == ("wrong", 0)


def test_beats_that_stop_coming_are_missing() -> None:
    boundary = _boundary(3)
    found = boundary.packed()[:10]
    first = _first(boundary, found)
    assert first is not None
    assert (first.kind, first.frame, first.y, first.x, first.step) == ("missing", 0, 1, 1, 0)
    assert (first.found, first.cycle) == (None, None)
    assert str(first).startswith("conv: no beat came any more: frame 0, row 1, column 1, step 0, channel 0: expected ")
    assert differing_bits(boundary.packed(), found) == len(boundary.packed()) - 10
