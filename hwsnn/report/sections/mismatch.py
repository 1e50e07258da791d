"""The first difference between hardware and reference, in its window."""

from __future__ import annotations

from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..debug_folder import MOST_BEATS, DebugFolder, LayerBeats, Wave
from ..page import Block, Cell, Code, Data, Plot, Section, Table, Text
from ..svg import GRID, INK, MUTED, SERIES, draw

MOST_NUMBERS = 64
"""Numbers of a beat that are drawn: those that differ come first."""


def section(debug: DebugFolder) -> Section:
    blocks: list[Block] = []
    if debug.first is None:
        blocks.append(Text("Hardware and reference are equal: no number differs. The window is round the last beat."))
    else:
        blocks.append(Text(f"The first difference, to begin with: {debug.first}.", warning=True))
    blocks.append(Data("Numbers that differ, by layer", _layers(debug)))
    layer = None if debug.first is None else debug.first.layer
    if layer in debug.beats:
        beats = debug.beats[layer]
        if beats.first is not None:
            numbers = _numbers(beats)
            blocks.append(
                Plot(
                    f"Beats of {layer} round the first difference",
                    draw(
                        "mismatch-beats",
                        f"Beats of {layer}",
                        0.9 + 0.11 * len(numbers),
                        partial(_beats, beats, numbers),
                    ),
                    "Each column is a beat, each row a number of it (step, then channel). Blue: as expected; "
                    "orange: expected, and not found or less; purple: found, and not expected or more. Only rows "
                    "with a number other than 0.",
                    _around(beats, numbers),
                )
            )
    if debug.waves:
        blocks.append(
            Plot(
                "The streams round it",
                draw(
                    "mismatch-waves", "Waveforms of the streams", 0.7 + 0.3 * len(debug.waves), partial(_waves, debug)
                ),
                "Filled: valid and ready are high, a beat moves; upper half: valid and not ready, the beat waits; "
                "a line: ready, and no beat is there. Clock cycles, 0 at the difference. All signals are in "
                "dump.vcd.",
                _wave_table(debug),
            )
        )
    blocks.append(Code("The waveforms themselves", (f"cd {debug.folder}", "gtkwave streams.gtkw")))
    return Section("mismatch", "First difference from the reference", tuple(blocks))


def _layers(debug: DebugFolder) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            len(beats.expected),
            len(beats.found),
            beats.differing,
            beats.first,
            None if beats.first is None or beats.first >= len(beats.cycles) else int(beats.cycles[beats.first]),
        )
        for name, beats in debug.beats.items()
    ]
    return Table(
        ("layer", "beats expected", "beats found", "numbers that differ", "first beat", "in cycle"), tuple(rows)
    )


def _window(beats: LayerBeats) -> range:
    first = beats.first or 0
    return range(max(0, first - MOST_BEATS), min(max(len(beats.expected), len(beats.found)), first + MOST_BEATS + 1))


def _at(values: np.ndarray, beat: int, number: int) -> int | None:  # type: ignore[type-arg]
    return int(values[beat, number]) if beat < len(values) else None


def _numbers(beats: LayerBeats) -> list[int]:
    """The numbers of a beat that are drawn, in their order."""
    window = _window(beats)
    expected, found = (values[window.start : window.stop] for values in (beats.expected, beats.found))
    both = min(len(expected), len(found))
    differ = (expected[:both] != found[:both]).any(axis=0)
    used = expected.any(axis=0) | (found.any(axis=0) if len(found) else False)
    order = sorted(np.flatnonzero(differ | used), key=lambda number: not differ[number])
    return sorted(int(number) for number in order[:MOST_NUMBERS])


def _beats(beats: LayerBeats, numbers: list[int], figure: Figure) -> None:
    axes, window = figure.subplots(), _window(beats)
    for column, beat in enumerate(window):
        for row, number in enumerate(numbers):
            expected, found = _at(beats.expected, beat, number), _at(beats.found, beat, number)
            if expected == found:
                if expected:
                    _cell(axes, column, row, SERIES[0])
            else:
                _cell(axes, column, row, SERIES[1] if (expected or 0) > (found or 0) or found is None else SERIES[3])
    first = (beats.first or 0) - window.start
    axes.add_patch(Rectangle((first - 0.5, -0.5), 1, len(numbers), facecolor="none", edgecolor=INK, linewidth=0.9))
    axes.set_xlim(-0.5, len(window) - 0.5)
    axes.set_ylim(len(numbers) - 0.5, -0.5)
    axes.set_yticks(
        range(0, len(numbers), max(1, len(numbers) // 16)),
        [str(number) for number in numbers[:: max(1, len(numbers) // 16)]],
    )
    axes.set_xticks(range(0, len(window), 4), [str(beat) for beat in window[::4]])
    axes.set_xlabel("beat")
    axes.set_ylabel("number in the beat", color=INK)


def _cell(axes: Axes, x: int, y: int, colour: str) -> None:
    axes.add_patch(Rectangle((x - 0.42, y - 0.42), 0.84, 0.84, facecolor=colour, edgecolor="none"))


def _around(beats: LayerBeats, numbers: list[int]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for beat in _window(beats):
        both = [(_at(beats.expected, beat, number), _at(beats.found, beat, number)) for number in numbers]
        differing = [
            f"{number}: {_said(expected)} not {_said(found)}"
            for number, (expected, found) in zip(numbers, both, strict=True)
            if expected != found
        ]
        cycle = int(beats.cycles[beat]) if beat < len(beats.cycles) else None
        rows.append((str(beat), cycle, "; ".join(differing) or "equal"))
    return Table(("beat", "in cycle", "number: expected, not found"), tuple(rows))


def _said(value: int | None) -> str:
    return "nothing" if value is None else str(value)


def _waves(debug: DebugFolder, figure: Figure) -> None:
    axes = figure.subplots()
    for row, wave in enumerate(debug.waves):
        y = -row - 0.35
        axes.plot([debug.cycles[0] - 0.5, debug.cycles[-1] + 0.5], [y, y], color=GRID, linewidth=0.7)
        for cycle, valid, ready in zip(debug.cycles, wave.valid, wave.ready, strict=True):
            if valid == 1 and ready == 1:
                axes.add_patch(Rectangle((cycle - 0.46, y), 0.92, 0.7, facecolor=SERIES[0], edgecolor="none"))
            elif valid == 1:
                axes.add_patch(Rectangle((cycle - 0.46, y + 0.35), 0.92, 0.35, facecolor=SERIES[1], edgecolor="none"))
            elif ready == 1:
                axes.plot([cycle - 0.46, cycle + 0.46], [y + 0.04, y + 0.04], color=MUTED, linewidth=1)
    axes.axvline(0, color=INK, linewidth=0.8, linestyle="--")
    axes.set_yticks([-row for row in range(len(debug.waves))], [wave.name for wave in debug.waves])
    axes.set_ylim(-len(debug.waves) + 0.4, 0.6)
    axes.set_xlim(debug.cycles[0] - 0.5, debug.cycles[-1] + 0.5)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("cycles from the difference")


def _wave_table(debug: DebugFolder) -> Table:
    rows: list[tuple[Cell, ...]] = [(wave.name, _states(wave)) for wave in debug.waves]
    return Table(
        ("stream", f"cycles {debug.cycles[0]} to {debug.cycles[-1]}: M a beat moves, W it waits, . ready, _ neither"),
        tuple(rows),
    )


def _states(wave: Wave) -> str:
    letters = {(1, 1): "M", (1, 0): "W", (0, 1): ".", (0, 0): "_"}
    return "".join(
        letters.get((int(valid), int(ready)), "?") for valid, ready in zip(wave.valid, wave.ready, strict=True)
    )
