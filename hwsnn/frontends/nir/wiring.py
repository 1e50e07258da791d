"""How the nodes of a NIR graph follow one another: their order, what each takes, and loops back to neurons.

An edge back to neurons, from their own spikes through linear nodes, takes a step. Other loops are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from itertools import chain
from typing import TypeAlias

from hwsnn.errors import InputError

from .graph_file import Edges, FileGraph

MAX_LISTED = 8

Names: TypeAlias = Mapping[str, list[str]]
"""By the name of a node, the names of those beside it, as often as edges lead there."""


@dataclass(frozen=True)
class Loop:
    """From the spikes of neurons back to these. ``nodes``: between, in order. ``ends``: those that lead back."""

    nodes: tuple[str, ...]
    ends: tuple[str, ...]


@dataclass(frozen=True)
class Wiring:
    """``order``: the nodes, each behind those it takes, without those of loops. ``sources``: what each takes at once.

    ``loops``: by the neurons that they come back to.
    """

    order: tuple[str, ...]
    sources: Names
    loops: Mapping[str, Loop]


def wired(graph: FileGraph, neurons: Set[str]) -> Wiring:
    """The wiring of ``graph``; ``neurons``: the nodes that have a state, or fire. Raises ``InputError`` for others."""
    _require_connected(graph)
    sources, targets = _without_nested_ends(graph)
    loops = dict[str, tuple[set[str], tuple[str, ...]]]()
    for name in filter(neurons.__contains__, list(sources)):
        inside = _reached(name, targets) & _reached(name, sources)
        if inside:
            _require_own_loop(name, inside - {name}, neurons, sources, targets)
            loops[name] = inside - {name}, tuple(one for one in sources[name] if one in inside)
            sources[name] = [one for one in sources[name] if one not in inside]
    order = _in_order(sources, graph.edges)
    between = set[str]().union(*(inside for inside, _ in loops.values()))
    return Wiring(
        tuple(name for name in order if name not in between),
        sources,
        {neuron: Loop(tuple(filter(inside.__contains__, order)), ends) for neuron, (inside, ends) in loops.items()},
    )


def _require_connected(graph: FileGraph) -> None:
    sources, targets = _beside(graph.nodes, graph.edges)
    behind, before = _reached(graph.input, targets), _reached(graph.output, sources)
    for name in graph.nodes:
        if name not in behind and name != graph.input:
            raise InputError(f"node {name!r}: must be on a path from the input, but nothing leads there; leave it out")
    for name in graph.nodes:
        if name not in before and name != graph.output:
            raise InputError(f"node {name!r}: must be on a path to the output, but leads nowhere; leave it out")


def _without_nested_ends(graph: FileGraph) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """As ``_beside``, without the Inputs and Outputs of nested graphs that have one neighbour on a side.

    One that adds up several nodes, and leads to several, stays: without it there would be more edges than before.
    """
    sources, targets = _beside(graph.nodes, graph.edges)
    for name, node in graph.nodes.items():
        if node.type not in ("Input", "Output") or name in (graph.input, graph.output):
            continue
        before, behind = sources[name], targets[name]
        if name in before or min(len(before), len(behind)) > 1:
            continue
        for one in before:
            targets[one] = _replaced(targets[one], name, behind)
        for one in behind:
            sources[one] = _replaced(sources[one], name, before)
        sources[name], targets[name] = [], []
    left = [name for name in graph.nodes if sources[name] or targets[name]]
    return {name: sources[name] for name in left}, {name: targets[name] for name in left}


def _replaced(names: list[str], old: str, new: list[str]) -> list[str]:
    return [one for name in names for one in (new if name == old else [name])]


def _require_own_loop(neuron: str, between: Set[str], neurons: Set[str], sources: Names, targets: Names) -> None:
    others = sorted(between & neurons)
    if others:
        raise InputError(
            f"node {neuron!r}: is in a loop with {_listed(others)}; a layer runs all steps of a position before the "
            "next layer begins, so only loops from neurons back to themselves are built, through linear nodes"
        )
    for name in sorted(between):
        for one in (*sources[name], *targets[name]):
            if one not in between and one != neuron:
                raise InputError(
                    f"node {name!r}: is on the way from {neuron!r} back to itself, so it must not be connected to "
                    f"{one!r}, which is not; write a node of its own for that"
                )


def _in_order(sources: Names, edges: Edges) -> list[str]:
    """The nodes, each behind those it takes; else in the order of the edges, in which ours are written."""
    ranks = dict[str, int]()
    for end in chain.from_iterable(edges):
        ranks.setdefault(end, len(ranks))
    sorter, ready, order = TopologicalSorter(sources), list[tuple[int, str]](), list[str]()
    try:
        sorter.prepare()
    except CycleError as error:
        loop = error.args[1]
        raise InputError(
            f"node {loop[0]!r}: is in a loop without neurons ({_listed(loop)}); put neurons into it"
        ) from None
    while sorter.is_active():
        for name in sorter.get_ready():
            heappush(ready, (ranks[name], name))
        order.append(heappop(ready)[1])
        sorter.done(order[-1])
    return order


def _beside(names: Iterable[str], edges: Edges) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The sources and the targets of each node."""
    sources: dict[str, list[str]] = {name: [] for name in names}
    targets: dict[str, list[str]] = {name: [] for name in sources}
    for source, target in edges:
        targets[source].append(target)
        sources[target].append(source)
    return sources, targets


def _reached(start: str, steps: Names) -> set[str]:
    """The nodes at least one step from ``start``."""
    found, waiting = set[str](), [start]
    while waiting:
        new = [one for one in steps[waiting.pop()] if one not in found]
        found.update(new)
        waiting += new
    return found


def _listed(names: Sequence[str]) -> str:
    """A few of the names: there may be thousands."""
    return ", ".join(map(repr, names[:MAX_LISTED])) + (", ..." if len(names) > MAX_LISTED else "")
