"""From the last layer to the answer: counting spikes, finding the largest score."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.numeric import unsigned_width

from .adder_tree import balanced_sum
from .checks import check_integer
from .counter import Counter


class SpikeCount(wiring.Component):
    """Counts each class's spikes over the time steps of a frame.

    Parameters
    ----------
    classes : classes, one bit of a step each.
    timesteps : steps of a frame.
    t_par : steps in a beat, at most ``timesteps``.

    Members
    -------
    ``i`` : stream of ``unsigned(t_par * classes)``, the last layer's spikes, bit ``t * classes + class``.
    ``o`` : stream of ``ArrayLayout(unsigned(w), classes)``, the scores, w bits for 0 to ``timesteps``.

    Latency: 1 clock from a frame's last beat in. One beat a clock, across frames too.

    Raises
    ------
    TypeError, ValueError : a parameter is not an integer of at least 1.
    """

    def __init__(self, classes: int, timesteps: int, t_par: int = 1) -> None:
        check_integer("classes", classes, 1)
        check_integer("timesteps", timesteps, 1)
        check_integer("t_par", t_par, 1, timesteps)
        self._classes, self._timesteps, self._t_par = classes, timesteps, t_par
        scores = data.ArrayLayout(unsigned(unsigned_width(timesteps)), classes)
        super().__init__({"i": In(stream.Signature(unsigned(t_par * classes))), "o": Out(stream.Signature(scores))})

    @property
    def latency(self) -> int:
        """Clocks from a frame's last beat in to its scores out."""
        return 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.steps = step = Counter(-(-self._timesteps // self._t_par))
        accept = Signal()
        m.d.comb += [
            self.i.ready.eq(~step.last | ~self.o.valid | self.o.ready),
            accept.eq(self.i.valid & self.i.ready),
            step.step.eq(accept),
        ]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(accept & step.last):
            m.d.sync += self.o.valid.eq(1)
        for index in range(self._classes):
            score = self.o.payload[index]
            count = Signal.like(score, name=f"count_{index}")
            total = Signal.like(score, name=f"total_{index}")
            spikes = [self.i.payload[t * self._classes + index] for t in range(self._t_par)]
            m.d.comb += total.eq(balanced_sum([count, *spikes]))
            with m.If(accept):
                m.d.sync += count.eq(Mux(step.last, 0, total))
                with m.If(step.last):
                    m.d.sync += score.eq(total)
        return m


class Answer(wiring.Component):
    """Finds the class of the largest score, ties to the lowest index, by looking at one class a clock.

    Parameters
    ----------
    classes : number of scores.
    score_shape : ``unsigned(w)`` or ``signed(w)``.

    Members
    -------
    ``i`` : stream of ``ArrayLayout(score_shape, classes)``, the scores of a frame.
    ``o`` : stream of ``StructLayout({"answer": unsigned(a), "scores": ArrayLayout(score_shape, classes)})``, a bits for
    0 to ``classes - 1``.

    Latency: ``classes + 1`` clocks. One frame in ``classes + 2`` clocks.

    Raises
    ------
    TypeError, ValueError : ``classes`` is not an integer of at least 1.
    """

    def __init__(self, classes: int, score_shape: Any) -> None:
        check_integer("classes", classes, 1)
        self._classes, self._score_shape = classes, Shape.cast(score_shape)
        scores = data.ArrayLayout(self._score_shape, classes)
        result = data.StructLayout({"answer": unsigned(unsigned_width(classes - 1)), "scores": scores})
        super().__init__({"i": In(stream.Signature(scores)), "o": Out(stream.Signature(result))})

    @property
    def latency(self) -> int:
        """Clocks from scores in to their answer out."""
        return self._classes + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.indices = index = Counter(self._classes)
        width = self._score_shape.width
        looking = Signal()
        scores = Value.cast(self.o.payload.scores)
        best = Signal(self._score_shape, reset_less=True)
        # The scores turn by one class a clock, back to where they were when all have passed.
        now = Signal(self._score_shape)
        taken = Signal()
        m.d.comb += [
            self.i.ready.eq(~looking & ~self.o.valid),
            taken.eq(self.i.valid & self.i.ready),
            now.eq(scores[:width]),
            index.step.eq(looking),
        ]
        with m.If(taken):
            m.d.sync += [scores.eq(Value.cast(self.i.payload)), looking.eq(1)]
        with m.If(looking):
            m.d.sync += scores.eq(Cat(scores[width:], scores[:width]))
            with m.If((index.count == 0) | (now > best)):
                m.d.sync += [best.eq(now), self.o.payload.answer.eq(index.count)]
            with m.If(index.last):
                m.d.sync += [looking.eq(0), self.o.valid.eq(1)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        return m
