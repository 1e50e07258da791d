"""Accuracy against bits and time steps, and rate against size, of the designs of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from matplotlib.figure import Figure

from hwsnn.explore.table import Row

from ..page import Block, Cell, Data, Plot, Section, Table
from ..svg import INK, MUTED, SERIES, draw, logarithmic

MARKERS = "os^Dv<>P"


def section(rows: Sequence[Row]) -> Section:
    first = rows[0]
    blocks: list[Block] = [
        Plot(
            "Accuracy against bits and time steps",
            draw("explored-accuracy", "Accuracy against weight bits and time steps", 3.4, partial(_accuracy, rows)),
            f"Of the integer reference, on {first.images:,} images.",
            _accuracies(rows),
        ),
        Plot(
            "Rate against size",
            draw("explored-front", "Frames per second against look-up tables", 3.4, partial(_front, rows)),
            f"Look-up tables of {first.device} by the planner's estimate; frames/s at an assumed "
            f"{first.assumed_clock_mhz:g} MHz. Filled: on the Pareto front of accuracy, frames/s, latency and "
            "look-up tables.",
            _table(rows),
        ),
        Data("The Pareto front", _table([row for row in rows if row.on_front])),
    ]
    return Section("explored", "Explored designs", tuple(blocks))


def _best(rows: Sequence[Row]) -> dict[int, dict[int, float]]:
    """The accuracy by time steps and weight bits: all folds of a network have the same."""
    found: dict[int, dict[int, float]] = {}
    for row in rows:
        found.setdefault(row.timesteps, {})[row.weight_bits] = 100 * row.accuracy
    return {steps: dict(sorted(found[steps].items())) for steps in sorted(found)}


def _accuracy(rows: Sequence[Row], figure: Figure) -> None:
    axes = figure.subplots()
    for number, (steps, by_bits) in enumerate(_best(rows).items()):
        style = ("-", "--", ":")[number // len(SERIES) % 3]
        axes.plot(
            list(by_bits),
            list(by_bits.values()),
            style,
            marker=MARKERS[number % len(MARKERS)],
            markersize=4.5,
            color=SERIES[number % len(SERIES)],
            label=f"T = {steps}",
        )
    axes.set_xticks(sorted({row.weight_bits for row in rows}))
    axes.set_xlabel("bits of a weight")
    axes.set_ylabel("accuracy, %")
    axes.grid(axis="y")
    axes.legend()


def _front(rows: Sequence[Row], figure: Figure) -> None:
    axes = figure.subplots()
    for number, bits in enumerate(sorted({row.weight_bits for row in rows})):
        for best in (False, True):
            drawn = [row for row in rows if row.weight_bits == bits and row.on_front == best]
            colour = SERIES[number % len(SERIES)]
            axes.plot(
                [row.lut_estimate for row in drawn],
                [row.fps_at_assumed_clock for row in drawn],
                linestyle="none",
                marker=MARKERS[number % len(MARKERS)],
                markersize=5,
                color=colour,
                markerfacecolor=colour if best else "none",
                markeredgecolor=colour,
                alpha=1 if best else 0.6,
                label=f"{bits} bits" if best else None,
            )
    logarithmic(axes)
    axes.set_xlabel("look-up tables, estimated")
    axes.set_ylabel("frames per second", color=INK)
    axes.grid(color=MUTED, alpha=0.25)
    axes.legend(ncols=2)


def _accuracies(rows: Sequence[Row]) -> Table:
    best = _best(rows)
    every = sorted({row.weight_bits for row in rows})
    table: list[tuple[Cell, ...]] = [
        (f"T = {steps}", *(by_bits.get(bits) for bits in every)) for steps, by_bits in best.items()
    ]
    return Table(("accuracy, %", *(f"{bits} bits" for bits in every)), tuple(table))


def _table(rows: Sequence[Row]) -> Table:
    headings = (
        "bits",
        "T",
        "accuracy, %",
        "cycles per frame",
        "frames/s",
        "latency, us",
        "LUT",
        "% of device",
        "FF",
        "BRAM36",
        "limited by",
        "front",
    )
    return Table(
        headings,
        tuple(
            (
                row.weight_bits,
                row.timesteps,
                100 * row.accuracy,
                row.cycles_per_frame,
                row.fps_at_assumed_clock,
                row.latency_us_at_assumed_clock,
                row.lut_estimate,
                row.lut_percent_estimate,
                row.ff_estimate,
                row.bram36_estimate,
                row.limiting,
                "yes" if row.on_front else "",
            )
            for row in rows
        ),
    )
