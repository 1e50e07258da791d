"""How far membranes can go, how far they went, and what their widths hold."""

from __future__ import annotations

from functools import partial

import numpy as np
from matplotlib.figure import Figure

from hwsnn.spec import Network, Neuron
from hwsnn.spec.integers import signed_limits

from ..measured import Measured
from ..page import Cell, Plot, Table
from ..subject import Subject
from ..svg import INK, MUTED, SERIES, draw


def plot(subject: Subject, measured: Measured | None) -> Plot:
    network = subject.network
    count = sum(1 for _ in network.populations())
    seen = "" if measured is None else f" Inner bar: what was seen on {measured.seen_on} images."
    return Plot(
        "Membranes and their widths",
        draw(
            "membranes",
            "Ranges of the membranes against their widths",
            0.8 + 0.3 * count,
            partial(_paint, network, measured),
        ),
        "In powers of two, negative to the left. Grey: what the width holds. Blue: what interval arithmetic "
        f"allows, the worst input included; where it is wider than the grey, membranes can saturate.{seen} Line: "
        "the smallest threshold.",
        _table(network, measured),
    )


def _bits(value: int) -> float:
    """A signed number on an axis of bits."""
    return float(np.sign(value) * np.log2(1 + abs(value)))


def _paint(network: Network, measured: Measured | None, figure: Figure) -> None:
    axes = figure.subplots()
    names = []
    for row, (index, layer) in enumerate(network.populations()):
        low, high = signed_limits(layer.neuron.membrane_bits)
        axes.barh(-row, _bits(high) - _bits(low), left=_bits(low), color=MUTED, alpha=0.25, height=0.8)
        reach = layer.membrane_range(network.largest_inputs(index), network.timesteps)
        axes.barh(
            -row, _bits(reach.high) - _bits(reach.low), left=_bits(reach.low), color=SERIES[0], alpha=0.55, height=0.5
        )
        if measured is not None:
            seen = measured.membranes[layer.name]
            axes.barh(-row, _bits(seen.high) - _bits(seen.low), left=_bits(seen.low), color=SERIES[1], height=0.22)
        if isinstance(layer.neuron, Neuron):
            theta = _bits(int(layer.neuron.threshold.min()))
            axes.plot([theta, theta], [-row - 0.4, -row + 0.4], color=INK, linewidth=1.2)
        names.append(layer.name)
    axes.set_yticks([-row for row in range(len(names))], names)
    widest = max(layer.neuron.membrane_bits for _, layer in network.populations())
    ticks = [power for power in range(-widest, widest + 1) if power % (4 if widest < 24 else 8) == 0]
    axes.set_xticks(ticks, [f"{'-' if power < 0 else ''}2^{abs(power)}" if power else "0" for power in ticks])
    axes.set_xlabel("membrane, in integers")
    axes.grid(axis="x")
    axes.set_axisbelow(True)


def _table(network: Network, measured: Measured | None) -> Table:
    headings: tuple[str, ...] = (
        "layer",
        "bits",
        "holds from",
        "to",
        "can reach from",
        "to",
        "can saturate",
        "smallest threshold",
    )
    if measured is not None:
        headings += ("seen from", "to")
    rows = []
    for index, layer in network.populations():
        reach = layer.membrane_range(network.largest_inputs(index), network.timesteps)
        model = layer.neuron
        row: tuple[Cell, ...] = (
            layer.name,
            model.membrane_bits,
            *signed_limits(model.membrane_bits),
            reach.low,
            reach.high,
            ", ".join(sorted(network.saturating(index))) or "no",
            int(model.threshold.min()) if isinstance(model, Neuron) else None,
        )
        if measured is not None:
            row += (measured.membranes[layer.name].low, measured.membranes[layer.name].high)
        rows.append(row)
    return Table(headings, tuple(rows))
