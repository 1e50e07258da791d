"""What each layer takes of the device, and for how many cycles it works."""

from __future__ import annotations

from functools import partial

from matplotlib.figure import Figure

from ..page import Cell, Plot, Table
from ..subject import Subject
from ..svg import MUTED, SERIES, bars, draw


def plots(subject: Subject) -> tuple[Plot, Plot]:
    plan, cycles = subject.plan, subject.plan.cycles
    count = len(subject.costs)
    height = 0.75 + 0.19 * count
    device = plan.device
    taken = Plot(
        "Resources of each layer",
        draw(
            "resources",
            "Look-up tables, flip-flops and block RAM of each layer",
            3 * height + 0.1,
            partial(_taken, subject),
        ),
        f"Estimated by the planner for {device.title}: the share of its {device.lut:,} look-up tables, "
        f"{device.ff:,} flip-flops and {device.bram36:,} block RAMs is in the table. No layer takes DSP slices.",
        _table(subject),
    )
    busy = Plot(
        "Cycles of each part",
        draw("cycles", "Cycles per frame that each part works", 0.75 + 0.2 * len(cycles.busy), partial(_busy, subject)),
        "Cycles per frame that a part would take by itself, always fed and never stalled, by the exact cycle "
        f"model. The slowest, {cycles.bottleneck}, sets the rate of all. The bound of the pixels, one "
        f"{'pixel' if plan.folding.pixels_per_cycle == 1 else 'pair of pixels'} per cycle, is "
        f"{subject.built.frame_beats:,}.",
        _cycles(subject),
    )
    return busy, taken


def _taken(subject: Subject, figure: Figure) -> None:
    names, costs = list(subject.costs), list(subject.costs.values())
    colours = [SERIES[1] if name == subject.plan.limiting else SERIES[0] for name in names]
    above, middle, below = figure.subplots(3, 1)
    bars(above, names, [cost.lut for cost in costs], colours, "look-up tables")
    bars(middle, names, [cost.ff for cost in costs], colours, "flip-flops")
    bars(below, names, [cost.bram18 / 2 for cost in costs], colours, "block RAM of 36 kbit")


def _busy(subject: Subject, figure: Figure) -> None:
    busy, bottleneck = subject.plan.cycles.busy, subject.plan.cycles.bottleneck
    axes = figure.subplots()
    colours = [SERIES[1] if name == bottleneck else SERIES[0] for name in busy]
    bars(axes, list(busy), [float(clocks) for clocks in busy.values()], colours, "cycles per frame, by itself")
    axes.axvline(busy[bottleneck], color=MUTED, linewidth=0.8, linestyle=":")


def _table(subject: Subject) -> Table:
    device = subject.plan.device
    headings = ("layer", "LUT", "% of device", "FF", "% of device", "BRAM36", "% of device", "DSP")

    def row(name: str, cost_of: str | None = None) -> tuple[Cell, ...]:
        cost = subject.plan.cost if cost_of is None else subject.costs[cost_of]
        share = cost.shares(device)
        return (name, cost.lut, share["lut"], cost.ff, share["ff"], cost.bram18 / 2, share["bram36"], 0)

    rows = tuple(row(name, name) for name in subject.costs)
    return Table(headings, rows, (row("all"),))


def _cycles(subject: Subject) -> Table:
    cycles = subject.plan.cycles
    most = cycles.busy[cycles.bottleneck]
    rows = tuple((name, clocks, 100 * clocks / most) for name, clocks in cycles.busy.items())
    return Table(("part", "cycles per frame", "% of the slowest"), rows)
