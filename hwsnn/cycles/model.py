"""Cycles per frame, latency and queue depths of a network and its folding, equal to those of simulated hardware."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from math import ceil, floor

from hwsnn.folding.column_pairs import as_built, with_pixels
from hwsnn.folding.folding import LUTRAM_WORDS, Folding, LayerFold, edge_queues, port_name
from hwsnn.folding.input_beats import joined_steps
from hwsnn.spec import Network

from .machine import Machine, depths_of
from .sections import Queue

UNDER_WAY = 256
"""More beats than are ever inside a layer's pipeline. Two frames of beats and this many act as an endless queue, which
still fills in finite time if another queue is too short."""


@dataclass(frozen=True)
class Cycles:
    """The timing of a network in hardware, in cycles, without stalls at its ends.

    ``cycles_per_frame``: the steady interval between results, an average if it alternates.
    ``latency_cycles``: from the first frame's first pixel to its result, both as they move.
    ``bottleneck``: the name of the slowest part of ``busy``, the first on a tie.
    ``busy``: the cycles per frame that ``encoder``, every layer and ``readout`` would take by themselves, rounded up.
    ``fifo_peaks``, ``column_peaks``, ``edge_peaks``: the smallest depth of each queue (as in ``Folding``) at which it
    is never full, if frames arrive at their steady interval.
    """

    cycles_per_frame: int | Fraction
    latency_cycles: int
    bottleneck: str
    busy: Mapping[str, int]
    fifo_peaks: Mapping[str, int]
    column_peaks: Mapping[str, int]
    edge_peaks: Mapping[str, int]


def simulate(network: Network, folding: Folding) -> Cycles:
    """The timing of a network with an endless sequence of frames, back to back.

    Raises ``DeadlockError`` if a queue is too short for any.
    """
    machine = Machine(as_built(network, folding), folding.layers)
    busy = machine.busy()
    bottleneck = max(busy, key=lambda name: busy[name])
    steady = machine.steady(depths_of(folding), floor(busy[bottleneck]))
    return Cycles(
        cycles_per_frame=int(steady.clocks) if steady.clocks.denominator == 1 else steady.clocks,
        latency_cycles=steady.latency,
        bottleneck=bottleneck,
        busy={name: ceil(clocks) for name, clocks in busy.items()},
        fifo_peaks=_of_kind(steady.peaks, "results"),
        column_peaks=_of_kind(steady.peaks, "columns"),
        edge_peaks=_of_kind(steady.peaks, "edges"),
    )


def least_cycles(network: Network, layers: Mapping[str, LayerFold], pixels_per_cycle: int = 1) -> int:
    """The cycles per frame of these folds if every queue is deep enough: those of the slowest part by itself."""
    return ceil(max(Machine(with_pixels(network, pixels_per_cycle), layers).busy().values()))


def result_clocks(network: Network, folding: Folding, frames: int) -> list[int]:
    """Cycles from the very first pixel to the result of each of ``frames`` frames, if pixels are always available."""
    return list(islice(Machine(as_built(network, folding), folding.layers).result_clocks(depths_of(folding)), frames))


def queue_depths(network: Network, layers: Mapping[str, LayerFold], pixels_per_cycle: int = 1) -> Folding:
    """The folding of these layers with the shortest queues that keep the cycles per frame (rounded up) and the latency
    of endless queues.

    No queue of a chain is longer than needed: one place less in any of them costs throughput or latency. In a graph,
    where a trial takes much longer, that holds of ``LUTRAM_WORDS`` places less. Wide queues are shortened first: if
    either of two queues could hold the same beats, it is the one with fewer bits per place.
    """
    network = with_pixels(network, pixels_per_cycle)
    machine = Machine(network, layers)
    clocks = ceil(max(machine.busy().values()))
    depths: dict[Queue, float] = {queue: 2 * beats + UNDER_WAY for queue, beats in machine.queues.items()}
    endless = machine.steady(depths, clocks)
    peaks, fewest = endless.peaks, machine.fewest_places(clocks)
    step = LUTRAM_WORDS if edge_queues(network) else 1
    for queue in sorted(machine.queues, key=lambda queue: -_bits(network, layers, queue)):
        low, high = -(-fewest[queue] // step), -(-peaks[queue] // step)
        middle = low  # often enough
        while low < high:
            kept = machine.keeps(depths | {queue: middle * step}, clocks, endless.latency)
            if kept:
                high, peaks = middle, kept
            else:
                low = middle + 1
            middle = (low + high) // 2
        depths[queue] = peaks[queue]
    results, columns, edges = (_of_kind(depths, kind) for kind in ("results", "columns", "edges"))
    return Folding(layers, results, columns, edges, pixels_per_cycle)


def _of_kind(numbers: Mapping[Queue, float], kind: str) -> dict[str, int]:
    """The numbers of the queues of one kind, by name."""
    return {name: int(number) for (name, other), number in numbers.items() if other == kind}


def _bits(network: Network, layers: Mapping[str, LayerFold], queue: Queue) -> int:
    """Bits per place of a queue."""
    name, kind = queue
    folding = Folding(layers, {}, {})
    ports = {port_name(network, index, port): (index, port) for index, port in _ports(network)}
    if kind == "results":
        source = next(index for index, layer in enumerate(network.layers) if layer.name == name)
    else:
        index, port = ports[name]
        source = network.edges[index][port].source
    steps, rows = folding.beat_steps(network, source), 1
    if kind == "columns":
        layer = network.population(index)
        steps = joined_steps(network, index, port, layers[layer.name], steps)
        rows = (layer.projections[port] if layer.pool is None else layer).window.size[0]
    return network.shapes[source + 1][0] * network.outputs(source).bits * steps * rows


def _ports(network: Network) -> Iterator[tuple[int, int]]:
    return ((index, port) for index, ports in enumerate(network.edges) for port in range(len(ports)))
