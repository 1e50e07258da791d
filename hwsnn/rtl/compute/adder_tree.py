"""Sums of many terms: a balanced tree of two-operand adders, with a register behind each."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Module, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsnn.folding.synaptic_sums import tree_levels

from .rom import shape_of
from .tree import tree


@dataclass(frozen=True, eq=False)
class RowRange:
    """The range of a term in each row of weights: ``low`` and ``high``, both included, (rows,) int64."""

    low: npt.NDArray[np.int64]
    high: npt.NDArray[np.int64]

    def __add__(self, other: RowRange) -> RowRange:
        """The range of the sum of two terms of the same row."""
        return RowRange(self.low + other.low, self.high + other.high)

    @property
    def shape(self) -> Shape:
        """The narrowest shape that holds the term in any row: unsigned where it is never negative."""
        return shape_of(int(self.low.min()), int(self.high.max()))


class AdderTree(wiring.Component):
    """Adds terms two by two, level by level.

    All terms belong to the same row of weights, so each node is only as wide as the widest row's sum.

    Parameters
    ----------
    terms : Mapping of str to RowRange
        The range of each term, by name; at least one term.
    levels : int
        Levels of registers, at least enough for the terms; a sum that is complete earlier waits in registers.

    Ports
    -----
    a term's name : Signal(RowRange.shape), in
        The term.
    total : Signal(shape), out
        The sum, of the narrowest shape.

    Timing
    ------
    Latency: ``levels`` cycles. One sum per cycle, without stalls.
    """

    def __init__(self, terms: Mapping[str, RowRange], levels: int) -> None:
        if not terms:
            raise ValueError("terms must be at least one, not none")
        if levels < tree_levels(len(terms)):
            raise ValueError(f"levels must be at least {tree_levels(len(terms))}, not {levels!r}")
        self._terms, self._levels = dict(terms), levels
        self.here = {"terms": len(terms)}
        total = reduce(operator.add, terms.values())
        super().__init__({name: In(bounds.shape) for name, bounds in terms.items()} | {"total": Out(total.shape)})

    def elaborate(self, platform: object) -> Module:
        m = Module()

        def node(level: int, index: int, below: Sequence[tuple[RowRange, Value]]) -> tuple[RowRange, Value]:
            bounds = reduce(operator.add, [bounds for bounds, _ in below])
            # A reset keeps delayed terms out of shift registers, which are slow to read. An odd one is added next.
            waited = len(below) == 1 and (index % 2 == 1 or level == self._levels)
            total = Signal(bounds.shape, name=f"sum_{level}_{index}", reset_less=not waited)
            m.d.sync += total.eq(reduce(operator.add, [value for _, value in below]))
            return bounds, total

        terms = [(bounds, getattr(self, name)) for name, bounds in self._terms.items()]
        _, total = tree(terms, self._levels, node)
        m.d.comb += self.total.eq(total)
        return m


def balanced_sum(values: Sequence[Value]) -> Value:
    """The sum of a few narrow numbers within a cycle: a balanced tree, whose width hardly grows."""
    return tree(values, tree_levels(len(values)), lambda level, index, below: reduce(operator.add, below))
