# amaranth: UnusedElaboratable=no
"""Windows against a plain reading of the raster: every shape, stride and number of beats, frames back to back."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from hwsnn.rtl.window.sliding_window import SlidingWindow
from rtl_tests.support.bits import packed
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

Pair = tuple[int, int]
FRAMES = 3

Shape = tuple[int, Pair, Pair, Pair, int, int, int]
# payload bits, extent, kernel, stride, beats, columns in the queue, unused columns
SHAPES: list[Shape] = [
    (3, (5, 7), (3, 2), (1, 1), 1, 0, 0),
    (3, (5, 7), (3, 2), (1, 1), 2, 0, 0),
    (2, (7, 5), (2, 3), (1, 1), 3, 0, 0),
    (1, (6, 6), (2, 2), (2, 2), 8, 0, 0),
    (4, (7, 8), (2, 2), (2, 2), 3, 0, 0),
    (3, (4, 5), (4, 5), (1, 1), 2, 0, 0),
    (3, (4, 5), (4, 5), (3, 3), 1, 0, 0),
    (5, (1, 1), (1, 1), (1, 1), 1, 0, 0),
    (5, (1, 1), (1, 1), (1, 1), 3, 0, 0),
    (5, (4, 3), (1, 1), (1, 1), 2, 0, 0),
    (4, (7, 9), (1, 1), (3, 2), 2, 0, 0),
    (2, (9, 10), (2, 2), (3, 4), 2, 0, 0),
    (2, (8, 3), (3, 1), (2, 1), 2, 0, 0),
    (2, (3, 8), (1, 3), (1, 2), 1, 0, 0),
    (2, (6, 1), (3, 1), (1, 1), 1, 0, 0),
    (2, (1, 6), (1, 4), (1, 1), 3, 0, 0),
    (1, (12, 11), (5, 5), (1, 1), 2, 0, 0),
    # A queue of columns: a register or two, a memory.
    (3, (5, 7), (3, 2), (1, 1), 2, 1, 0),
    (3, (5, 7), (3, 3), (1, 1), 2, 2, 0),
    (3, (5, 7), (3, 3), (2, 2), 1, 3, 0),
    (2, (6, 5), (2, 1), (1, 1), 3, 10, 0),
    (2, (6, 5), (1, 2), (1, 2), 1, 7, 0),
    (5, (4, 3), (1, 1), (1, 1), 2, 4, 0),
    (1, (12, 11), (5, 5), (1, 1), 2, 22, 0),
    # Columns that no window takes, in front of the stride's own.
    (3, (3, 7), (2, 2), (1, 1), 2, 0, 1),
    (3, (4, 9), (2, 3), (1, 2), 1, 0, 3),
    (2, (3, 6), (2, 1), (1, 1), 1, 5, 4),
    (2, (2, 5), (1, 2), (2, 2), 3, 0, 3),
]


def _positions(extent: Pair, kernel: Pair, stride: Pair) -> list[Pair]:
    rows = range(0, extent[0] - kernel[0] + 1, stride[0])
    columns = range(0, extent[1] - kernel[1] + 1, stride[1])
    return [(y, x) for y in rows for x in columns]


def _case(
    bits: int, extent: Pair, kernel: Pair, stride: Pair, beats: int, column_depth: int, unused: int
) -> StreamCase:
    name = f"{bits}b-{extent}-{kernel}-{stride}-{beats}-{column_depth}-{unused}".replace(", ", "x")
    generator = random.Random(name)
    (height, width), inputs, outputs = extent, [], []
    for _ in range(FRAMES):
        frame = [[[generator.getrandbits(bits) for _ in range(beats)] for _ in range(width)] for _ in range(height)]
        inputs += [beat for row in frame for pixel in row for beat in pixel]
        for y, x in _positions((height, width - unused), kernel, stride):
            for t in range(beats):
                window = [frame[y + i][x + j][t] for i in range(kernel[0]) for j in range(kernel[1])]
                outputs.append(packed(window, bits))
    return StreamCase(name, SlidingWindow(bits, extent, kernel, stride, beats, column_depth, unused), inputs, outputs)


CASES = [_case(*shape) for shape in SHAPES]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_sliding_window(case: StreamCase, results: dict[str, CaseResult]) -> None:
    assert results[case.name].error is None


def _is_fast(window: SlidingWindow) -> bool:
    """A queue of one or two columns does not take a column a clock."""
    queue = window._queue
    return queue is None or queue.depth > 2


@pytest.mark.parametrize("case", [case for case in CASES if _is_fast(case.component)], ids=lambda case: case.name)
def test_one_beat_per_cycle_and_latency(case: StreamCase, results: dict[str, CaseResult]) -> None:
    window, result = case.component, results[case.name]
    (height, width), beats = window.extent, window.beats
    start = result.input_clocks[0]
    assert result.input_clocks == list(range(start, start + len(case.inputs)))
    last_beats = [
        ((frame * height + y + window.kernel[0] - 1) * width + x + window.kernel[1] - 1) * beats + t
        for frame in range(FRAMES)
        for y, x in _positions((height, width - window.unused), window.kernel, window.stride)
        for t in range(beats)
    ]
    assert result.output_clocks == [result.input_clocks[last] + window.latency for last in last_beats]


def test_stated_latency() -> None:
    assert SlidingWindow(1, (3, 3), (1, 1), (1, 1), 1).latency == 0
    assert (
        SlidingWindow(1, (3, 3), (2, 1), (1, 1), 1).latency == SlidingWindow(1, (3, 3), (1, 2), (1, 1), 1).latency == 1
    )
    assert SlidingWindow(1, (3, 3), (3, 3), (1, 1), 1).latency == 2
    assert [SlidingWindow(1, (3, 3), (3, 3), (1, 1), 1, depth).latency for depth in (1, 2, 3)] == [5, 5, 5]


def _taken(window: SlidingWindow, windows: int, clocks: int) -> int:
    """How many beats go in while only the first ``windows`` windows are taken."""
    taken = given = 0

    async def bench(ctx: Any) -> None:
        nonlocal taken, given
        ctx.set(window.i.valid, 1)
        for _ in range(clocks):
            ctx.set(window.o.ready, given < windows)
            taken += ctx.get(window.i.ready)
            given += ctx.get(window.o.valid & window.o.ready)
            await ctx.tick()

    simulator = Simulator(window)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert given == windows
    return taken


@pytest.mark.parametrize("kernel", [(1, 1), (2, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("beats", [1, 2, 3])
@pytest.mark.parametrize("column_depth", [0, 1, 5])
def test_beats_taken_while_a_window_waits(kernel: Pair, beats: int, column_depth: int) -> None:
    """As many as there are registers, and places in the queue and in the skid behind it."""
    taken = _taken(SlidingWindow(4, (4, 4), kernel, (1, 1), beats, column_depth), 0, 8 * 4 * beats)
    before_first_window = ((kernel[0] - 1) * 4 + kernel[1] - 1) * beats
    registers = int(kernel[0] > 1) + int(kernel[1] > 1)
    assert taken == before_first_window + registers + _places(column_depth)


def _places(column_depth: int) -> int:
    return column_depth + 2 if column_depth else 0


@pytest.mark.parametrize("beats", [1, 2])
@pytest.mark.parametrize("column_depth", [0, 1, 6])
def test_the_next_frame_fills_the_line_buffers(beats: int, column_depth: int) -> None:
    """Columns of rows that complete no window are dropped before the queue: they never wait there."""
    window = SlidingWindow(3, (5, 4), (3, 1), (1, 1), beats, column_depth)
    # All windows of a frame but those that the queue and the skid can hold.
    taken = _taken(window, 3 * 4 * beats - _places(column_depth), 200 * beats)
    # The frame, two rows of the next, and the first column of its third row.
    assert taken == (5 + 2) * 4 * beats + 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, (3, 3), (1, 1), (1, 1), 1), ValueError, r"payload bits must be an integer of at least 1, not 0"),
        ((1, 3, (1, 1), (1, 1), 1), TypeError, r"extent must be a pair \(vertical, horizontal\), not 3"),
        ((1, (3, 0), (1, 1), (1, 1), 1), ValueError, r"extent must be an integer of at least 1, not 0"),
        ((1, (3, 3), (0, 1), (1, 1), 1), ValueError, r"kernel must be an integer of at least 1, not 0"),
        ((1, (3, 3), (4, 1), (1, 1), 1), ValueError, r"kernel must be at most the extent \(3, 3\), not \(4, 1\)"),
        ((1, (3, 3), (1, 4), (1, 1), 1), ValueError, r"kernel must be at most the extent \(3, 3\), not \(1, 4\)"),
        ((1, (3, 3), (1, 1), (0, 1), 1), ValueError, r"stride must be an integer of at least 1, not 0"),
        ((1, (3, 3), (1, 1), (1, 1), "2"), TypeError, r"beats must be an integer of at least 1, not '2'"),
        ((1, (3, 3), (1, 1), (1, 1), 1, -1), ValueError, r"column depth must be an integer of at least 0, not -1"),
        ((1, (3, 3), (1, 1), (1, 1), 1, 0, -1), ValueError, r"unused must be an integer of at least 0, not -1"),
        ((1, (3, 3), (1, 2), (1, 1), 1, 0, 2), ValueError, r"kernel must be at most the extent \(3, 1\), not \(1, 2\)"),
    ],
)
def test_init_wrong(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        SlidingWindow(*arguments)
