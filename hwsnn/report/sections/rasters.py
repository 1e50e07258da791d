"""The spikes of chosen samples, step by step, and how the scores grow."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from ..measured import Measured, Sample
from ..page import Block, Cell, Gallery, Picture, Plot, Section, Table
from ..subject import Subject
from ..svg import INK, MUTED, SERIES, draw
from .images import count_map, picture

MOST_NEURONS = 64
"""Neurons of a layer that are drawn: of larger layers every so manieth."""
MOST_DOTS = 20
"""Steps below which each has a dot."""
GAP, HEIGHT = 0.30, 0.0055
"""Inches of a layer, and of each of its neurons."""
MOST_LINES = 4
"""Classes whose scores are named: the largest at the end, and the label."""


def section(subject: Subject, measured: Measured) -> Section:
    blocks: list[Block] = []
    for sample in measured.samples:
        blocks += _blocks(subject, measured, sample)
    return Section("rasters", "Spikes of chosen samples", tuple(blocks))


def _blocks(subject: Subject, measured: Measured, sample: Sample) -> list[Block]:
    number = sample.number
    said = f"answer {measured.predictions[number]}"
    if measured.labels is not None:
        said = f"label {measured.labels[number]}, {said}"
    drawn = sum(min(MOST_NEURONS, _neurons(spikes).shape[1]) for spikes in sample.spikes.values())
    return [
        Gallery(
            f"Image {number}: {said}",
            (picture(sample.image, ("the input",)), *_maps(sample)),
            "Behind the input: where each layer fires, the brighter the more spikes of all channels and steps.",
        ),
        Plot(
            f"Image {number}: spikes",
            draw(
                f"raster-{number}",
                f"Spikes of image {number}",
                0.7 + GAP * len(sample.spikes) + HEIGHT * drawn,
                partial(_paint, sample),
            ),
            "Each row is a neuron, each column a time step, each mark a spike. Of a layer with more than "
            f"{MOST_NEURONS} neurons, {MOST_NEURONS} at even distances are drawn; the table counts all.",
            _table(sample),
        ),
        Plot(
            f"Image {number}: scores",
            draw(
                f"scores-{number}",
                f"Scores of image {number} over the steps",
                2.6,
                partial(_scores, subject, measured, sample),
            ),
            f"The scores ({subject.network.readout} readout) if the answer were read after each step; the last is "
            "the answer.",
            _score_table(sample),
        ),
    ]


def _maps(sample: Sample) -> Iterator[Picture]:
    """Of each layer that has positions."""
    for name, spikes in sample.spikes.items():
        if spikes.shape[2] > 1 and spikes.shape[3] > 1:
            yield count_map(spikes, (name, f"{int(spikes.sum(dtype=np.int64)):,} spikes"))


def _neurons(spikes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """(T, neurons)."""
    return spikes.reshape(len(spikes), -1)


def _paint(sample: Sample, figure: Figure) -> None:
    heights = [GAP / HEIGHT + min(MOST_NEURONS, _neurons(spikes).shape[1]) for spikes in sample.spikes.values()]
    axes = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights).ravel()
    for place, (name, spikes) in zip(axes, sample.spikes.items(), strict=True):
        every = _neurons(spikes)
        count = every.shape[1]
        chosen = np.unique(np.linspace(0, count - 1, min(count, MOST_NEURONS)).round().astype(np.int64))
        _marks(place, every[:, chosen])
        place.set_ylim(len(chosen), 0)
        place.set_xlim(0.5, len(every) + 0.5)
        place.set_yticks([])
        place.set_ylabel(f"{name}\n{count:,}", rotation=0, ha="right", va="center", fontsize=7.5)
        place.grid(axis="x")
        place.set_axisbelow(True)
    steps = len(next(iter(sample.spikes.values())))
    axes[-1].set_xticks(range(1, steps + 1, max(1, steps // 12)))
    axes[-1].set_xlabel("time step")


def _marks(axes: Axes, spikes: npt.NDArray[np.uint8]) -> None:
    """A small rectangle for each spike, higher where a neuron fires several times; all of them one path."""
    steps, rows = np.nonzero(spikes)
    if not len(steps):
        return
    width = 0.34
    left, right = steps + 1 - width, steps + 1 + width
    top, bottom = rows + 0.1, rows + 0.9
    corners = np.stack([left, top, right, top, right, bottom, left, bottom, left, top], axis=1).reshape(-1, 2)
    codes = np.tile([Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY], len(steps))
    axes.add_patch(PathPatch(Path(corners, codes), facecolor=SERIES[0], linewidth=0))


def _table(sample: Sample) -> Table:
    steps = len(next(iter(sample.spikes.values())))
    headings = ("layer", "neurons", "fire", *(f"step {step}" for step in range(1, steps + 1)), "spikes")
    rows = list[tuple[Cell, ...]]()
    for name, spikes in sample.spikes.items():
        every = _neurons(spikes)
        counts = every.sum(1, dtype=np.int64)
        rows.append((name, every.shape[1], int(every.any(0).sum()), *map(int, counts), int(counts.sum())))
    return Table(headings, tuple(rows))


def _scores(subject: Subject, measured: Measured, sample: Sample, figure: Figure) -> None:
    axes = figure.subplots()
    scores = sample.scores
    steps = np.arange(1, len(scores) + 1)
    label = None if measured.labels is None else int(measured.labels[sample.number])
    best = [int(number) for number in np.argsort(-scores[-1], kind="stable")[:MOST_LINES]]
    named = best if label is None or label in best else [*best[:-1], label]
    if len(steps) == 1:
        _single(axes, scores[0], label)
        return
    for number in range(scores.shape[1]):
        if number not in named:
            axes.plot(steps, scores[:, number], color=MUTED, alpha=0.45, linewidth=0.8)
    for place, number in enumerate(named):
        axes.plot(
            steps,
            scores[:, number],
            "o-" if len(steps) < MOST_DOTS else "-",
            color=SERIES[place],
            markersize=3.5,
            linewidth=1.8 if number == label else 1.2,
            label=f"class {number}{' (label)' if number == label else ''}",
        )
    axes.set_xticks(range(1, len(steps) + 1, max(1, len(steps) // 12)))
    axes.set_xlabel("time step")
    axes.set_ylabel("score", color=INK)
    axes.grid(axis="y")
    axes.legend(ncols=2)


def _single(axes: Axes, scores: npt.NDArray[np.int64], label: int | None) -> None:
    """The scores of the only step, as bars."""
    colours = [SERIES[1] if number == label else SERIES[0] for number in range(len(scores))]
    axes.bar(range(len(scores)), scores, color=colours)
    axes.axhline(0, color=MUTED, linewidth=0.7)
    axes.set_xticks(range(0, len(scores), max(1, len(scores) // 20)))
    axes.set_xlabel("class" if label is None else "class (orange: the label)")
    axes.set_ylabel("score", color=INK)


def _score_table(sample: Sample) -> Table:
    headings = ("after step", *(f"class {number}" for number in range(sample.scores.shape[1])))
    return Table(headings, tuple((str(step), *map(int, scores)) for step, scores in enumerate(sample.scores, 1)))
