"""Balanced trees: one of many, two by two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

_Node = TypeVar("_Node")


def tree(leaves: Sequence[_Node], levels: int, node: Callable[[int, int, Sequence[_Node]], _Node]) -> _Node:
    """The root of a balanced tree over at least one leaf, whose ``levels`` are enough for the leaves.

    ``node(level, index, below)`` makes a node of two neighbours of the level below, or of one that is left over: number
    ``index`` of ``level``, which is 1 above the leaves.
    """
    nodes = list(leaves)
    for level in range(1, levels + 1):
        nodes = [node(level, index // 2, nodes[index : index + 2]) for index in range(0, len(nodes), 2)]
    (root,) = nodes
    return root
