"""The network as a graph: shapes, folds, widths, and the queues between the layers."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from hwsnn.spec import Population

from ..page import Cell, Plot, Section, Table, extent
from ..subject import Subject
from ..svg import INK, MUTED, SERIES, draw
from . import words

ROW, BOX = 1.0, 0.66
LEFT, RIGHT, WIDE = 0.0, 7.6, 9.9
"""The edges of the boxes, and of the room for what goes round them."""


def section(subject: Subject) -> Section:
    network = subject.network
    height = 0.30 + 0.62 * (len(network.layers) + 1)
    plot = Plot(
        "Layers, and what flows between them",
        draw("graph", f"The graph of {network.name}", height, lambda figure: _paint(figure.subplots(), subject)),
        "Each box: the layer, its output (channels x height x width) and neurons, then how it is built: the fold, and the "
        "bits of weights and membranes. Beside an arrow: the places of the queue there, in beats. Dashed: its own spikes "
        "of the step before.",
        _table(subject),
        wide=True,
    )
    return Section("network", "Network", (plot,))


def _paint(axes: Axes, subject: Subject) -> None:
    network, folding = subject.network, subject.plan.folding
    rows = len(network.layers) + 1
    axes.set_xlim(LEFT - 0.1, WIDE)
    axes.set_ylim(-(rows - 1) * ROW - BOX, BOX)
    axes.axis("off")
    kinds = f"{network.encoder.kind} encoding, {network.timesteps} time steps"
    shape = f"{extent(network.input_shape)} of {network.pixel_bits} bits"
    _box(axes, 0, "input", shape, kinds, MUTED)
    for index, layer in enumerate(network.layers):
        made = [words.fold(subject.fold_of(layer.name))]
        if isinstance(layer, Population):
            made.append(f"weights {words.weight_bits(layer)} bits, membranes {layer.neuron.membrane_bits} bits")
        details = "; ".join(filter(None, made)) or "no weights"
        head = f"{extent(network.shapes[index + 1])}   {words.kind(network, index)}"
        limits = layer.name == subject.plan.limiting
        _box(axes, index + 1, layer.name, head, details, SERIES[1] if limits else SERIES[0])
    columns: dict[int, int] = {}
    for index, edges in enumerate(network.edges):
        for edge in edges:
            if edge.delay:
                _loop(axes, index + 1)
            elif edge.source == index - 1:
                _down(axes, index + 1, _queue(subject, index))
            else:
                _round(axes, edge.source + 1, index + 1, columns)
    last = network.layers[-1].name
    axes.annotate(
        f"scores of {network.classes} classes, {network.readout} readout; behind {last} "
        f"{folding.fifo_depths[last]} places",
        (LEFT, -(rows - 1) * ROW - 0.58),
        fontsize=7.5,
        color=MUTED,
    )


def _queue(subject: Subject, index: int) -> str:
    network, folding = subject.network, subject.plan.folding
    texts = []
    if index > 0:
        texts.append(f"queue {folding.fifo_depths[network.layers[index - 1].name]}")
    texts += [f"{what} {depth}" for what, depth in subject.depths_before(index)]
    return ", ".join(texts)


def _box(axes: Axes, row: int, name: str, head: str, details: str, colour: str) -> None:
    y = -row * ROW
    style = "round,pad=0,rounding_size=0.08"
    axes.add_patch(
        FancyBboxPatch((LEFT, y - BOX / 2), RIGHT - LEFT, BOX, style, facecolor=colour, alpha=0.10, edgecolor="none")
    )
    axes.add_patch(
        FancyBboxPatch((LEFT, y - BOX / 2), RIGHT - LEFT, BOX, style, facecolor="none", edgecolor=colour, linewidth=0.9)
    )
    axes.text(LEFT + 0.14, y + 0.14, name, fontsize=8.5, fontweight="bold", color=INK, va="center")
    axes.text(RIGHT - 0.14, y + 0.14, head, fontsize=7.5, color=INK, va="center", ha="right")
    axes.text(LEFT + 0.14, y - 0.15, details, fontsize=7, color=MUTED, va="center")


def _down(axes: Axes, row: int, text: str) -> None:
    begin, end = -(row - 1) * ROW - BOX / 2, -row * ROW + BOX / 2
    x = LEFT + 0.6
    axes.add_patch(
        FancyArrowPatch(
            (x, begin), (x, end), arrowstyle="-|>", mutation_scale=7, color=INK, linewidth=0.9, shrinkA=0, shrinkB=0
        )
    )
    axes.text(x + 0.18, (begin + end) / 2, text, fontsize=7, color=MUTED, va="center")


def _round(axes: Axes, above: int, below: int, columns: dict[int, int]) -> None:
    """An edge that passes other layers, on their right: those that overlap lie side by side."""
    taken = {columns[row] for row in range(above, below) if row in columns}
    column = next(number for number in range(len(columns) + 1) if number not in taken)
    columns |= dict.fromkeys(range(above, below), column)
    x = RIGHT + 0.45 + 0.32 * min(column, 5)
    top, bottom = -above * ROW - 0.12, -below * ROW + 0.12
    axes.plot([RIGHT, x, x, RIGHT + 0.1], [top, top, bottom, bottom], color=SERIES[3], linewidth=1.0)
    axes.add_patch(
        FancyArrowPatch(
            (RIGHT + 0.2, bottom),
            (RIGHT, bottom),
            arrowstyle="-|>",
            mutation_scale=7,
            color=SERIES[3],
            linewidth=1,
            shrinkA=0,
            shrinkB=0,
        )
    )


def _loop(axes: Axes, row: int) -> None:
    y, x = -row * ROW, RIGHT + 0.35
    axes.plot(
        [RIGHT, x, x, RIGHT + 0.1], [y - 0.2, y - 0.2, y + 0.2, y + 0.2], color=SERIES[2], linewidth=1, linestyle="--"
    )
    axes.add_patch(
        FancyArrowPatch(
            (RIGHT + 0.2, y + 0.2),
            (RIGHT, y + 0.2),
            arrowstyle="-|>",
            mutation_scale=7,
            color=SERIES[2],
            linewidth=1,
            shrinkA=0,
            shrinkB=0,
        )
    )


def _table(subject: Subject) -> Table:
    network, folding = subject.network, subject.plan.folding
    headings = (
        "layer",
        "takes",
        "kind",
        "output",
        "weights",
        "neurons",
        "fold",
        "weight bits",
        "current bits",
        "membrane bits",
        "queue behind, places",
        "queues before, places",
    )
    rows = list[tuple[Cell, ...]]()
    for index, layer in enumerate(network.layers):
        takes = ["itself" if edge.delay else network.source_name(edge.source) for edge in network.edges[index]]
        weighted = isinstance(layer, Population)
        rows.append(
            (
                layer.name,
                ", ".join(takes),
                words.kind(network, index),
                extent(network.shapes[index + 1]),
                sum(one.weight.size for one in layer.projections) if isinstance(layer, Population) else None,
                words.neuron(layer),
                words.fold(subject.fold_of(layer.name)),
                words.weight_bits(layer),
                network.current_range(index).width if weighted else None,
                layer.neuron.membrane_bits if isinstance(layer, Population) else None,
                folding.fifo_depths[layer.name],
                ", ".join(f"{what} {depth}" for what, depth in subject.depths_before(index)),
            )
        )
    return Table(headings, tuple(rows))
