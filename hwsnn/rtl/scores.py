# amaranth: UnusedElaboratable=no
"""Scores of the classes: what a readout makes of the beats of a frame (``docs/numerics.md``, Readout)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.folding.synaptic_sums import tree_levels
from hwsnn.spec import Network
from hwsnn.spec.checks import assert_never
from hwsnn.spec.integers import unsigned_width

from .checks import check_integer
from .compute.adder_tree import balanced_sum
from .compute.larger import Candidate, larger
from .compute.signed_sum import signed_sum
from .compute.tree import tree
from .stream.counter import ModuloCounter
from .stream.delay import DelayLine, delayed


@dataclass(frozen=True)
class Flow:
    """Whether a beat is at the last registers, whether it is a frame's first, and whether a frame's last is where."""

    there: Value
    first: Value
    last: DelayLine


class FrameScores(wiring.Component):
    """The scores of a frame from the beats of its steps.

    All registers advance together, and wait where a result waits. The first ones make one number of a beat, the last
    ones keep the scores.

    Parameters
    ----------
    classes : int
        Number of classes.
    timesteps : int
        Time steps per frame.
    t_par : int
        Time steps per beat, at most ``timesteps``.
    entry : Shape
        What a class has at a step, of b bits.
    score : Shape
        A score.

    Attributes
    ----------
    latency : int
        Cycles from a frame's last beat in to its scores.
    interval : int
        Minimum cycles from a beat to the next.

    Ports
    -----
    i : stream in of ``unsigned(t_par * classes * b)``
        Entry ``t * classes + class``; 0 in surplus steps of the last beat.
    o : stream out of ``ArrayLayout(score, classes)``
        The scores.

    Timing
    ------
    Latency: ``latency`` cycles. A beat every ``interval`` cycles, across frames too.
    """

    latency: int
    interval: int

    def __init__(self, classes: int, timesteps: int, t_par: int, entry: Shape, score: Shape) -> None:
        check_integer("classes", classes, 1)
        check_integer("timesteps", timesteps, 1)
        check_integer("t_par", t_par, 1, timesteps)
        self._classes, self._timesteps, self._t_par, self._entry = classes, timesteps, t_par, entry
        self._beats, self._levels = -(-timesteps // t_par), tree_levels(t_par)
        beat, scores = unsigned(t_par * classes * entry.width), data.ArrayLayout(score, classes)
        super().__init__({"i": In(stream.Signature(beat)), "o": Out(stream.Signature(scores))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.beats = beat = ModuloCounter(self._beats)
        advance = Signal()
        takes = Signal()
        first = Signal(init=1)
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(takes),
            takes.eq(advance),
            beat.step.eq(self.i.valid & takes),
        ]
        if self.interval == 2:
            rests = Signal()
            m.d.comb += takes.eq(advance & ~rests)
            with m.If(advance):
                m.d.sync += rests.eq(beat.step)
        with m.If(advance):
            there = delayed(m, beat.step, "there", self.latency - 1, reset_less=False)
            flow = Flow(there, first, DelayLine(m, beat.last, "last"))
            last = flow.last.at(self.latency - 1)
            m.d.sync += self.o.valid.eq(there & last)
            with m.If(there):
                m.d.sync += first.eq(last)
            scores = self._scores(m, flow)
        m.d.comb += [self.o.payload[index].eq(score) for index, score in enumerate(scores)]
        return m

    @abstractmethod
    def _scores(self, m: Module, flow: Flow) -> list[Value]:
        """The scores, in registers that advance."""

    def _entries(self, index: int) -> list[Value]:
        """What class ``index`` has at each step of a beat."""
        bits = self._entry.width
        entries = [self.i.payload[(t * self._classes + index) * bits :][:bits] for t in range(self._t_par)]
        return [entry.as_signed() if self._entry.signed else entry for entry in entries]


class ScoreSum(FrameScores):
    """``count`` and ``sum``: the sum of the numbers of spikes, or of the membranes, of all steps.

    Parameters
    ----------
    classes, timesteps, t_par : int
        As of ``FrameScores``.
    entry : Shape
        A number of spikes or a membrane.
    score : Shape
        A score.

    Timing
    ------
    Latency: 2 cycles for spikes of one bit, which are counted in one cycle; else 1 and one for each level of a tree of
    adders over the steps of a beat, at least one. One beat per cycle, across frames too.
    """

    def __init__(self, classes: int, timesteps: int, t_par: int, entry: Shape, score: Shape) -> None:
        super().__init__(classes, timesteps, t_par, entry, score)
        self._counts = entry == unsigned(1)
        self.latency, self.interval = 2 if self._counts else 1 + max(self._levels, 1), 1

    def _scores(self, m: Module, flow: Flow) -> list[Value]:
        scores = list[Value]()
        for index, score in enumerate(self.o.payload):
            beat = self._of_a_beat(m, index)
            total = Signal.like(score, name=f"total_{index}", reset_less=True)
            with m.If(flow.there):
                m.d.sync += total.eq(Mux(flow.first, 0, total) + beat)
            scores.append(total)
        return scores

    def _of_a_beat(self, m: Module, index: int) -> Value:
        entries = self._entries(index)
        if not self._counts and self._t_par > 1:
            return signed_sum(m, [(entry, 1) for entry in entries], f"beat_{index}")
        within = balanced_sum(entries)
        beat = Signal(range(self._t_par + 1) if self._counts else self._entry, name=f"beat_{index}", reset_less=True)
        m.d.sync += beat.eq(within)
        return beat


class FirstSpike(FrameScores):
    """``first``: how many steps are left at a class's first spike, that step included; 0 without a spike.

    Parameters
    ----------
    classes, timesteps, t_par : int
        As of ``FrameScores``.
    entry : Shape
        A number of spikes.

    Timing
    ------
    Latency: 1 cycle and one for each level of a tree over the steps of a beat, at least one. One beat per cycle, across
    frames too.
    """

    def __init__(self, classes: int, timesteps: int, t_par: int, entry: Shape) -> None:
        super().__init__(classes, timesteps, t_par, entry, unsigned(unsigned_width(timesteps)))
        self.latency, self.interval = 1 + max(self._levels, 1), 1

    def _scores(self, m: Module, flow: Flow) -> list[Value]:
        remaining = Signal(range(self._timesteps + 1), init=self._timesteps)
        last = flow.last.at(self.latency - 1)
        with m.If(flow.there):
            m.d.sync += remaining.eq(remaining + Mux(last, (self._beats - 1) * self._t_par, -self._t_par))
        scores = list[Value]()
        for index, score in enumerate(self.o.payload):
            spikes, step = self._of_a_beat(m, index)
            left = Signal.like(score, name=f"left_{index}", reset_less=True)
            fired = Signal(name=f"fired_{index}", reset_less=True)
            with m.If(flow.there):
                m.d.sync += fired.eq(spikes | (fired & ~flow.first))
                with m.If(flow.first | ~fired):
                    m.d.sync += left.eq(Mux(spikes, remaining, 0) - step)
            scores.append(left)
        return scores

    def _of_a_beat(self, m: Module, index: int) -> tuple[Value, Value]:
        """Whether there is a spike, and its step in the beat, 0 if there is none."""

        def node(level: int, place: int, below: Sequence[tuple[Value, Value]]) -> tuple[Value, Value]:
            (early, step), *later = below
            spikes, steps = early, Cat(step, Const(0, 1))
            for late, late_step in later:
                spikes, steps = early | late, Mux(early, steps, Cat(late_step, late))
            name = f"{index}_{level}_{place}"
            any_spike = Signal(name=f"spikes_{name}", reset_less=True)
            first_step = Signal(len(steps), name=f"step_{name}", reset_less=True)
            m.d.sync += [any_spike.eq(spikes), first_step.eq(steps)]
            return any_spike, first_step

        entries = [(entry.any(), Const(0, 0)) for entry in self._entries(index)]
        return tree(entries, max(self._levels, 1), node)


class LargestMembrane(FrameScores):
    """``max``: the largest membrane of all steps.

    Parameters
    ----------
    classes, timesteps, t_par : int
        As of ``FrameScores``.
    entry : Shape
        A membrane, and a score.

    Timing
    ------
    Latency: 1 cycle and 2 for each level of a tree over the steps of a beat, one to compare, one to select; where a
    frame has several beats, 1 more to compare with the largest so far. Then a beat every 2 cycles, else in every cycle.
    """

    def __init__(self, classes: int, timesteps: int, t_par: int, entry: Shape) -> None:
        super().__init__(classes, timesteps, t_par, entry, entry)
        several = self._beats > 1
        self.latency, self.interval = 1 + 2 * self._levels + several, 1 + several

    def _scores(self, m: Module, flow: Flow) -> list[Value]:
        scores = list[Value]()
        for index in range(self._classes):
            beat = self._of_a_beat(m, index, flow)
            best = Signal(self._entry, name=f"best_{index}", reset_less=True)
            ahead: Value = Const(1)
            if self._beats > 1:
                ahead = Signal(name=f"ahead_{index}", reset_less=True)
                m.d.sync += ahead.eq(beat > best)
                beat = delayed(m, beat, f"beat_{index}", 1)
            with m.If(flow.there & (ahead | flow.first)):
                m.d.sync += best.eq(beat)
            scores.append(best)
        return scores

    def _of_a_beat(self, m: Module, index: int, flow: Flow) -> Value:
        real = self._timesteps - (self._beats - 1) * self._t_par

        def node(level: int, place: int, below: Sequence[Candidate]) -> Candidate:
            # Steps of the last beat that are surplus are no steps.
            surplus = 2 * place + 1 << level - 1 >= real
            counts = ~flow.last.at(2 * level - 1) if surplus else None
            return larger(m, below, f"{index}_{level}_{place}", counts)

        largest, _ = tree([(entry, Const(0, 0)) for entry in self._entries(index)], self._levels, node)
        return largest


def scores_component(network: Network, steps: int) -> FrameScores | None:
    """The component in front of the answer, for ``steps`` per beat; None where the beats are scores already."""
    last, classes, timesteps = network.population(len(network.layers) - 1), network.classes, network.timesteps
    spikes, u = unsigned(unsigned_width(last.neuron.spikes)), signed(last.neuron.membrane_bits)
    match network.readout:
        case "count":
            return ScoreSum(classes, timesteps, steps, spikes, unsigned(network.score_bits))
        case "first":
            return FirstSpike(classes, timesteps, steps, spikes)
        case "sum":
            return ScoreSum(classes, timesteps, steps, u, signed(network.score_bits))
        case "max":
            return LargestMembrane(classes, timesteps, steps, u)
        case "membrane":
            return None
        case _:
            raise assert_never(network.readout)
