"""Neurons: membranes that leak, take up currents, fire and reset (``docs/numerics.md``, Neurons)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.spec import MAX_MEMBRANE_BITS, MAX_TIMESTEPS, MIN_MEMBRANE_BITS, Leak, Reset
from hwsnn.spec.integers import IntArray, signed_limits, unsigned_width

from ..checks import check_integer
from ..stream.counter import ModuloCounter
from ..stream.delay import DelayLine, delayed
from .leak import check_leak, leak_clocks, leaked

RESETS = ("subtract", "zero", "none")


@dataclass(frozen=True)
class _Stages:
    """When, in clocks after a group came in, a step has the v it starts from, its u, and the v it leaves behind."""

    start: int
    u: int
    v: int


class Neurons(wiring.Component):
    """What spiking and integrating neurons share: ``u = saturate(leak(v) + I)``, ``t_par`` steps behind each other.

    A pipeline that never stops: leak | add | saturate | what the subclass makes of u, for each step of a pass. Stages
    that have nothing to do (no leak, no saturation, the very first step) are left out. Each of them is at most one
    adder or two levels of look-up tables.

    Where a position has several passes, its membranes wait in between in a small memory, one word a group: they are
    read as a group comes in, and written ``depth`` clocks later; the group's next pass must not come in before.
    """

    _clocks_to_fire = 0

    def __init__(
        self,
        groups: int,
        lanes: int,
        leak: Leak,
        membrane_bits: int,
        current_bits: int,
        timesteps: int,
        t_par: int,
        shared: bool,
        saturates: bool,
        result: Any,
    ) -> None:
        check_integer("groups", groups, 1)
        check_integer("lanes", lanes, 1)
        check_integer("membrane bits", membrane_bits, MIN_MEMBRANE_BITS, MAX_MEMBRANE_BITS)
        check_integer("current bits", current_bits, 1)
        check_integer("timesteps", timesteps, 1, MAX_TIMESTEPS)
        check_integer("t_par", t_par, 1, timesteps)
        check_leak(leak)
        for what, flag in (("shared", shared), ("saturates", saturates)):
            if not isinstance(flag, bool):
                raise TypeError(f"{what} must be a bool, not {flag!r}")
        self._groups, self._lanes, self._leak = groups, lanes, leak
        self._membrane_bits, self._current_bits = membrane_bits, current_bits
        self._timesteps, self._t_par, self._saturates = timesteps, t_par, saturates
        self._sets = 1 if shared else t_par
        currents = data.ArrayLayout(data.ArrayLayout(signed(current_bits), lanes), self._sets)
        super().__init__(
            {
                "i": In(stream.Signature(currents, always_ready=True)),
                "o": Out(stream.Signature(result, always_ready=True)),
            }
        )

    @property
    def passes(self) -> int:
        """Passes of a position."""
        return -(-self._timesteps // self._t_par)

    @property
    def depth(self) -> int:
        """Clocks, at least, from a group to the same group in the position's next pass; 0 where there is none."""
        return self._stages[-1].v + 1 if self.passes > 1 else 0

    @property
    def latency(self) -> int:
        """Clocks from a group in to its result out."""
        return self._stages[self._result_step].v

    @property
    def _stages(self) -> list[_Stages]:
        # Thresholds that change from group to group take a clock.
        start, stages = int(self.passes > 1 or self._groups > 1), list[_Stages]()
        for step in range(self._t_par):
            u = start + self._saturates
            if step or self.passes > 1:
                u += leak_clocks(self._leak) + 1
            stages.append(_Stages(start, u, u + self._clocks_to_fire))
            start = u + 2 * self._clocks_to_fire
        return stages

    @property
    def _result_step(self) -> int:
        """The step of a pass after which the result is whole."""
        raise NotImplementedError

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.groups = group = ModuloCounter(self._groups)
        m.submodules.passes = one_pass = ModuloCounter(self.passes)
        m.d.comb += [group.step.eq(self.i.valid), one_pass.step.eq(group.step & group.last)]
        given = delayed(m, self._gives_result(one_pass), "given", self.latency, reset_less=False)
        m.d.comb += self.o.valid.eq(given)

        groups = DelayLine(m, group.count, "group")
        name = "current_{1}" if self._sets == 1 else "current_{0}_{1}"
        currents = [
            [DelayLine(m, self.i.payload[index][lane], name.format(index, lane)) for lane in range(self._lanes)]
            for index in range(self._sets)
        ]
        v, store = self._read(m, one_pass, groups) if self.passes > 1 else (None, None)
        results: list[list[Value]] = []
        ready = self._stages[0].start  # the stage that v is in
        for step, stages in enumerate(self._stages):
            if v is not None:
                v = [delayed(m, one, f"v_{step}_{lane}", stages.start - ready) for lane, one in enumerate(v)]
            u = [
                self._sum(m, f"{step}_{lane}", stages.start, None if v is None else v[lane], current)
                for lane, current in enumerate(currents[step % self._sets])
            ]
            v, result = self._finish(m, step, stages, u, groups)
            results.append(result)
            ready = stages.v
        if store is not None:
            m.d.comb += store.eq(Cat(v))
        self._give(m, results, one_pass.last)
        return m

    def _gives_result(self, one_pass: ModuloCounter) -> Value:
        """Whether the group that comes in has a result."""
        raise NotImplementedError

    def _finish(
        self, m: Module, step: int, stages: _Stages, u: list[Value], groups: DelayLine
    ) -> tuple[list[Value], list[Value]]:
        """From each lane's u of a step: the v it leaves behind, and what the step adds to the result."""
        raise NotImplementedError

    def _give(self, m: Module, results: list[list[Value]], last: Value) -> None:
        """Make the result of a pass from what its steps have added to it; ``last``: whether the last pass comes in."""
        raise NotImplementedError

    def _read(self, m: Module, one_pass: ModuloCounter, groups: DelayLine) -> tuple[list[Value], Signal]:
        """Each lane's membrane of the group that has come in, in stage 1, and where to put what is left of it."""
        first = Signal(init=1)
        with m.If(one_pass.step):
            m.d.sync += first.eq(one_pass.last)
        bits = self._membrane_bits
        stored, store = Signal(self._lanes * bits, name="stored"), Signal(self._lanes * bits, name="store")
        last = self._stages[-1].v
        write = delayed(m, self.i.valid, "passed", last, reset_less=False)
        if self._groups == 1:
            state = Signal(self._lanes * bits, name="state", reset_less=True)
            with m.If(write):
                m.d.sync += state.eq(store)
            m.d.comb += stored.eq(state)
        else:
            m.submodules.membranes = membranes = memory.Memory(shape=unsigned(len(stored)), depth=self._groups, init=[])
            read_port, write_port = membranes.read_port(domain="comb"), membranes.write_port()
            m.d.comb += [
                read_port.addr.eq(groups.at(0)),
                stored.eq(read_port.data),
                write_port.addr.eq(groups.at(last)),
                write_port.en.eq(write),
                write_port.data.eq(store),
            ]
        v: list[Value] = []
        for lane in range(self._lanes):
            v.append(Signal(signed(bits), name=f"v_0_{lane}", reset_less=True))
            m.d.sync += v[-1].eq(Mux(first, 0, stored[lane * bits :][:bits].as_signed()))
        return v, store

    def _sum(self, m: Module, name: str, start: int, v: Value | None, current: DelayLine) -> Value:
        """``saturate(leak(v) + I)``; v is 0 where there is none."""
        bits = self._membrane_bits
        if v is None:
            u = current.at(start)
        else:
            rest = leaked(m, self._leak, v, name)
            wide = max(bits, self._current_bits) + 1 if self._saturates else bits
            u = Signal(signed(wide), name=f"sum_{name}", reset_less=True)
            m.d.sync += u.eq(rest + current.at(start + leak_clocks(self._leak)))
        if not self._saturates:
            return u
        low, high = signed_limits(bits)
        # It fits where all bits from the membrane's sign upwards are equal.
        beyond = u[bits - 1 :]
        clipped = Signal(signed(bits), name=f"u_{name}", reset_less=True)
        m.d.sync += clipped.eq(
            Mux(beyond.any() & ~beyond.all(), Mux(u[-1], low, high), u[:bits].as_signed()) if len(u) > bits else u
        )
        return clipped


class SpikingNeurons(Neurons):
    """Neurons that fire where ``u >= threshold``, and reset.

    Parameters
    ----------
    thresholds : integer array (groups, lanes), each at least 1 and within the membrane's range.
    subs : integer array (groups, lanes), each at least 0 and within the membrane's range, where the reset is
        ``subtract``; else None.
    leak : of all of them.
    reset : ``subtract`` (v = u - sub), ``zero`` (v = 0) or ``none`` (v = u), where a neuron fires.
    membrane_bits, current_bits : two's-complement widths.
    timesteps : steps of a position; before the first one v is 0.
    t_par : steps of a pass, at most ``timesteps``. Where the last pass has too many of them, none fires in those.
    shared : whether a pass has one current for all its steps, as pixels make it.
    saturates : whether u can leave the membrane's range and is clipped there. Where the ranges rule that out, False
        saves the logic for it.

    Members
    -------
    ``i`` : flow of currents, ``signed(current_bits)`` by step of the pass (one if shared) and lane, in the order
        (position, pass, group).
    ``o`` : flow of ``unsigned(t_par * lanes)``, spikes in the same order; bit ``t * lanes + lane``.

    Latency: ``latency`` clocks. A group a clock; from one pass of a position to the next at least ``depth`` clocks.

    Raises
    ------
    TypeError, ValueError : a parameter is of the wrong kind or out of range.
    """

    _clocks_to_fire = 1

    def __init__(
        self,
        thresholds: IntArray,
        subs: IntArray | None,
        leak: Leak,
        reset: Reset,
        membrane_bits: int,
        current_bits: int,
        timesteps: int,
        t_par: int = 1,
        shared: bool = False,
        saturates: bool = True,
    ) -> None:
        _check_array("thresholds", thresholds)
        if thresholds.ndim != 2 or thresholds.size == 0:
            raise ValueError(
                f"thresholds must have the shape (groups, lanes), none of them 0, not {thresholds.shape!r}"
            )
        if reset not in RESETS:
            raise ValueError(f"reset must be one of {', '.join(RESETS)}, not {reset!r}")
        if reset == "subtract":
            _check_array("subs", subs)
            if subs is not None and subs.shape != thresholds.shape:
                raise ValueError(f"subs must have the shape of the thresholds {thresholds.shape}, not {subs.shape}")
        elif subs is not None:
            raise ValueError(f"subs must be None for the reset {reset!r}, not {type(subs).__name__}")
        groups, lanes = thresholds.shape
        check_integer("t_par", t_par, 1)
        result = unsigned(t_par * lanes)
        super().__init__(groups, lanes, leak, membrane_bits, current_bits, timesteps, t_par, shared, saturates, result)
        largest = signed_limits(membrane_bits)[1]
        if thresholds.min() < 1 or thresholds.max() > largest:
            raise ValueError(
                f"thresholds must lie from 1 to {largest}, not from {thresholds.min()} to {thresholds.max()}"
            )
        if subs is not None and (subs.min() < 0 or subs.max() > largest):
            raise ValueError(f"subs must lie from 0 to {largest}, not from {subs.min()} to {subs.max()}")
        self._thresholds, self._subs, self._reset = thresholds, subs, reset

    @property
    def _result_step(self) -> int:
        return self._t_par - 1

    def _gives_result(self, one_pass: ModuloCounter) -> Value:
        return self.i.valid

    def _finish(
        self, m: Module, step: int, stages: _Stages, u: list[Value], groups: DelayLine
    ) -> tuple[list[Value], list[Value]]:
        thresholds = self._table(m, f"thresholds_{step}", self._thresholds, stages.u, groups)
        subs = thresholds
        if self._subs is not None and not np.array_equal(self._subs, self._thresholds):
            subs = self._table(m, f"subs_{step}", self._subs, stages.u, groups)
        left: list[Value] = []
        spikes: list[Value] = []
        for lane, threshold in enumerate(thresholds):
            spike = Signal(name=f"spike_{step}_{lane}", reset_less=True)
            kept = Signal(signed(self._membrane_bits), name=f"kept_{step}_{lane}", reset_less=True)
            m.d.sync += [spike.eq(u[lane] >= threshold), kept.eq(u[lane])]
            fired: Value | int = kept if self._reset == "none" else 0
            if self._reset == "subtract":
                # At least 1 - sub where the neuron fires: it fits the membrane. Elsewhere nobody looks.
                fired = Signal(signed(self._membrane_bits), name=f"reduced_{step}_{lane}", reset_less=True)
                m.d.sync += fired.eq(u[lane] - subs[lane])
            v = Signal(signed(self._membrane_bits), name=f"left_{step}_{lane}")
            m.d.comb += v.eq(Mux(spike, fired, kept))
            left.append(v)
            spikes.append(delayed(m, spike, f"spike_{step}_{lane}", self.latency - stages.v))
        return left, spikes

    def _give(self, m: Module, results: list[list[Value]], last: Value) -> None:
        surplus = self.passes * self._t_par - self._timesteps
        if surplus:
            last = delayed(m, last, "last", self.latency)
            results[-surplus:] = [[spike & ~last for spike in step] for step in results[-surplus:]]
        m.d.comb += self.o.payload.eq(Cat(results))

    def _table(self, m: Module, name: str, constants: IntArray, stage: int, groups: DelayLine) -> list[Value]:
        """Each lane's constant for the group that is in ``stage``; none is negative."""
        bits = unsigned_width(int(constants.max()))
        words = [sum(int(constant) << (lane * bits) for lane, constant in enumerate(row)) for row in constants]
        if self._groups == 1:
            word: Value = Const(words[0], self._lanes * bits)
        else:
            m.submodules[name] = table = memory.Memory(
                shape=unsigned(self._lanes * bits), depth=self._groups, init=words
            )
            port = table.read_port()
            m.d.comb += port.addr.eq(groups.at(stage - 1))
            word = port.data
        return [word[lane * bits :][:bits] for lane in range(self._lanes)]


def _check_array(what: str, value: object) -> None:
    if not isinstance(value, np.ndarray) or not np.issubdtype(value.dtype, np.integer):
        raise TypeError(f"{what} must be an integer array, not {value!r}")


class IntegratingNeurons(Neurons):
    """Neurons that never fire: v = u; their membranes after the last step are the scores of a ``membrane`` readout.

    Parameters
    ----------
    groups, lanes : neurons, ``lanes`` of them a clock.
    leak, membrane_bits, current_bits, timesteps, t_par, shared, saturates : as of ``SpikingNeurons``.

    Members
    -------
    ``i`` : flow of currents, as of ``SpikingNeurons``.
    ``o`` : flow of ``ArrayLayout(signed(membrane_bits), lanes)``, the membranes after the last step, by group.

    Latency: ``latency`` clocks from a group of the last pass. A group a clock; from one pass of a position to the next
    at least ``depth`` clocks.

    Raises
    ------
    TypeError, ValueError : a parameter is of the wrong kind or out of range.
    """

    def __init__(
        self,
        groups: int,
        lanes: int,
        leak: Leak,
        membrane_bits: int,
        current_bits: int,
        timesteps: int,
        t_par: int = 1,
        shared: bool = False,
        saturates: bool = True,
    ) -> None:
        check_integer("membrane bits", membrane_bits, MIN_MEMBRANE_BITS, MAX_MEMBRANE_BITS)
        check_integer("lanes", lanes, 1)
        result = data.ArrayLayout(signed(membrane_bits), lanes)
        super().__init__(groups, lanes, leak, membrane_bits, current_bits, timesteps, t_par, shared, saturates, result)

    @property
    def _result_step(self) -> int:
        return (self._timesteps - 1) % self._t_par

    def _gives_result(self, one_pass: ModuloCounter) -> Value:
        return self.i.valid & one_pass.last

    def _finish(
        self, m: Module, step: int, stages: _Stages, u: list[Value], groups: DelayLine
    ) -> tuple[list[Value], list[Value]]:
        return u, u

    def _give(self, m: Module, results: list[list[Value]], last: Value) -> None:
        m.d.comb += [self.o.payload[lane].eq(u) for lane, u in enumerate(results[self._result_step])]
