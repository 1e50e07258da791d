"""Right and wrong answers, and the samples that go most wrong."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter

from hwsnn.spec.integers import Int64Array

from ..measured import Measured
from ..page import Block, Gallery, Plot, Section, Table, Text
from ..subject import Subject
from ..svg import INK, PAPER, SERIES, draw
from .images import picture

MOST_NUMBERS = 20
"""Classes up to which each cell of the confusion matrix has its number."""


def section(subject: Subject, measured: Measured) -> Section:
    labels = measured.labels
    blocks: list[Block] = []
    if measured.data.remark:
        blocks.append(Text(f"These are {measured.data.remark}."))
    if labels is None:
        blocks.append(Text(f"{measured.called} holds no labels: right and wrong are not known."))
    else:
        matrix = confusion(labels, measured.predictions, subject.network.classes)
        blocks.append(
            Plot(
                "Confusion matrix",
                draw("confusion", "Confusion matrix", 4.6, partial(_paint, matrix)),
                "Rows: the label; columns: the answer. The darker, the larger the share of the row. Wrong answers "
                "in orange.",
                _table(matrix),
            )
        )
    margins = Plot(
        "Margins",
        draw("margins", "Histogram of the margins", 2.6, partial(_margins, measured)),
        (
            "The score of the label less the largest other score"
            if labels is not None
            else "The largest score less the next"
        )
        + ", over all images: below 0 the answer is wrong, near 0 it is unsure.",
        _margin_table(measured),
    )
    blocks.append(margins)
    worst = measured.worst
    if worst:
        blocks.append(
            Gallery(
                "The worst wrong answers" if labels is not None else "The least sure answers",
                tuple(
                    picture(measured.data.images[number], (f"image {number}", *_said(measured, number)))
                    for number in worst
                ),
                "From the smallest margin on. Frames that change with time are shown as their sum over the steps.",
            )
        )
    elif labels is not None:
        blocks.append(Text("No answer is wrong."))
    return Section("answers", "Answers", tuple(blocks))


def _said(measured: Measured, number: int) -> tuple[str, ...]:
    label = () if measured.labels is None else (f"label {measured.labels[number]}",)
    return (*label, f"answer {measured.predictions[number]}", f"margin {int(measured.margins[number]):,}")


def confusion(labels: Int64Array, predictions: Int64Array, classes: int) -> Int64Array:
    """How often each label (row) got each answer (column): (classes, classes)."""
    counts = np.bincount(labels * classes + predictions, minlength=classes * classes)
    matrix: Int64Array = counts.reshape(classes, classes).astype(np.int64)
    return matrix


def _paint(matrix: Int64Array, figure: Figure) -> None:
    axes = figure.subplots()
    classes = len(matrix)
    shares: npt.NDArray[np.float64] = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    for row, column in zip(*np.nonzero(matrix), strict=True):
        right = row == column
        strength = 0.12 + 0.88 * float(shares[row, column])
        axes.add_patch(
            _square(
                column,
                row,
                SERIES[0] if right else SERIES[1],
                strength if right else min(1.0, 0.25 + 4 * strength - 0.48),
            )
        )
        if classes <= MOST_NUMBERS:
            dark = right and strength > 0.6
            axes.text(
                column,
                row,
                f"{matrix[row, column]}",
                ha="center",
                va="center",
                fontsize=7.5,
                color=PAPER if dark else INK,
            )
    axes.set_xlim(-0.5, classes - 0.5)
    axes.set_ylim(classes - 0.5, -0.5)
    step = max(1, classes // 20)
    axes.set_xticks(range(0, classes, step))
    axes.set_yticks(range(0, classes, step))
    axes.set_aspect("equal")
    axes.set_xlabel("answer")
    axes.set_ylabel("label")


def _square(x: int, y: int, colour: str, strength: float) -> Rectangle:
    return Rectangle((x - 0.47, y - 0.47), 0.94, 0.94, facecolor=colour, alpha=strength, edgecolor="none")


def _table(matrix: Int64Array) -> Table:
    classes = len(matrix)
    headings = ("label", *(f"as {column}" for column in range(classes)), "images", "right, %")
    rows = tuple(
        (
            str(row),
            *(int(count) for count in counts),
            int(counts.sum()),
            100 * float(counts[row]) / int(counts.sum()) if counts.sum() else None,
        )
        for row, counts in enumerate(matrix)
    )
    return Table(headings, rows)


def _bins(margins: Int64Array) -> npt.NDArray[np.float64]:
    return np.histogram_bin_edges(margins, min(40, max(1, int(margins.max() - margins.min()))))


def _margins(measured: Measured, figure: Figure) -> None:
    axes, margins = figure.subplots(), measured.margins
    bins = list(_bins(margins))
    if measured.labels is None:
        axes.hist(margins, bins, color=SERIES[0])
    else:
        right = measured.predictions == measured.labels
        both = [margins[~right], margins[right]]
        axes.hist(both, bins, stacked=True, color=[SERIES[1], SERIES[0]], label=["wrong", "right"])
        axes.legend()
    axes.set_yscale("symlog", linthresh=10)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.10g}"))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("margin, in units of the score")
    axes.set_ylabel("images")


def _margin_table(measured: Measured) -> Table:
    counts, edges = np.histogram(measured.margins, _bins(measured.margins))
    rows = tuple(
        (float(low), float(high), int(count)) for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    )
    return Table(("margin from", "to", "images"), rows)
