"""The larger of two scores: the node of a tree that finds the largest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from amaranth.hdl import Const, Module, Signal, Value

from ..stream.delay import delayed

Candidate: TypeAlias = tuple[Value, Value]
"""A score and its class; of no bits where only the score is asked for."""


def larger(m: Module, candidates: Sequence[Candidate], name: str, late_counts: Value | None = None) -> Candidate:
    """The candidate with the larger score, of equal ones the first; of one alone, that one.

    Two cycles later: one to compare, one to select. ``late_counts``: whether the second may win, a cycle later than the
    candidates; None if always. The registers are ``score_NAME``, ``class_NAME`` and more that begin like these.
    """
    (score, index), *other = candidates
    largest = Signal(score.shape(), name=f"score_{name}", reset_less=True)
    winner = Signal(index.shape(), name=f"class_{name}", reset_less=True)
    m.d.sync += [
        largest.eq(delayed(m, score, f"score_{name}_low", 1)),
        winner.eq(_later(m, index, f"class_{name}_low")),
    ]
    for high, high_index in other:
        ahead = Signal(name=f"ahead_{name}", reset_less=True)
        m.d.sync += ahead.eq(high > score)
        high_later, high_index_later = (
            delayed(m, high, f"score_{name}_high", 1),
            _later(m, high_index, f"class_{name}_high"),
        )
        with m.If(ahead if late_counts is None else ahead & late_counts):
            m.d.sync += [largest.eq(high_later), winner.eq(high_index_later)]
    return largest, winner


def _later(m: Module, index: Value, name: str) -> Value:
    """The class a cycle later; in a tree's first level it is a constant, which needs no register."""
    return index if isinstance(index, Const) else delayed(m, index, name, 1)
