# amaranth: UnusedElaboratable=no
"""Replayed blocks and the slices of frames against plain nested loops."""

from __future__ import annotations

import random
from typing import Any

import pytest

from hwsnn.rtl.frame import FrameSlices
from hwsnn.rtl.replay import Replay
from hwsnn.sim.stream_bench import CaseResult, StreamCase, run_cases

BLOCKS = 4

# bits, positions, steps, times
REPLAYS = [(5, 1, 1, 1), (5, 1, 1, 4), (3, 4, 1, 1), (4, 3, 1, 5), (4, 1, 6, 2), (7, 5, 3, 2), (2, 4, 8, 3)]
# pixels, channels, bits, beats, cin_par, groups
FRAMES = [
    (1, 5, 1, 3, 2, 2),
    (4, 3, 1, 2, 3, 1),
    (4, 3, 1, 2, 1, 3),
    (6, 5, 1, 3, 2, 2),
    (9, 2, 8, 1, 1, 2),
    (5, 1, 8, 1, 1, 3),
    (3, 7, 1, 4, 3, 1),
]


def _replay(bits: int, positions: int, steps: int, times: int) -> StreamCase:
    name = f"replay-{bits}b-{positions}-{steps}-{times}"
    generator = random.Random(name)
    inputs: list[int] = []
    outputs: list[int] = []
    for _ in range(BLOCKS):
        block = [[generator.getrandbits(bits) for _ in range(steps)] for _ in range(positions)]
        inputs += [beat for position in block for beat in position]
        for step in range(steps):
            for _ in range(times):
                outputs += [position[step] for position in block]
    return StreamCase(name, Replay(bits, positions, steps, times), inputs, outputs)


def _frame(pixels: int, channels: int, bits: int, beats: int, cin_par: int, groups: int) -> StreamCase:
    name = f"frame-{pixels}-{channels}-{bits}b-{beats}-{cin_par}-{groups}"
    generator = random.Random(name)
    inputs: list[int] = []
    outputs: list[int] = []
    for _ in range(BLOCKS):
        frame = [[[generator.getrandbits(bits) for _ in range(channels)] for _ in range(beats)] for _ in range(pixels)]
        inputs += [_flat(beat, bits) for pixel in frame for beat in pixel]
        for beat in range(beats):
            for _ in range(groups):
                for pixel in frame:
                    for start in range(0, channels, cin_par):
                        outputs.append(_flat(pixel[beat][start : start + cin_par], bits))
    return StreamCase(name, FrameSlices(pixels, channels, bits, beats, cin_par, groups), inputs, outputs)


def _flat(values: list[int], bits: int) -> int:
    return sum(value << (index * bits) for index, value in enumerate(values))


CASES = [_replay(*shape) for shape in REPLAYS] + [_frame(*shape) for shape in FRAMES]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=5)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_order_of_the_beats(case: StreamCase, results: dict[str, CaseResult]) -> None:
    assert results[case.name].error is None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_latency_and_one_beat_a_clock(case: StreamCase, results: dict[str, CaseResult]) -> None:
    result = results[case.name]
    block_in, block_out = len(case.inputs) // BLOCKS, len(case.outputs) // BLOCKS
    assert result.output_clocks[0] - result.input_clocks[block_in - 1] == case.component.latency
    # Within a block not a clock is lost, and none between blocks where reading takes longer than writing.
    first = result.output_clocks[0]
    assert result.output_clocks[:block_out] == list(range(first, first + block_out))
    if block_out >= block_in:
        assert result.output_clocks == list(range(first, first + len(case.outputs)))


@pytest.mark.parametrize(
    ("component", "arguments", "error", "message"),
    [
        (Replay, (4, 0, 1, 1), ValueError, r"positions must be an integer of at least 1, not 0"),
        (Replay, (4, 1, 0, 1), ValueError, r"steps must be an integer of at least 1, not 0"),
        (Replay, (4, 1, 1, "2"), TypeError, r"times must be an integer of at least 1, not '2'"),
        (FrameSlices, (0, 1, 1, 1, 1, 1), ValueError, r"pixels must be an integer of at least 1, not 0"),
        (FrameSlices, (1, 0, 1, 1, 1, 1), ValueError, r"channels must be an integer of at least 1, not 0"),
        (FrameSlices, (1, 1, 0, 1, 1, 1), ValueError, r"bits must be an integer of at least 1, not 0"),
        (FrameSlices, (1, 1, 1, 0, 1, 1), ValueError, r"beats must be an integer of at least 1, not 0"),
        (FrameSlices, (1, 4, 1, 1, 5, 1), ValueError, r"cin_par must be an integer from 1 to 4, not 5"),
        (FrameSlices, (1, 1, 1, 1, 1, 1.0), TypeError, r"groups must be an integer of at least 1, not 1.0"),
    ],
)
def test_init_wrong(component: Any, arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        component(*arguments)
