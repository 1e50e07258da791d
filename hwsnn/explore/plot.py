"""Plot of frames/s over look-up tables, coloured by accuracy, with the Pareto front marked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from hwsnn.files.atomic import written_whole

from .table import Row

MARKERS = "os^Dv<>PX*"
"""Markers, one per number of time steps."""
COLOURED = 5
"""Range of the colour scale, in percentage points below the best accuracy; anything worse has the last colour."""


def draw(found: Sequence[Row], title: str, path: Path) -> list[Path]:
    """Draw ``found``, at least one row, to ``path`` with the endings ``.png`` and ``.svg``; returns both files."""
    with mpl.rc_context({"svg.hashsalt": "hwsnn", "svg.fonttype": "none", "font.size": 10}):
        figure = Figure(figsize=(8, 5), layout="constrained")
        axes = figure.subplots()
        highest = 100 * max(row.accuracy for row in found)
        lowest = max(100 * min(row.accuracy for row in found), highest - COLOURED)
        for steps, marker in zip(sorted({row.timesteps for row in found}), MARKERS * len(found), strict=False):
            for best in (False, True):
                drawn = [row for row in found if (row.timesteps, row.on_front) == (steps, best)]
                points = axes.scatter(
                    [row.lut_estimate for row in drawn],
                    [row.fps_at_assumed_clock for row in drawn],
                    c=[row.accuracy * 100 for row in drawn],
                    vmin=lowest,
                    vmax=highest,
                    marker=marker,
                    s=60 if best else 25,
                    edgecolors="black" if best else "none",
                    alpha=1 if best else 0.5,
                )
            axes.scatter([], [], marker=marker, c="grey", label=f"T = {steps}")
        axes.set(
            xscale="log",
            yscale="log",
            xlabel=f"look-up tables of {found[0].device} (estimate)",
            ylabel=f"frames/s at an assumed {found[0].assumed_clock_mhz:g} MHz",
            title=title,
        )
        axes.grid(which="both", alpha=0.3)
        figure.legend(loc="outside lower center", ncols=6, title="with an edge: the front")
        figure.colorbar(points, ax=axes, label="accuracy, %", extend="min")
        files = []
        for kind, options in (("png", {"dpi": 150}), ("svg", {"metadata": {"Date": None}})):
            file = path.with_name(f"{path.name}.{kind}")
            with written_whole(file) as partial:
                figure.savefig(partial, **options)
            files.append(file)
    return files
