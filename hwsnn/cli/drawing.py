"""The graph of a network as text: a line for each layer, and beside it the branches that pass."""

from __future__ import annotations

from collections.abc import Mapping

from ..spec import INPUT_INDEX, Network

LEGEND = "* a layer, @ one that takes its own spikes of the step before, + a branch, ' a join"


def is_chain(network: Network) -> bool:
    """Whether each layer takes what the one before gives, and nothing else."""
    return all([*edges] == [(index - 1, 0)] for index, edges in enumerate(network.edges))


def drawing(network: Network) -> list[tuple[str, int]]:
    """The input and every layer, each with the lines to its left and its index. What a layer takes comes from above.

    A source keeps its column down to its last consumer, which stands below it if it can.
    """
    columns = {0: INPUT_INDEX}
    lines = [("*", INPUT_INDEX)]
    for index, edges in enumerate(network.edges):
        taken = {edge.source for edge in edges if not edge.delay}
        places = {column for column, source in columns.items() if source in taken}
        ending = {column for column in places if _last_consumer(network, columns[column]) == index}
        free = next(column for column in range(len(columns) + 1) if column not in columns)
        own = min(ending, default=free)
        node = "@" if any(edge.delay for edge in edges) else "*"
        lines.append((_line(columns, places | {own}, ending, own, node), index))
        columns = {column: source for column, source in columns.items() if column not in ending} | {own: index}
    width = max(len(line) for line, _ in lines)
    return [(line.ljust(width), index) for line, index in lines]


def _last_consumer(network: Network, source: int) -> int:
    return max((index for index, _ in network.consumers(source)), default=source)


def _line(columns: Mapping[int, int], joined: set[int], ending: set[int], own: int, node: str) -> str:
    """A layer in column ``own``, with horizontal lines to the columns of what it takes."""
    first, last = min(joined), max(joined)
    text = ""
    for column in range(max(last, *columns) + 1):
        if column == own:
            text += node
        elif column in joined:
            text += "'" if column in ending else "+"
        elif column in columns:
            text += "|"
        else:
            text += "-" if first < column < last else " "
        text += "-" if first <= column < last else " "
    return text.rstrip()
