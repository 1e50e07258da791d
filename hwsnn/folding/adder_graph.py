"""Sums of inputs times constants as a graph of shared adders, in plain numbers.

Sub-expressions that several sums have in common are added once. Each adder has a register behind it: it adds numbers of
the stages before, and what is there too early waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hwsnn.spec.integers import Int64Array


@dataclass(frozen=True)
class Adder:
    """``left`` + ``right`` * 2^``shift``, or, if ``subtracts``, the difference.

    ``left``, ``right``: numbers of nodes. First come the inputs, then the adders, in their order.
    """

    left: int
    right: int
    shift: int
    subtracts: bool


@dataclass(frozen=True)
class Total:
    """A sum: ``node`` * 2^``shift``, with a minus before it if ``negative``. It is 0 where ``node`` is None."""

    node: int | None
    shift: int = 0
    negative: bool = False


@dataclass(frozen=True, eq=False)
class AdderGraph:
    """A graph that multiplies ``weights`` of (sums, inputs) by inputs from 0 to ``largest_input``.

    ``adders``: each of nodes before it. ``totals``: one per sum. ``coefficients``: of each node, (nodes, inputs): what
    it holds for each unit vector. ``stages``: cycles from the inputs to each node.
    Raises ``ValueError`` if the graph does not give the sums: it is evaluated on every unit vector.
    """

    weights: Int64Array
    largest_input: int
    adders: Sequence[Adder]
    totals: Sequence[Total]
    coefficients: Int64Array = field(init=False)
    stages: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        sums, inputs = self.weights.shape
        nodes, stages = list(np.eye(inputs, dtype=np.int64)), [0] * inputs
        for adder in self.adders:
            if not (0 <= adder.left < len(nodes) and 0 <= adder.right < len(nodes) and 0 <= adder.shift < 63):
                raise ValueError(f"an adder must add nodes before it, not {adder!r}")
            right = nodes[adder.right] << adder.shift
            nodes.append(nodes[adder.left] - right if adder.subtracts else nodes[adder.left] + right)
            stages.append(max(stages[adder.left], stages[adder.right]) + 1)
        object.__setattr__(self, "coefficients", np.array(nodes))
        object.__setattr__(self, "stages", tuple(stages))
        given = np.array([self._total(nodes, total) for total in self.totals]).reshape(-1, inputs)
        if not np.array_equal(given, self.weights):
            raise ValueError(f"the adders must give the {sums} sums of the weights, and give others")

    def _total(self, nodes: Sequence[Int64Array], total: Total) -> Int64Array:
        if total.node is None:
            return np.zeros_like(nodes[0])
        if not 0 <= total.node < len(nodes):
            raise ValueError(f"a sum must be of a node of the graph, not {total!r}")
        value = nodes[total.node] << total.shift
        return -value if total.negative else value

    @property
    def depth(self) -> int:
        """Cycles from the inputs to the last node."""
        return max(self.stages)

    def bounds(self, node: int) -> tuple[int, int]:
        """The least and the largest number that a node can be."""
        of_node = self.coefficients[node] * self.largest_input
        return int(np.minimum(of_node, 0).sum()), int(np.maximum(of_node, 0).sum())
