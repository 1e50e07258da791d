"""One frame through the pipeline: who works when, who waits for what, and how full the queues are."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hwsnn.cycles.timeline import PIXELS, Level, Spans, Work, covered

from ..page import Cell, Plot, Section, Table
from ..subject import STEADY, Subject
from ..svg import GRID, INK, MUTED, SERIES, draw

BINS = 220
"""Columns of the drawing."""
KINDS = {"results": "behind", "columns": "columns of", "edges": "fork to"}


def section(subject: Subject) -> Section:
    plots = [
        _plot(subject, 0, "first", "The first frame, in an empty pipeline"),
        _plot(subject, STEADY, "steady", f"Frame {STEADY}, among those that follow each other"),
    ]
    return Section("timeline", "Time line of a frame", tuple(plots))


def _plot(subject: Subject, frame: int, key: str, title: str) -> Plot:
    line = subject.timeline
    begin, end = line.begins[frame], line.results[frame]
    rows = len(line.parts) + len(line.levels)
    where = (
        f"Cycles since its first pixel; its result comes after {end - begin:,}. Filled: the share of cycles in "
        "which the part works on this frame; hatched: it could work, but waits for room behind it; empty: it waits "
        "for its input, or is done. Pale: other frames. Lines: places taken in each queue, of those that it has. "
    )
    exact = f"A frame is offered every {line.interval:,} cycles; all by the exact cycle model, cycle by cycle."
    return Plot(
        title,
        draw(f"timeline-{key}", title, 0.55 + 0.21 * rows, partial(_paint, subject, frame)),
        where + exact,
        _table(subject, frame),
    )


def _paint(subject: Subject, frame: int, figure: Figure) -> None:
    line = subject.timeline
    begin, end = line.begins[frame], line.results[frame]
    room = max(1, (end - begin) // 50)
    columns = end + room - begin if end + room - begin <= 2 * BINS else BINS
    edges = np.unique(np.linspace(begin, end + room, columns + 1).astype(np.int64))
    levels = {level.queue: level for level in line.levels}
    axes = figure.subplots()
    names, row = list[str](), 0
    for part in line.parts:
        for queue in [queue for queue in levels if _owner(queue[0]) == part.owner and queue[1] != "results"]:
            _level(axes, levels[queue], edges, begin, row)
            names.append(_queue_name(levels[queue]))
            row += 1
        _work(axes, part, frame, edges, begin, row)
        names.append(part.owner)
        row += 1
        if (part.owner, "results") in levels:
            _level(axes, levels[part.owner, "results"], edges, begin, row)
            names.append(_queue_name(levels[part.owner, "results"]))
            row += 1
    axes.set_ylim(-row + 0.1, 1.05)
    axes.set_xlim(0, edges[-1] - begin)
    axes.set_yticks([-number + 0.4 for number in range(row)], names)
    for label in axes.get_yticklabels():
        if "(" in label.get_text():
            label.set_color(MUTED)
            label.set_fontsize(7)
        else:
            label.set_fontweight("bold")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("cycles since the first pixel of the frame")
    axes.axvline(end - begin, color=INK, linewidth=0.8)
    axes.grid(axis="x")
    axes.set_axisbelow(True)


def _owner(port: str) -> str:
    """The layer of a port's name."""
    return port.partition(".")[0]


def _queue_name(level: Level) -> str:
    name, kind = level.queue
    return f"{KINDS[kind]} {name} ({level.depth})"


def _work(axes: Axes, part: Work, frame: int, edges: npt.NDArray[np.int64], begin: int, row: int) -> None:
    widths = np.diff(edges)
    working = _inside(part.working[frame], edges) / widths
    blocked = _inside(part.blocked[frame], edges) / widths
    others = sum(
        (_inside(spans, edges) for number, spans in enumerate(part.working) if number != frame), np.zeros(len(widths))
    )
    x = edges - begin
    base = -float(row)
    axes.plot([x[0], x[-1]], [base, base], color=GRID, linewidth=0.6)
    _fill(axes, x, base, np.zeros(len(widths)), working, facecolor=SERIES[0], linewidth=0)
    _fill(axes, x, base, working, others / widths, facecolor=SERIES[0], alpha=0.22, linewidth=0)
    _fill(axes, x, base, working, blocked, facecolor=SERIES[1], hatch="//////", linewidth=0)


def _fill(
    axes: Axes,
    x: npt.NDArray[np.int64],
    base: float,
    low: npt.NDArray[np.float64],
    high: npt.NDArray[np.float64],
    **style: Any,
) -> None:
    if high.any():
        bottom, top = base + 0.8 * low, base + 0.8 * np.minimum(low + high, 1)
        axes.fill_between(
            x,
            np.append(bottom, bottom[-1]),
            np.append(top, top[-1]),
            where=np.append(high > 0, False) | np.append(False, high > 0),
            step="post",
            **style,
        )


def _level(axes: Axes, level: Level, edges: npt.NDArray[np.int64], begin: int, row: int) -> None:
    share = level.most(edges) / level.depth
    y = -row + 0.75 * np.append(share, share[-1])
    axes.fill_between(edges - begin, -float(row), y, step="post", facecolor=SERIES[2], alpha=0.18, linewidth=0)
    axes.step(edges - begin, y, where="post", color=SERIES[2], linewidth=0.8)


def _inside(spans: Spans, edges: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """How many clocks of the spans lie between each two edges."""
    if not len(spans):
        return np.zeros(len(edges) - 1)
    begins, ends = spans[:, 0], spans[:, 1]
    total = np.concatenate([[0], np.cumsum(ends - begins)])
    place = np.searchsorted(begins, edges, side="right") - 1
    part = np.where(place < 0, 0, np.minimum(edges, ends[place]) - begins[place])
    before = np.where(place < 0, 0, total[np.maximum(place, 0)])
    sums: npt.NDArray[np.float64] = np.diff(before + part).astype(np.float64)
    return sums


def _table(subject: Subject, frame: int) -> Table:
    line = subject.timeline
    begin, end = line.begins[frame], line.results[frame]
    headings = (
        "part or queue",
        "first cycle",
        "last cycle",
        "works",
        "waits for room",
        "waits for input",
        "most in the queue",
        "places",
    )
    rows = list[tuple[Cell, ...]]()
    edges = np.array([begin, end + 1])
    for part in line.parts:
        spans = part.working[frame]
        works, waits = covered(spans), covered(part.blocked[frame])
        first, last = int(spans[0, 0]), int(spans[-1, 1])
        idle = max(0, last - first - works - waits)
        rows.append(
            (part.owner, first - begin, last - 1 - begin, works, waits, 0 if part.owner == PIXELS else idle, None, None)
        )
    for level in line.levels:
        name, kind = level.queue
        rows.append(
            (f"queue {KINDS[kind]} {name}", None, None, None, None, None, int(level.most(edges)[0]), level.depth)
        )
    return Table(headings, tuple(rows))
