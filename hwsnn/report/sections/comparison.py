"""Two models, or two folds of one, side by side."""

from __future__ import annotations

from functools import partial

import numpy as np
from matplotlib.figure import Figure

from ..measured import Measured
from ..page import Block, Cell, Data, Gallery, Plot, Section, Table, Text
from ..subject import Subject
from ..svg import SERIES, draw, number_at
from . import words
from .images import picture

MOST_PICTURES = 12


def section(one: Subject, other: Subject, measured: tuple[Measured, Measured] | None) -> Section:
    names = _names(one, other)
    count = len(dict.fromkeys([*one.costs, *other.costs]))
    height = 0.9 + 0.3 * count
    blocks: list[Block] = [
        Data("Side by side", _table(one, other, measured, names)),
        Plot(
            "Look-up tables of each layer",
            draw(
                "compared-lut", "Look-up tables of each layer, side by side", height, partial(_luts, one, other, names)
            ),
            f"Estimated by the planner: of {one.plan.device.title} above, of {other.plan.device.title} below.",
            _layers(one, other, names),
        ),
        Plot(
            "Cycles of each part",
            draw("compared-cycles", "Cycles of each part, side by side", height, partial(_cycles, one, other, names)),
            "Cycles per frame that a part would take by itself, by the exact cycle model.",
            _parts(one, other, names),
        ),
    ]
    if measured is not None and one.sha256 != other.sha256:
        blocks += _answers(measured, names)
    elif one.network.frame_shape != other.network.frame_shape or one.network.classes != other.network.classes:
        blocks.append(Text("Their answers are not compared: they take frames of other shapes, or have other classes."))
    return Section("compared", f"Compared with {names[1]}", tuple(blocks))


def _names(one: Subject, other: Subject) -> tuple[str, str]:
    """What both are called: two folds of a model have its name."""
    if one.sha256 != other.sha256:
        return one.network.name, other.network.name
    return f"{one.network.name}, as planned", other.called


def _table(one: Subject, other: Subject, measured: tuple[Measured, Measured] | None, names: tuple[str, str]) -> Table:
    both = [_figures(subject) for subject in (one, other)]
    if measured is not None:
        for figures, its in zip(both, measured, strict=True):
            accuracy = None if its.accuracy is None else 100 * its.accuracy
            figures |= {
                f"accuracy, %, on {len(its.predictions):,} images": accuracy,
                "spikes of an image": its.activity.total_spikes,
            }
    rows: list[tuple[Cell, ...]] = []
    for what, first in both[0].items():
        second = both[1][what]
        rows.append((what, first, second, second / first if first and second is not None else None))
    rows.append(("limited by", one.plan.limiting, other.plan.limiting, None))
    rows.append(("SHA-256 of the model", one.sha256[:16], other.sha256[:16], None))
    return Table(("figure", *names, "ratio"), tuple(rows))


def _figures(subject: Subject) -> dict[str, float | None]:
    cost, network = subject.plan.cost, subject.network
    return {
        "cycles per frame": subject.cycles_per_frame,
        "latency, cycles": subject.plan.cycles.latency_cycles,
        "clock, MHz, assumed": subject.clock_mhz,
        "frames/s at that": subject.fps,
        "LUT, estimated": cost.lut,
        "FF, estimated": cost.ff,
        "BRAM36, estimated": cost.bram18 / 2,
        "time steps": network.timesteps,
        "weights": sum(one.weight.size for _, layer in network.populations() for one in layer.projections),
    }


def _pairs(
    figure: Figure, labels: list[str], first: list[float], second: list[float], names: tuple[str, str], what: str
) -> None:
    axes = figure.subplots()
    places = -np.arange(len(labels), dtype=np.float64)
    axes.barh(places + 0.19, first, height=0.36, color=SERIES[0], label=names[0])
    axes.barh(places - 0.19, second, height=0.36, color=SERIES[3], label=names[1])
    for values, shift in ((first, 0.19), (second, -0.19)):
        for place, value in zip(places, values, strict=True):
            number_at(axes, f"{value:,.10g}", value, place + shift, 6.5)
    axes.set_yticks(places, labels)
    axes.set_xlim(0, (max([*first, *second]) or 1) * 1.28)
    axes.set_xlabel(what)
    figure.legend(loc="outside upper center", ncols=1)


def _luts(one: Subject, other: Subject, names: tuple[str, str], figure: Figure) -> None:
    labels = list(dict.fromkeys([*one.costs, *other.costs]))
    both = [
        [float(subject.costs[name].lut) if name in subject.costs else 0.0 for name in labels]
        for subject in (one, other)
    ]
    _pairs(figure, labels, both[0], both[1], names, "look-up tables")


def _cycles(one: Subject, other: Subject, names: tuple[str, str], figure: Figure) -> None:
    labels = list(dict.fromkeys([*one.plan.cycles.busy, *other.plan.cycles.busy]))
    both = [[float(subject.plan.cycles.busy.get(name, 0)) for name in labels] for subject in (one, other)]
    _pairs(figure, labels, both[0], both[1], names, "cycles per frame, by itself")


def _layers(one: Subject, other: Subject, names: tuple[str, str]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name in dict.fromkeys([*one.costs, *other.costs]):
        cells: list[Cell] = [name]
        for subject in (one, other):
            cost = subject.costs.get(name)
            cells += [
                words.fold(subject.fold_of(name)),
                None if cost is None else cost.lut,
                None if cost is None else cost.bram18 / 2,
            ]
        rows.append(tuple(cells))
    headings = [f"{what}, {name}" for name in names for what in ("fold", "LUT", "BRAM36")]
    return Table(("layer", *headings), tuple(rows))


def _parts(one: Subject, other: Subject, names: tuple[str, str]) -> Table:
    both = [subject.plan.cycles.busy for subject in (one, other)]
    rows = tuple((name, both[0].get(name), both[1].get(name)) for name in dict.fromkeys([*both[0], *both[1]]))
    return Table(("part", *names), rows)


def _answers(measured: tuple[Measured, Measured], names: tuple[str, str]) -> list[Block]:
    one, other = measured
    differ = np.flatnonzero(one.predictions != other.predictions)
    agree = 1 - len(differ) / len(one.predictions)
    blocks: list[Block] = [Text(f"Both give the same answer to {agree:.2%} of {len(one.predictions):,} images.")]
    if len(differ):
        pictures = [
            picture(
                one.data.images[number],
                (
                    f"image {number}",
                    *(() if one.labels is None else (f"label {one.labels[number]}",)),
                    f"{names[0]}: {one.predictions[number]}",
                    f"{names[1]}: {other.predictions[number]}",
                ),
            )
            for number in differ[:MOST_PICTURES]
        ]
        blocks.append(Gallery("Where the answers differ", tuple(pictures)))
    return blocks
