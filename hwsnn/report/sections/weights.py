"""Weights before and after quantization, and the thresholds."""

from __future__ import annotations

from functools import partial
from math import ceil

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from hwsnn.spec import Network, Neuron, Population, largest_weight

from ..measured import Measured
from ..page import Block, Cell, Data, Plot, Section, Table, Text
from ..subject import Subject, Trained
from ..svg import SERIES, draw
from . import membranes
from .words import ends

COLUMNS = 3
FINEST = 64
"""Bins of a drawing, at most; of integers, where there are no more."""
FLOAT_BINS = 3
"""Bins of the trained weights per integer, where each integer has a bin."""


def section(subject: Subject, measured: Measured | None) -> Section:
    network, trained = subject.network, subject.trained
    blocks: list[Block] = []
    if trained is None:
        blocks.append(Text(f"Weights before quantization are not shown: {subject.untrained}."))
    layers = list(network.populations())
    height = 1.35 * ceil(len(layers) / COLUMNS) + 0.35
    before = (
        ""
        if trained is None
        else (
            f" Outline: the trained weights of {trained.path.name}, each times the scale of its channel, so that an "
            "integer stands for the numbers within half of it on both sides."
        )
    )
    blocks.append(
        Plot(
            "Weights of each layer",
            draw("weights", "Histograms of the weights of each layer", height, partial(_paint, network, trained)),
            f"Filled: how many weights have each integer, or each few, as a share of the most frequent.{before}",
            _weights(network, trained),
        )
    )
    blocks.append(membranes.plot(subject, measured))
    blocks.append(
        Data("Thresholds and resets", _thresholds(network, trained), "From the smallest channel to the largest.")
    )
    if trained is not None:
        blocks += [Text(f"Note of the quantizer: {remark}") for remark in trained.report.remarks]
    return Section("weights", "Weights, thresholds and membranes", tuple(blocks))


def _integers(layer: Population) -> npt.NDArray[np.int64]:
    return np.concatenate([one.weight.astype(np.int64).ravel() for one in layer.projections])


def _paint(network: Network, trained: Trained | None, figure: Figure) -> None:
    layers = [layer for _, layer in network.populations()]
    axes = figure.subplots(ceil(len(layers) / COLUMNS), COLUMNS, squeeze=False).ravel()
    for place, layer in zip(axes, layers, strict=False):
        integers = _integers(layer)
        largest = max(largest_weight(one.weight_bits) for one in layer.projections)
        step = max(1.0, round(2 * largest / FINEST))
        edges = np.arange(-largest - 0.5, largest + step, step)
        counts, _ = np.histogram(integers, edges)
        place.stairs(counts / counts.max(), edges, fill=True, color=SERIES[0], alpha=0.6)
        if trained is not None:
            floats = trained.weights[layer.name].floats
            edges = edges if step > 1 else np.arange(edges[0], edges[-1] + 0.01, 1 / FLOAT_BINS)
            found, _ = np.histogram(np.clip(floats, edges[0], edges[-1]), edges)
            place.stairs(found / max(1, found.max()), edges, color=SERIES[1], linewidth=1.0)
        place.set_title(layer.name)
        place.set_yticks([])
        place.spines["left"].set_visible(False)
    for place in axes[len(layers) :]:
        place.set_visible(False)
    figure.supxlabel("weight, in integers", fontsize=8.5)


def _weights(network: Network, trained: Trained | None) -> Table:
    headings: tuple[str, ...] = ("layer", "weights", "bits", "smallest", "largest", "zeros, %")
    reports = {} if trained is None else {layer.name: layer.weights for layer in trained.report.layers}
    if trained is not None:
        headings += ("RMS error, %", "effective bits", "clipped", "smallest scale", "largest scale")
    rows = []
    for _, layer in network.populations():
        integers = _integers(layer)
        row: tuple[Cell, ...] = (
            layer.name,
            integers.size,
            ends([one.weight_bits for one in layer.projections]),
            int(integers.min()),
            int(integers.max()),
            100 * float((integers == 0).mean()),
        )
        if trained is not None:
            found = reports[layer.name]
            row += (
                100 * found.rms_error,
                found.effective_bits,
                found.clipped,
                found.smallest_scale,
                found.largest_scale,
            )
        rows.append(row)
    return Table(headings, tuple(rows))


def _thresholds(network: Network, trained: Trained | None) -> Table:
    headings: tuple[str, ...] = ("layer", "threshold", "a spike takes off", "reset", "leak", "fraction bits")
    reports = {} if trained is None else {layer.name: layer for layer in trained.report.layers}
    if trained is not None:
        headings += ("threshold before", "decay asked", "decay built")
    rows = []
    for _, layer in network.populations():
        model = layer.neuron
        fires = isinstance(model, Neuron)
        row: tuple[Cell, ...] = (
            layer.name,
            ends(model.thresholds.ravel().tolist()) if isinstance(model, Neuron) else "never fires",
            ends(model.sub.tolist()) if isinstance(model, Neuron) and model.sub is not None else "",
            str(model.settings["reset"]) if fires else "",
            model.leak.formula,
            layer.fraction_bits,
        )
        if trained is not None:
            found = reports[layer.name]
            asked = "" if found.firing is None else _between(*found.firing.thresholds_asked)
            row += (asked, _between(*found.leak.betas_asked), _between(*found.leak.betas_built))
        rows.append(row)
    return Table(headings, tuple(rows))


def _between(low: float, high: float) -> str:
    return f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"
