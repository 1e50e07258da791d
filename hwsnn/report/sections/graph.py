"""The network as a graph: shapes, folds, widths, and the queues between the layers."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from hwsnn.spec import Population

from ..page import Cell, Plot, Table, extent
from ..subject import Subject
from ..svg import INK, MUTED, SERIES, draw
from . import words

ROW, BOX = 1.0, 0.68
LEFT, RIGHT = 0.0, 8.0
"""The edges of the boxes."""
LANE = 0.3
"""The distance of the edges that go round boxes."""


def plot(subject: Subject) -> Plot:
    """The graph."""
    network = subject.network
    height = 0.30 + 0.62 * (len(network.layers) + 1)
    return Plot(
        "Layers, and what flows between them",
        draw("graph", f"The graph of {network.name}", height, lambda figure: _paint(figure.subplots(), subject)),
        "Each box: the layer, its output (channels x height x width) and neurons, then how it is built: the fold, "
        "and the bits of weights and membranes. Beside an arrow: the places of the queue there, in beats. Dashed: "
        "its own spikes of the step before.",
        _table(subject),
    )


def _paint(axes: Axes, subject: Subject) -> None:
    network, folding = subject.network, subject.plan.folding
    rows = len(network.layers) + 1
    lanes = _lanes(subject)
    axes.set_xlim(LEFT - 0.03, RIGHT + 0.05 + (0.3 + LANE * (1 + max(lanes.values())) if lanes else 0))
    axes.set_ylim(-(rows - 1) * ROW - BOX, BOX)
    axes.axis("off")
    kinds = f"{network.encoder.kind} encoding, {network.timesteps} time step{'s' if network.timesteps > 1 else ''}"
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
    for index, edges in enumerate(network.edges):
        for edge in edges:
            if edge.delay:
                _loop(axes, index + 1)
            elif edge.source == index - 1:
                _down(axes, index + 1, _queue(subject, index))
            else:
                _round(axes, edge.source + 1, index + 1, lanes[edge.source, index])
    last = network.layers[-1].name
    axes.annotate(
        f"scores of {network.classes} classes, {network.readout} readout; queue {folding.fifo_depths[last]}",
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
    axes.text(LEFT + 0.14, y + 0.14, name, fontsize=9, fontweight="bold", color=INK, va="center")
    axes.text(RIGHT - 0.14, y + 0.14, head, fontsize=7.8, color=INK, va="center", ha="right")
    axes.text(LEFT + 0.14, y - 0.15, details, fontsize=7.4, color=MUTED, va="center")


def _down(axes: Axes, row: int, text: str) -> None:
    begin, end, x = -(row - 1) * ROW - BOX / 2, -row * ROW + BOX / 2, LEFT + 0.6
    _arrow(axes, (x, begin), (x, end), INK)
    axes.text(x + 0.18, (begin + end) / 2, text, fontsize=7, color=MUTED, va="center")


def _lanes(subject: Subject) -> dict[tuple[int, int], int]:
    """Of each edge that passes layers, or comes back, by source and layer: its place on the right of the boxes."""
    lanes, taken = dict[tuple[int, int], int](), dict[int, set[int]]()
    for index, edges in enumerate(subject.network.edges):
        for edge in edges:
            if edge.delay or edge.source != index - 1:
                rows = range(edge.source + 1, index + 1) if not edge.delay else range(index, index + 1)
                used = set[int]().union(*(taken.get(row, set()) for row in rows))
                lane = next(number for number in range(len(used) + 1) if number not in used)
                lanes[edge.source, index] = lane
                for row in rows:
                    taken.setdefault(row, set()).add(lane)
    return lanes


def _round(axes: Axes, above: int, below: int, lane: int) -> None:
    """An edge that passes other layers, on their right."""
    x = RIGHT + 0.3 + LANE * lane
    top, bottom = -above * ROW - 0.12, -below * ROW + 0.12
    axes.plot([RIGHT, x, x, RIGHT + 0.1], [top, top, bottom, bottom], color=SERIES[3], linewidth=1.0)
    _arrow(axes, (RIGHT + 0.2, bottom), (RIGHT, bottom), SERIES[3])


def _loop(axes: Axes, row: int) -> None:
    """An edge from a layer to itself."""
    y, x = -row * ROW, RIGHT + 0.3
    xs, ys = [RIGHT, x, x, RIGHT + 0.1], [y - 0.2, y - 0.2, y + 0.2, y + 0.2]
    axes.plot(xs, ys, color=SERIES[2], linewidth=1, linestyle="--")
    _arrow(axes, (RIGHT + 0.2, y + 0.2), (RIGHT, y + 0.2), SERIES[2])


def _arrow(axes: Axes, begin: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    axes.add_patch(
        FancyArrowPatch(
            begin, end, arrowstyle="-|>", mutation_scale=7, color=colour, linewidth=0.9, shrinkA=0, shrinkB=0
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
