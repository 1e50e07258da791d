"""Spiking max-pooling, of one window a beat."""

from __future__ import annotations

from itertools import pairwise

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.numeric import unsigned_width
from hwsnn.spec import MAX_TIMESTEPS

from .checks import check_integer
from .counter import Counter

_INPUTS_A_STAGE = 16
"""Inputs of an OR of two look-up tables in a row, of four inputs each."""


class _Pool(wiring.Component):
    """What both pools share: their streams, and a pipeline that advances as a whole."""

    def __init__(self, channels: int, inputs: int) -> None:
        check_integer("channels", channels, 1)
        check_integer("inputs", inputs, 1)
        self._channels, self._inputs = channels, inputs
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(inputs * channels))),
                "o": Out(stream.Signature(unsigned(channels))),
            }
        )

    @property
    def channels(self) -> int:
        """Spikes of an output beat."""
        return self._channels

    @property
    def inputs(self) -> int:
        """Positions in the window."""
        return self._inputs

    def _advance(self, m: Module, stages: int) -> Signal:
        """Whether the pipeline moves on: it stands still while its output is not taken."""
        advance = Signal()
        valid = [self.i.valid, *(Signal(name=f"valid{stage}") for stage in range(1, self.latency + 1))]
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(advance),
            self.o.valid.eq(valid[-1]),
        ]
        with m.If(advance):
            m.d.sync += [after.eq(before) for before, after in pairwise(valid)]
        return advance


class OrPool(_Pool):
    """A spike wherever any input of the window spikes at this step.

    Parameters
    ----------
    channels : spikes of an output beat.
    inputs : positions in the window.

    Members
    -------
    ``i`` : stream of ``unsigned(inputs * channels)``; bit ``k * channels + c`` is channel c at the window's index k.
    ``o`` : stream of ``unsigned(channels)``.

    Latency: 1 clock for windows of up to 16 inputs, 2 up to 256, and so on. One beat a clock.

    Raises
    ------
    TypeError, ValueError : a parameter is not an integer of at least 1.
    """

    @property
    def latency(self) -> int:
        """Clocks from a window in to its spikes out."""
        stages = 1
        while _INPUTS_A_STAGE**stages < self._inputs:
            stages += 1
        return stages

    def elaborate(self, platform: object) -> Module:
        m = Module()
        advance = self._advance(m, self.latency)
        terms: list[Value] = [self.i.payload.word_select(k, self._channels) for k in range(self._inputs)]
        for stage in range(1, self.latency + 1):
            groups = [terms[k : k + _INPUTS_A_STAGE] for k in range(0, len(terms), _INPUTS_A_STAGE)]
            terms = [Signal(self._channels, name=f"any{stage}_{k}", reset_less=True) for k in range(len(groups))]
            with m.If(advance):
                for term, group in zip(terms, groups, strict=True):
                    m.d.sync += term.eq(_any(group))
        m.d.comb += self.o.payload.eq(terms[0])
        return m


def _any(terms: list[Value]) -> Value:
    total = terms[0]
    for term in terms[1:]:
        total = total | term
    return total


class WinnerPool(_Pool):
    """The spikes of the input that has fired most so far, this step included; ties go to the lowest index.

    Every input has a counter, which starts anew at a position's first step. The largest count is found in a tree of
    comparisons of two, a register after each.

    Parameters
    ----------
    channels : spikes of an output beat.
    inputs : positions in the window.
    timesteps : consecutive beats of a position, 1 to 256.

    Members
    -------
    ``i`` : stream of ``unsigned(inputs * channels)``; bit ``k * channels + c`` is channel c at the window's index k.
    ``o`` : stream of ``unsigned(channels)``.

    Latency: 1 + ceil(log2(inputs)) clocks. One beat a clock.

    Raises
    ------
    TypeError, ValueError : a parameter is not an integer in its range.
    """

    def __init__(self, channels: int, inputs: int, timesteps: int) -> None:
        check_integer("timesteps", timesteps, 1, MAX_TIMESTEPS)
        self._timesteps = timesteps
        super().__init__(channels, inputs)

    @property
    def timesteps(self) -> int:
        """Consecutive beats of a position."""
        return self._timesteps

    @property
    def latency(self) -> int:
        """Clocks from a window in to its spikes out."""
        return 1 + (self._inputs - 1).bit_length()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        advance = self._advance(m, self.latency)
        m.submodules.step = step = Counter(self._timesteps)
        m.d.comb += step.step.eq(advance & self.i.valid)
        first = Signal(init=1)
        with m.If(step.step):
            m.d.sync += first.eq(step.last)
        spikes = [self._channel(m, channel, advance, step.step, first) for channel in range(self._channels)]
        m.d.comb += self.o.payload.eq(Cat(spikes))
        return m

    def _channel(self, m: Module, channel: int, advance: Signal, step: Signal, first: Signal) -> Value:
        """One channel's counters and tree of comparisons: the winner's spike."""
        bits = unsigned_width(self._timesteps)

        def candidate(stage: int, index: int) -> tuple[Signal, Signal]:
            name = f"c{channel}_s{stage}_k{index}"
            return (
                Signal(bits, name=f"{name}_count", reset_less=True),
                Signal(name=f"{name}_spike", reset_less=True),
            )

        candidates = [candidate(0, index) for index in range(self._inputs)]
        with m.If(step):
            for index, (count, spike) in enumerate(candidates):
                fires = self.i.payload[index * self._channels + channel]
                m.d.sync += [count.eq(Mux(first, 0, count) + fires), spike.eq(fires)]
        stage = 0
        while len(candidates) > 1:
            stage += 1
            winners = [candidate(stage, index) for index in range((len(candidates) + 1) // 2)]
            with m.If(advance):
                for index, (count, spike) in enumerate(winners):
                    pair = candidates[2 * index : 2 * index + 2]
                    ahead = pair[-1][0] > pair[0][0]
                    m.d.sync += [
                        count.eq(Mux(ahead, pair[-1][0], pair[0][0])),
                        spike.eq(Mux(ahead, pair[-1][1], pair[0][1])),
                    ]
            candidates = winners
        return candidates[0][1]
