"""Frames/s over cycles per frame: the design, its bounds, and published systems for the same task."""

from __future__ import annotations

from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hwsnn.bench.published import comparable
from hwsnn.bench.rates import clocks, fpga_fps
from hwsnn.bench.roofline import CLOCKS_MHZ, ROOM

from ..page import Cell, Plot, Table
from ..subject import Subject
from ..svg import INK, MUTED, SERIES, draw, logarithmic


def plot(subject: Subject, post_route_mhz: float | None, cpu: tuple[str, float] | None) -> Plot:
    """``post_route_mhz``: of a build, if there is one; ``cpu``: its name and frames/s, where they were measured."""
    published = comparable(subject.network)
    return Plot(
        "Roofline",
        draw("roofline", "Frames per second over cycles per frame", 4.0, partial(_paint, subject, post_route_mhz, cpu)),
        "Diagonals: clocks. Green: one frame takes no fewer cycles than its pixels, which arrive "
        f"{'one' if subject.plan.folding.pixels_per_cycle == 1 else 'two'} per cycle. Clocks that are assumed, and "
        "those of boards, are not checked; a post-route clock is that of the build."
        + (" Published systems have other networks, time steps and clocks; see the table." if published else ""),
        _table(subject, post_route_mhz, cpu),
    )


def _points(subject: Subject, post_route_mhz: float | None) -> list[tuple[str, float]]:
    """The design at each clock, in words, and the clock in MHz."""
    found = [
        (f"{clock.mhz:g} MHz, {'assumed' if clock.board is None else clock.board}", clock.mhz)
        for clock in clocks(subject.plan.device, subject.clock_mhz)
    ]
    return found if post_route_mhz is None else [(f"{post_route_mhz:.1f} MHz, post-route", post_route_mhz), *found]


def _paint(subject: Subject, post_route_mhz: float | None, cpu: tuple[str, float] | None, figure: Figure) -> None:
    axes = figure.subplots()
    x, beats = subject.cycles_per_frame, subject.built.frame_beats
    xs, ys = [float(x), float(beats)], [cpu[1]] if cpu else []
    for number, (text, mhz) in enumerate(_points(subject, post_route_mhz)):
        fps = fpga_fps(x, mhz)
        axes.plot(
            x,
            fps,
            "*P^vs"[number % 5],
            color=SERIES[1],
            markersize=11 - number,
            label=f"{fps:,.0f} at {text}",
            zorder=3,
        )
        ys.append(fps)
    for system in comparable(subject.network):
        if system.fps is None or system.cycles_per_frame is None:
            continue
        axes.plot(system.cycles_per_frame, system.fps, "o", color=SERIES[0], markersize=4)
        axes.annotate(
            f"{system.name} {system.year}",
            (system.cycles_per_frame, system.fps),
            xytext=(5, 3),
            textcoords="offset points",
            fontsize=7,
            color=INK,
        )
        xs.append(system.cycles_per_frame)
        ys.append(system.fps)
    axes.set_xlim(min(xs) / ROOM, max(xs) * ROOM * ROOM)
    axes.set_ylim(min(ys) / ROOM / ROOM, max(ys) * ROOM)
    logarithmic(axes)
    _bounds(axes, beats, cpu)
    axes.set_xlabel("cycles per frame")
    axes.set_ylabel("frames per second")
    figure.legend(loc="outside lower center", ncols=2)


def _bounds(axes: Axes, beats: int, cpu: tuple[str, float] | None) -> None:
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    for number, mhz in enumerate(CLOCKS_MHZ):
        axes.plot([left, right], [mhz * 1e6 / left, mhz * 1e6 / right], color=MUTED, linewidth=0.7, zorder=1)
        # Labels of lines that are close to each other stand at different heights.
        x = min(right / 1.3, mhz * 1e6 / (bottom * 2.0 ** (number + 0.5)))
        if bottom < mhz * 1e6 / x < top:
            axes.text(x, mhz * 1e6 / x, f" {mhz} MHz", fontsize=7, color=MUTED, va="bottom")
    axes.axvline(beats, color=SERIES[2], linewidth=1.1, label=f"pixels: {beats:,} cycles")
    axes.axvspan(left, beats, color=SERIES[2], alpha=0.10, linewidth=0)
    if cpu:
        axes.axhline(cpu[1], color=SERIES[3], linewidth=1, linestyle="--", label=f"CPU: {cpu[1]:,.0f}")
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)


def _table(subject: Subject, post_route_mhz: float | None, cpu: tuple[str, float] | None) -> Table:
    headings = ("system", "clock, MHz", "cycles per frame", "frames/s", "latency, us", "T", "accuracy, %")
    x, network = subject.cycles_per_frame, subject.network
    rows: list[tuple[Cell, ...]] = [
        (
            f"{network.name}: {text}",
            mhz,
            x,
            fpga_fps(x, mhz),
            subject.plan.cycles.latency_cycles / mhz,
            network.timesteps,
            None,
        )
        for text, mhz in _points(subject, post_route_mhz)
    ]
    if cpu:
        rows.append((f"CPU: {cpu[0]}", None, None, cpu[1], None, network.timesteps, None))
    rows += [
        (
            f"{system.name} {system.year}, {system.device}, published",
            system.clock_mhz,
            system.cycles_per_frame,
            system.fps,
            None if system.latency_ms is None else 1000 * system.latency_ms,
            system.timesteps,
            system.accuracy,
        )
        for system in comparable(network)
    ]
    return Table(headings, tuple(rows))
