"""Roofline plot: frames/s over cycles per frame, on logarithmic axes: the design, published ones, and their bounds.

A clock frequency is a diagonal: frames/s = clock / cycles per frame. Pixels arrive one per cycle, or in pairs, so no
frame takes fewer cycles than it has of these: a vertical line. Needs matplotlib.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hwsnn.folding.column_pairs import as_built

from .report import BenchReport

CLOCKS_MHZ = (80, 150, 300)
"""The diagonals."""
ROOM = 3
"""Factor by which the axes extend beyond the data."""


def draw(report: BenchReport, folder: Path) -> tuple[Path, Path]:
    """Write ``roofline.png`` and ``roofline.svg`` into ``folder``; the same report gives the same bytes."""
    paths = folder / "roofline.png", folder / "roofline.svg"
    with mpl.rc_context({"svg.hashsalt": "hwsnn", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(8, 5), layout="constrained")
        axes = figure.subplots()
        axes.set_xscale("log")
        axes.set_yscale("log")
        _points(axes, report)
        _bounds(axes, report)
        axes.set_xlabel("cycles per frame (clock / frames per second for published systems)")
        axes.set_ylabel("frames per second")
        axes.set_title(f"{report.network.name}, T = {report.network.timesteps}, on {report.plan.device.title}")
        axes.grid(alpha=0.3)
        axes.legend(loc="lower left", fontsize=8)
        figure.savefig(paths[0], dpi=150)
        figure.savefig(paths[1], metadata={"Date": None})
    return paths


def _points(axes: Axes, report: BenchReport) -> None:
    """Draw the design at each clock, and the published systems."""
    x = report.simulated.cycles_per_frame
    xs, ys = [x], [report.cpu_fps]
    for index, rate in enumerate(report.rates):
        label = f"{report.network.name}: {x:,.10g} simulated cycles x {rate.clock}: {rate.fps:,.0f} frames/s"
        axes.plot(x, rate.fps, "*" if index == 0 else "P", color="C3", markersize=13 - 3 * index, label=label, zorder=3)
        ys.append(rate.fps)
    published = False
    for system in report.published:
        if system.fps is None or system.cycles_per_frame is None:
            continue
        axes.plot(
            system.cycles_per_frame, system.fps, "o", color="C0", label=None if published else "published figures"
        )
        published = True
        axes.annotate(
            f"{system.name} {system.year}, {system.clock},\n{_steps(system.timesteps)}, {_accuracy(system.accuracy)}",
            (system.cycles_per_frame, system.fps),
            xytext=(6, 2),
            textcoords="offset points",
            fontsize=7,
        )
        xs.append(system.cycles_per_frame)
        ys.append(system.fps)
    axes.set_xlim(min(*xs, _beats(report)) / ROOM, max(xs) * ROOM * ROOM)
    axes.set_ylim(min(ys) / ROOM / ROOM, max(ys) * ROOM)


def _bounds(axes: Axes, report: BenchReport) -> None:
    """Draw the diagonals of the clocks, the bound of the pixels, and the CPU."""
    beats, pixels = _beats(report), report.network.frame_beats
    per_cycle = "one pixel per cycle" if report.plan.folding.pixels_per_cycle == 1 else "two pixels per cycle"
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    for mhz in CLOCKS_MHZ:
        axes.plot([left, right], [mhz * 1e6 / left, mhz * 1e6 / right], color="0.6", linewidth=0.8, zorder=1)
        x = min(right, mhz * 1e6 / bottom) / 1.6  # near where the diagonal leaves
        white = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        axes.text(x, mhz * 1e6 / x, f"{mhz} MHz", fontsize=7, color="0.4", ha="center", va="center", bbox=white)
    axes.axvline(beats, color="C2", linewidth=1.2, label=f"{per_cycle}: {pixels} pixels")
    axes.axvspan(left, beats, color="C2", alpha=0.08, linewidth=0)
    cpu = report.fastest
    axes.axhline(cpu.fps, color="C1", linestyle="--", label=f"CPU, {cpu.name}: {cpu.fps:,.0f} frames/s")
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)


def _beats(report: BenchReport) -> int:
    """Beats of pixels per frame, one per cycle."""
    return as_built(report.network, report.plan.folding).frame_beats


def _steps(timesteps: int | None) -> str:
    return "T not known" if timesteps is None else f"T = {timesteps}"


def _accuracy(percent: float | None) -> str:
    return "accuracy not known" if percent is None else f"{percent:g} %"
