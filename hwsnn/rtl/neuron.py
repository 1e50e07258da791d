"""Neurons: membranes that leak, take up currents, fire and reset (``docs/numerics.md``, Neurons)."""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.numeric import IntArray, signed_limits, unsigned_width
from hwsnn.spec import (
    MAX_MEMBRANE_BITS,
    MAX_TIMESTEPS,
    MIN_MEMBRANE_BITS,
    Leak,
    MultiplyLeak,
    NoLeak,
    Reset,
    ShiftLeak,
)

from .checks import check_integer
from .counter import Counter
from .credit import CreditQueue

RESETS = ("subtract", "zero", "none")


class Neurons(wiring.Component):
    """What spiking and integrating neurons share: ``u = saturate(leak(v) + I)`` for ``lanes`` neurons a clock.

    A pipeline that never stops: read v | leak | add | saturate | what the subclass makes of u | write v. Stages that
    have nothing to do (no leak, no saturation) are left out. Each of them is at most one adder, one multiplier by a
    constant, or two levels of look-up tables.

    v is taken as 0 at step 0, so nothing is ever cleared. A group's v is written ``depth`` clocks after it was read,
    and needed again a step later: a pass over the groups takes max(groups, depth) clocks, the last step's ``groups``.
    """

    _stages_after_sum = 0

    def __init__(
        self,
        groups: int,
        lanes: int,
        leak: Leak,
        membrane_bits: int,
        current_bits: int,
        timesteps: int,
        saturates: bool,
        result: Any,
    ) -> None:
        check_integer("groups", groups, 1)
        check_integer("lanes", lanes, 1)
        check_integer("membrane bits", membrane_bits, MIN_MEMBRANE_BITS, MAX_MEMBRANE_BITS)
        check_integer("current bits", current_bits, 1)
        check_integer("timesteps", timesteps, 1, MAX_TIMESTEPS)
        if not isinstance(leak, NoLeak | ShiftLeak | MultiplyLeak):
            raise TypeError(f"leak must be a NoLeak, ShiftLeak or MultiplyLeak, not {leak!r}")
        if not isinstance(saturates, bool):
            raise TypeError(f"saturates must be a bool, not {saturates!r}")
        self._groups, self._lanes, self._leak = groups, lanes, leak
        self._membrane_bits, self._current_bits, self._timesteps = membrane_bits, current_bits, timesteps
        self._saturates = saturates
        currents = data.ArrayLayout(signed(current_bits), lanes)
        super().__init__({"i": In(stream.Signature(currents)), "o": Out(stream.Signature(result))})

    @property
    def depth(self) -> int:
        """Clocks from reading a membrane to having written it."""
        return 3 + (not isinstance(self._leak, NoLeak)) + self._saturates + self._stages_after_sum

    @property
    def latency(self) -> int:
        """Clocks from a beat in to its result out."""
        return self.depth

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.groups = group = Counter(self._groups)
        m.submodules.steps = step = Counter(self._timesteps)
        m.submodules.queue = queue = CreditQueue(self.o.payload.shape(), self.depth + 2)
        accept = Signal()
        m.d.comb += [
            self.i.ready.eq(queue.room & self._rested(m, accept & group.last & ~step.last)),
            accept.eq(self.i.valid & self.i.ready),
            group.step.eq(accept),
            step.step.eq(accept & group.last),
            queue.enter.eq(accept & self._gives_result(step)),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        arriving = Signal(self.depth - 1)
        writing = Signal(self.depth - 1)
        m.d.sync += [arriving.eq(Cat(queue.enter, arriving)), writing.eq(Cat(accept, writing))]
        m.d.comb += queue.arrive.eq(arriving[-1])

        # group_k is the group whose values are in stage k; the membranes read there are those of stage 1.
        groups = [group.count]
        for stage in range(1, self.depth):
            groups.append(Signal.like(group.count, name=f"group_{stage}", reset_less=True))
            m.d.sync += groups[-1].eq(groups[-2])
        stored, store = self._membranes(m, groups[0], groups[-1], writing[-1])
        first = Signal(init=1)
        with m.If(accept & group.last):
            m.d.sync += first.eq(step.last)
        sums = []
        for lane in range(self._lanes):
            v = Signal(signed(self._membrane_bits), name=f"v_{lane}", reset_less=True)
            current = Signal(signed(self._current_bits), name=f"current_{lane}", reset_less=True)
            m.d.sync += [v.eq(Mux(first, 0, stored[lane])), current.eq(self.i.payload[lane])]
            sums.append(self._sum(m, lane, v, current))
        finished, result = self._finish(m, sums, groups)
        m.d.comb += [Cat(store).eq(Cat(finished)), Value.cast(queue.result).eq(Cat(result))]
        return m

    def _gives_result(self, step: Counter) -> Value:
        """Whether the beat of this step has a result."""
        raise NotImplementedError

    def _finish(self, m: Module, sums: list[Signal], groups: list[Signal]) -> tuple[list[Value], list[Value]]:
        """From each lane's u: what to keep as v, and the result."""
        raise NotImplementedError

    def _rested(self, m: Module, passed: Value) -> Value:
        """Whether the membranes of the pass that has just ``passed`` are written when they are read again."""
        clocks = self.depth - self._groups
        if clocks <= 0 or self._timesteps == 1:
            return Const(1)
        resting = Signal(clocks)
        m.d.sync += resting.eq(Mux(passed, ~0, resting >> 1))
        return ~resting[0]

    def _membranes(self, m: Module, reading: Value, writing: Value, write: Value) -> tuple[list[Value], list[Value]]:
        """Each lane's membrane of the group that is read now, and where to put that of the group that is written."""
        width = self._lanes * self._membrane_bits
        if self._groups == 1:
            state = Signal(width, reset_less=True)
            written = Signal(width)
            with m.If(write):
                m.d.sync += state.eq(written)
            return self._lane_values(state), [written]
        m.submodules.membranes = membranes = memory.Memory(shape=unsigned(width), depth=self._groups, init=[])
        read_port, write_port = membranes.read_port(domain="comb"), membranes.write_port()
        m.d.comb += [read_port.addr.eq(reading), write_port.addr.eq(writing), write_port.en.eq(write)]
        return self._lane_values(read_port.data), [write_port.data]

    def _lane_values(self, word: Value) -> list[Value]:
        bits = self._membrane_bits
        return [word[lane * bits :][:bits].as_signed() for lane in range(self._lanes)]

    def _sum(self, m: Module, lane: int, v: Signal, current: Signal) -> Signal:
        """``saturate(leak(v) + I)`` in a register."""
        bits = self._membrane_bits
        if not isinstance(self._leak, NoLeak):
            leaked = Signal(signed(bits), name=f"leaked_{lane}", reset_less=True)
            waiting = Signal.like(current, name=f"waiting_{lane}", reset_less=True)
            if isinstance(self._leak, ShiftLeak):
                m.d.sync += leaked.eq(v - (v >> self._leak.shift))
            else:
                m.d.sync += leaked.eq((v * self._leak.multiplier) >> self._leak.shift)
            m.d.sync += waiting.eq(current)
            v, current = leaked, waiting
        if not self._saturates:
            u = Signal(signed(bits), name=f"u_{lane}", reset_less=True)
            m.d.sync += u.eq(v + current)
            return u
        exact = Signal(signed(max(bits, self._current_bits) + 1), name=f"exact_{lane}", reset_less=True)
        u = Signal(signed(bits), name=f"u_{lane}", reset_less=True)
        low, high = signed_limits(bits)
        # It fits where all bits from the membrane's sign upwards are equal.
        beyond = exact[bits - 1 :]
        m.d.sync += [
            exact.eq(v + current),
            u.eq(Mux(beyond.any() & ~beyond.all(), Mux(exact[-1], low, high), exact[:bits].as_signed())),
        ]
        return u


class SpikingNeurons(Neurons):
    """Neurons that fire where ``u >= threshold``, and reset.

    Parameters
    ----------
    thresholds : integer array (groups, lanes), each at least 1 and within the membrane's range.
    leak : of all of them.
    reset : ``subtract`` (v = u - threshold), ``zero`` (v = 0) or ``none`` (v = u), where a neuron fires.
    membrane_bits, current_bits : two's-complement widths.
    timesteps : steps of a position; before the first one v is 0.
    saturates : whether u can leave the membrane's range and is clipped there. Where the ranges rule that out, False
        saves the logic for it.

    Members
    -------
    ``i`` : stream of ``ArrayLayout(signed(current_bits), lanes)``, currents in the order (position, step, group).
    ``o`` : stream of ``unsigned(lanes)``, spikes in the same order.

    Latency: ``depth`` clocks, 4 to 6: 4, one more with a leak, one more where it saturates. A position takes
    max(groups, depth) clocks a step, its last step ``groups``.

    Raises
    ------
    TypeError, ValueError : a parameter is of the wrong kind or out of range.
    """

    _stages_after_sum = 1

    def __init__(
        self,
        thresholds: IntArray,
        leak: Leak,
        reset: Reset,
        membrane_bits: int,
        current_bits: int,
        timesteps: int,
        saturates: bool = True,
    ) -> None:
        if not isinstance(thresholds, np.ndarray) or not np.issubdtype(thresholds.dtype, np.integer):
            raise TypeError(f"thresholds must be an integer array, not {thresholds!r}")
        if thresholds.ndim != 2 or thresholds.size == 0:
            raise ValueError(
                f"thresholds must have the shape (groups, lanes), none of them 0, not {thresholds.shape!r}"
            )
        if reset not in RESETS:
            raise ValueError(f"reset must be one of {', '.join(RESETS)}, not {reset!r}")
        groups, lanes = thresholds.shape
        super().__init__(groups, lanes, leak, membrane_bits, current_bits, timesteps, saturates, unsigned(lanes))
        largest = signed_limits(membrane_bits)[1]
        if thresholds.min() < 1 or thresholds.max() > largest:
            raise ValueError(
                f"thresholds must lie from 1 to {largest}, not from {thresholds.min()} to {thresholds.max()}"
            )
        self._thresholds, self._reset = thresholds, reset

    def _gives_result(self, step: Counter) -> Value:
        return Const(1)

    def _finish(self, m: Module, sums: list[Signal], groups: list[Signal]) -> tuple[list[Value], list[Value]]:
        compare_stage = self.depth - 2
        thresholds = self._threshold_table(m, groups[compare_stage - 1])
        finished: list[Value] = []
        spikes: list[Value] = []
        for lane, u in enumerate(sums):
            above = Signal(signed(self._membrane_bits + 1), name=f"above_{lane}", reset_less=True)
            kept = Signal.like(u, name=f"kept_{lane}", reset_less=True)
            m.d.sync += [above.eq(u - thresholds[lane]), kept.eq(u)]
            spike = Signal(name=f"spike_{lane}")
            m.d.comb += spike.eq(~above[-1])
            fired = {"subtract": above[: self._membrane_bits], "zero": 0, "none": kept}[self._reset]
            v = Signal(self._membrane_bits, name=f"next_{lane}")
            m.d.comb += v.eq(Mux(spike, fired, kept))
            finished.append(v)
            spikes.append(spike)
        return finished, spikes

    def _threshold_table(self, m: Module, group: Value) -> list[Value]:
        """Each lane's threshold, from a register, for the group that is compared in the coming clock."""
        bits = unsigned_width(int(self._thresholds.max()))
        words = [sum(int(threshold) << (lane * bits) for lane, threshold in enumerate(row)) for row in self._thresholds]
        if self._groups == 1:
            word: Value = Const(words[0], self._lanes * bits)
        else:
            m.submodules.thresholds = table = memory.Memory(
                shape=unsigned(self._lanes * bits), depth=self._groups, init=words
            )
            port = table.read_port()
            m.d.comb += port.addr.eq(group)
            word = port.data
        return [word[lane * bits :][:bits] for lane in range(self._lanes)]


class IntegratingNeurons(Neurons):
    """Neurons that never fire: v = u; their membranes after the last step are the scores of a ``membrane`` readout.

    Parameters
    ----------
    leak, membrane_bits, current_bits, timesteps, saturates : as of ``SpikingNeurons``.
    groups, lanes : neurons, ``lanes`` of them a clock.

    Members
    -------
    ``i`` : stream of ``ArrayLayout(signed(current_bits), lanes)``, currents in the order (position, step, group).
    ``o`` : stream of ``ArrayLayout(signed(membrane_bits), lanes)``, the membranes after the last step, by group.

    Latency: ``depth`` clocks from a beat of the last step, 3 to 5: 3, one more with a leak, one more where it
    saturates. A position takes max(groups, depth) clocks a step, its last step ``groups``.

    Raises
    ------
    TypeError, ValueError : a parameter is of the wrong kind or out of range.
    """

    def __init__(
        self,
        leak: Leak,
        membrane_bits: int,
        current_bits: int,
        groups: int,
        lanes: int,
        timesteps: int,
        saturates: bool = True,
    ) -> None:
        check_integer("membrane bits", membrane_bits, MIN_MEMBRANE_BITS, MAX_MEMBRANE_BITS)
        check_integer("lanes", lanes, 1)
        result = data.ArrayLayout(signed(membrane_bits), lanes)
        super().__init__(groups, lanes, leak, membrane_bits, current_bits, timesteps, saturates, result)

    def _gives_result(self, step: Counter) -> Value:
        return step.last

    def _finish(self, m: Module, sums: list[Signal], groups: list[Signal]) -> tuple[list[Value], list[Value]]:
        finished = [u.as_unsigned() for u in sums]
        return finished, finished
