"""How often the neurons fire, and which layers are dead or saturated."""

from __future__ import annotations

from functools import partial
from math import ceil

import numpy as np
from matplotlib.figure import Figure

from ..measured import Measured
from ..page import Block, Cell, Data, Plot, Section, Table, Text
from ..subject import Subject
from ..svg import SERIES, bars, draw

COLUMNS, BINS = 3, 20
WORDS = {
    "dead": "hardly any of its neurons ever fires: thresholds may be too high, or the input smaller than in training",
    "saturated": "most of its neurons fire at every step: thresholds may be too low, or the input "
    "larger than in training",
}


def section(subject: Subject, measured: Measured) -> Section:
    names = [name for name in measured.rates if name in measured.firing]
    height = 1.35 * ceil(len(names) / COLUMNS) + 0.35
    blocks: list[Block] = [
        Text(f"{name} is {firing.verdict}: {WORDS[firing.verdict]}.", warning=True)
        for name, firing in measured.firing.items()
        if firing.verdict is not None
    ]
    if names:
        rates = Plot(
            "Rates of the neurons",
            draw("rates", "Histograms of the firing rates of each layer", height, partial(_rates, measured, names)),
            "Of each layer: the share of neurons with each number of spikes per step, on the first "
            f"{measured.fired_on:,} images. At the left the silent ones.",
            _neurons(measured),
        )
        blocks.append(rates)
    spikes = Plot(
        "Spikes of an image",
        draw(
            "spikes",
            "Spikes per image of each layer",
            0.75 + 0.2 * len(measured.activity.spikes),
            partial(_spikes, measured),
        ),
        f"Spikes that the encoder and each layer give per image, on average over {measured.fired_on:,} images.",
        _activity(measured),
    )
    blocks += [spikes, Data("Neurons that fire", _neurons(measured))]
    return Section("firing", "Firing", tuple(blocks))


def _rates(measured: Measured, names: list[str], figure: Figure) -> None:
    axes = figure.subplots(ceil(len(names) / COLUMNS), COLUMNS, squeeze=False).ravel()
    for place, name in zip(axes, names, strict=False):
        rates = measured.rates[name]
        most = max(1.0, float(rates.max()))
        counts, edges = np.histogram(rates, BINS, (0, most))
        place.bar(edges[:-1], 100 * counts / rates.size, width=most / BINS * 0.92, align="edge", color=SERIES[0])
        place.set_title(name)
        place.set_ylabel("% of neurons", fontsize=7)
    for place in axes[len(names) :]:
        place.set_visible(False)


def _spikes(measured: Measured, figure: Figure) -> None:
    spikes = measured.activity.spikes
    bars(
        figure.subplots(),
        list(spikes),
        [round(count, 1) for count in spikes.values()],
        [SERIES[0]] * len(spikes),
        "spikes per image",
    )


def _neurons(measured: Measured) -> Table:
    headings = ("layer", "neurons", "never fire, %", "fire at every step, %", "spikes per neuron and step", "verdict")
    rows = tuple(
        (name, found.neurons, 100 * (1 - found.ever), 100 * found.always, found.rate, found.verdict or "alive")
        for name, found in measured.firing.items()
    )
    return Table(headings, rows)


def _activity(measured: Measured) -> Table:
    found = measured.activity
    names = dict.fromkeys([*found.spikes, *found.synaptic_operations, *found.multiply_adds])
    rows: list[tuple[Cell, ...]] = [
        (name, found.spikes.get(name), found.synaptic_operations.get(name), found.multiply_adds.get(name))
        for name in names
    ]
    total = ("all", found.total_spikes, found.total_synaptic_operations, found.total_multiply_adds)
    return Table(("layer", "spikes", "synaptic operations", "multiply-adds"), tuple(rows), (total,))
