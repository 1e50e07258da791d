"""Spiking max-pooling, one window per beat."""

from __future__ import annotations

import operator
from functools import reduce
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.spec import MAX_TIMESTEPS
from hwsnn.spec.integers import unsigned_width

from ..checks import check_integer
from ..compute.adder_tree import balanced_sum
from ..stream.counter import ModuloCounter
from ..stream.delay import delayed

_INPUTS_PER_STAGE = 16
"""Inputs of an OR of two levels of four-input look-up tables."""


class OrPool(wiring.Component):
    """A spike wherever any input of the window spikes at this step.

    Parameters
    ----------
    width : int
        Spikes of an output beat: of all channels, at one or several steps.
    inputs : int
        Taps of the window.

    Ports
    -----
    i : valid-only stream in of ``unsigned(inputs * width)``
        Bit ``k * width + b`` is bit b at the window's tap k.
    o : valid-only stream out of ``unsigned(width)``
        Spikes.

    Timing
    ------
    Latency: 1 cycle for windows of up to 16 inputs, 2 up to 256, and so on. One beat per cycle.
    """

    def __init__(self, width: int, inputs: int) -> None:
        check_integer("width", width, 1)
        check_integer("inputs", inputs, 1)
        self._width, self._inputs = width, inputs
        self.latency = 1
        while _INPUTS_PER_STAGE**self.latency < inputs:
            self.latency += 1
        super().__init__(_valid_only_ports(width, inputs))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.o.valid.eq(delayed(m, self.i.valid, "valid", self.latency, reset_less=False))
        terms: list[Value] = [self.i.payload.word_select(k, self._width) for k in range(self._inputs)]
        for stage in range(1, self.latency + 1):
            groups = [terms[k : k + _INPUTS_PER_STAGE] for k in range(0, len(terms), _INPUTS_PER_STAGE)]
            terms = [Signal(self._width, name=f"any{stage}_{k}", reset_less=True) for k in range(len(groups))]
            m.d.sync += [term.eq(reduce(operator.or_, group)) for term, group in zip(terms, groups, strict=True)]
        m.d.comb += self.o.payload.eq(terms[0])
        return m


class WinnerPool(wiring.Component):
    """The spikes of the input that has fired most so far, this step included; ties go to the lowest index.

    Every input has a count, which restarts at the first step of an output pixel. The largest count of a step is found
    by a tree of two-input comparisons, with a register behind each.

    Parameters
    ----------
    channels : int
        Number of channels.
    inputs : int
        Taps of the window.
    timesteps : int
        Time steps per output pixel, 1 to 256.
    t_par : int
        Time steps per beat, at most ``timesteps``.

    Ports
    -----
    i : valid-only stream in of ``unsigned(inputs * t_par * channels)``
        Bit ``(k*t_par + t)*channels + c`` is channel c at the beat's step t and the window's tap k.
    o : valid-only stream out of ``unsigned(t_par * channels)``
        Spikes, bit ``t*channels + c``.

    Timing
    ------
    Latency: 1 + ceil(log2(inputs)) cycles. One beat per cycle.
    """

    def __init__(self, channels: int, inputs: int, timesteps: int, t_par: int = 1) -> None:
        check_integer("channels", channels, 1)
        check_integer("inputs", inputs, 1)
        check_integer("timesteps", timesteps, 1, MAX_TIMESTEPS)
        check_integer("t_par", t_par, 1, timesteps)
        self._channels, self._inputs, self._timesteps, self._t_par = channels, inputs, timesteps, t_par
        self.latency = 1 + (inputs - 1).bit_length()
        super().__init__(_valid_only_ports(channels * t_par, inputs))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.o.valid.eq(delayed(m, self.i.valid, "valid", self.latency, reset_less=False))
        beats = -(-self._timesteps // self._t_par)
        m.submodules.beat = beat = ModuloCounter(beats)
        m.d.comb += beat.step.eq(self.i.valid)
        first: Value = Const(1)
        if beats > 1:
            first = Signal(init=1, name="first")
            with m.If(beat.step):
                m.d.sync += first.eq(beat.last)
        spikes = [self._channel(m, channel, first) for channel in range(self._channels)]
        m.d.comb += self.o.payload.eq(Cat(spikes[c][t] for t in range(self._t_par) for c in range(self._channels)))
        return m

    def _channel(self, m: Module, channel: int, first: Value) -> list[Value]:
        """One channel's counters and comparison trees: the winner's spike at each step of a beat."""
        inputs: list[list[Value]] = [
            [self.i.payload[(k * self._t_par + t) * self._channels + channel] for t in range(self._t_par)]
            for k in range(self._inputs)
        ]
        counts = [
            [self._node("count", channel, t, 0, k, unsigned_width(self._timesteps)) for t in range(self._t_par)]
            for k in range(self._inputs)
        ]
        for count, fires in zip(counts, inputs, strict=True):
            with m.If(self.i.valid):
                m.d.sync += [
                    count[t].eq(balanced_sum([Mux(first, 0, count[-1]), *fires[: t + 1]])) for t in range(self._t_par)
                ]
        return [
            self._winner(m, channel, t, [count[t] for count in counts], [fires[t] for fires in inputs])
            for t in range(self._t_par)
        ]

    def _winner(self, m: Module, channel: int, t: int, counts: list[Value], fires: list[Value]) -> Value:
        stage = 0
        spikes: list[Value] = []
        for k, fire in enumerate(fires):
            spikes.append(self._node("spike", channel, t, 0, k, 1))
            m.d.sync += spikes[-1].eq(fire)
        while len(counts) > 1:
            stage += 1
            best: list[Value] = []
            fired: list[Value] = []
            for k in range(0, len(counts), 2):
                best.append(self._node("count", channel, t, stage, k // 2, len(counts[k])))
                fired.append(self._node("spike", channel, t, stage, k // 2, 1))
                pair = slice(k, k + 2)
                ahead = counts[pair][-1] > counts[k]
                m.d.sync += [
                    best[-1].eq(Mux(ahead, counts[pair][-1], counts[k])),
                    fired[-1].eq(Mux(ahead, spikes[pair][-1], spikes[k])),
                ]
            counts, spikes = best, fired
        return spikes[0]

    @staticmethod
    def _node(what: str, channel: int, step: int, stage: int, index: int, bits: int) -> Signal:
        return Signal(bits, name=f"{what}_c{channel}_t{step}_s{stage}_k{index}", reset_less=True)


def _valid_only_ports(width: int, inputs: int) -> dict[str, Any]:
    return {
        "i": In(stream.Signature(unsigned(inputs * width), always_ready=True)),
        "o": Out(stream.Signature(unsigned(width), always_ready=True)),
    }
