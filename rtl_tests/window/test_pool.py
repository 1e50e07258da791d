# amaranth: UnusedElaboratable=no
"""Spiking max-pools against the definitions of the norm, position by position and step by step."""

from __future__ import annotations

import random
from typing import Any

import pytest

from hwsnn.rtl.window.pool import OrPool, WinnerPool
from rtl_tests.support.bits import packed
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

POSITIONS = 12

# bits, inputs
OR_SHAPES = [(1, 1), (3, 1), (3, 4), (1, 9), (5, 16), (2, 17), (1, 64), (1, 257)]
# channels, inputs, timesteps, steps a beat
WINNER_SHAPES = [
    (1, 1, 3, 1),
    (3, 4, 1, 1),
    (3, 4, 2, 1),
    (2, 4, 3, 1),
    (2, 4, 8, 1),
    (1, 2, 40, 1),
    (2, 9, 8, 1),
    (1, 6, 16, 1),
    (1, 16, 5, 1),
    (1, 3, 256, 1),
    # Several steps a beat; the last beat of a position full or not, or the only one.
    (2, 4, 8, 2),
    (2, 4, 8, 8),
    (3, 4, 5, 2),
    (1, 9, 7, 3),
    (2, 3, 5, 5),
    (1, 4, 256, 11),
]

Window = list[list[int]]
"""Spikes of one step: a row of channels for each input."""


def _windows(generator: random.Random, channels: int, inputs: int, steps: int) -> list[Window]:
    """The steps of one position; how often an input fires differs from input to input, so that leads change."""
    rates = [[generator.choice([0, 0.2, 0.5, 0.5, 0.9, 1]) for _ in range(channels)] for _ in range(inputs)]
    return [[[int(generator.random() < rate) for rate in row] for row in rates] for _ in range(steps)]


def _or(window: Window, channel: int) -> int:
    return max(row[channel] for row in window)


def _winner(so_far: list[Window], channel: int) -> int:
    counts = [sum(window[k][channel] for window in so_far) for k in range(len(so_far[0]))]
    return so_far[-1][counts.index(max(counts))][channel]


def _flat(window: Window) -> int:
    return packed((spike for row in window for spike in row), 1)


def _or_case(width: int, inputs: int) -> StreamCase:
    generator = random.Random(f"or {width} {inputs}")
    windows = [_windows(generator, width, inputs, 1)[0] for _ in range(POSITIONS)]
    # Windows of one spike, so that every input counts.
    windows += [[[int(k == one)] * width for k in range(inputs)] for one in range(inputs)]
    windows.append([[0] * width for _ in range(inputs)])
    outputs = [packed([_or(window, bit) for bit in range(width)], 1) for window in windows]
    return StreamCase(f"or-{width}-{inputs}", OrPool(width, inputs), [_flat(w) for w in windows], outputs)


def _winner_case(channels: int, inputs: int, timesteps: int, t_par: int) -> StreamCase:
    name = f"winner-{channels}-{inputs}-{timesteps}-{t_par}"
    generator = random.Random(name)
    beats, outputs = [], []
    for _ in range(POSITIONS):
        # A position's last beat may have steps that are too many: nothing spikes in those.
        surplus = [[[0] * channels for _ in range(inputs)] for _ in range(-timesteps % t_par)]
        steps = _windows(generator, channels, inputs, timesteps) + surplus
        winners = [[_winner(steps[: t + 1], channel) for channel in range(channels)] for t in range(len(steps))]
        for first in range(0, len(steps), t_par):
            part = steps[first : first + t_par]
            beats.append(_flat([[spike for window in part for spike in window[k]] for k in range(inputs)]))
            outputs.append(packed((spike for step in winners[first : first + t_par] for spike in step), 1))
    return StreamCase(name, WinnerPool(channels, inputs, timesteps, t_par), beats, outputs)


CASES = [_or_case(*shape) for shape in OR_SHAPES] + [_winner_case(*shape) for shape in WINNER_SHAPES]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=6)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_pool(case: StreamCase, results: dict[str, CaseResult]) -> None:
    result = results[case.name]
    assert result.error is None
    start = result.input_clocks[0]
    assert result.input_clocks == list(range(start, start + len(case.inputs)))
    assert result.output_clocks == [clock + case.component.latency for clock in result.input_clocks]


def test_stated_latency() -> None:
    assert [OrPool(1, inputs).latency for inputs in (1, 16, 17, 256, 257)] == [1, 1, 2, 2, 3]
    assert [WinnerPool(1, inputs, 4).latency for inputs in (1, 2, 3, 4, 5, 9)] == [1, 2, 3, 3, 4, 5]


def test_winner_differs_from_or() -> None:
    """The cases would not tell the two modes apart otherwise."""
    windows = _windows(random.Random(1), 1, 4, 8)
    winners = [_winner(windows[: t + 1], 0) for t in range(8)]
    assert winners != [_or(window, 0) for window in windows]


@pytest.mark.parametrize(
    ("pool", "arguments", "error", "message"),
    [
        (OrPool, (0, 4), ValueError, "width must be an integer of at least 1, not 0"),
        (OrPool, (1, 0), ValueError, "inputs must be an integer of at least 1, not 0"),
        (OrPool, (1, "4"), TypeError, "inputs must be an integer of at least 1, not '4'"),
        (WinnerPool, (0, 4, 2), ValueError, "channels must be an integer of at least 1, not 0"),
        (WinnerPool, (1, 0, 2), ValueError, "inputs must be an integer of at least 1, not 0"),
        (WinnerPool, (1, 4, 0), ValueError, "timesteps must be an integer from 1 to 256, not 0"),
        (WinnerPool, (1, 4, 257), ValueError, "timesteps must be an integer from 1 to 256, not 257"),
        (WinnerPool, (1, 4, 2.0), TypeError, "timesteps must be an integer from 1 to 256, not 2.0"),
        (WinnerPool, (1, 4, 2, 3), ValueError, "t_par must be an integer from 1 to 2, not 3"),
        (WinnerPool, (1, 4, 2, 0), ValueError, "t_par must be an integer from 1 to 2, not 0"),
    ],
)
def test_init_wrong(pool: Any, arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        pool(*arguments)
