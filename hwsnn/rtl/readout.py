"""The class of the largest score."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Const, Module, Shape, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.folding.synaptic_sums import tree_levels
from hwsnn.spec.integers import unsigned_width

from .checks import check_integer
from .compute.larger import larger
from .compute.tree import tree
from .stream.delay import delayed


class ArgMax(wiring.Component):
    """Finds the class of the largest score, ties to the lowest index, by a tree of two-input comparisons.

    Parameters
    ----------
    classes : int
        Number of scores.
    score_shape : Shape
        ``unsigned(w)`` or ``signed(w)``.

    Ports
    -----
    i : valid-only stream in of ``ArrayLayout(score_shape, classes)``
        The scores of a frame.
    o : valid-only stream out of ``StructLayout({"answer": unsigned(a), "scores": ArrayLayout(score_shape, classes)})``
        The predicted class, a bits for 0 to ``classes - 1``, and the scores.

    Timing
    ------
    Latency: 2 cycles for each of ceil(log2(classes)) levels: one to compare, one to select. One frame per cycle.
    """

    def __init__(self, classes: int, score_shape: Any) -> None:
        check_integer("classes", classes, 1)
        self._classes, self._score_shape = classes, Shape.cast(score_shape)
        self.latency = 2 * tree_levels(classes)
        scores = data.ArrayLayout(self._score_shape, classes)
        self.here = {"a": unsigned_width(classes - 1)}
        result = data.StructLayout({"answer": unsigned(unsigned_width(classes - 1)), "scores": scores})
        super().__init__(
            {
                "i": In(stream.Signature(scores, always_ready=True)),
                "o": Out(stream.Signature(result, always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        answer_bits = unsigned_width(self._classes - 1)
        scores = [(self.i.payload[index], Const(index, answer_bits)) for index in range(self._classes)]
        _, answer = tree(
            scores,
            tree_levels(self._classes),
            lambda level, index, below: larger(m, below, f"{level}_{index}"),
        )
        m.d.comb += [
            self.o.valid.eq(delayed(m, self.i.valid, "valid", self.latency, reset_less=False)),
            self.o.payload.answer.eq(answer),
            Value.cast(self.o.payload.scores).eq(delayed(m, Value.cast(self.i.payload), "scores", self.latency)),
        ]
        return m
