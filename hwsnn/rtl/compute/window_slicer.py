"""Cuts windows into the slices that meet their weights in one clock."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..checks import check_integer
from ..stream.counter import ModuloCounter


class WindowSlicer(wiring.Component):
    """Takes windows apart into passes, and each pass into slices, one a clock, which nothing can stop.

    A pass is what makes one output beat: ``t_par`` time steps of a window. In it each output group has its turn, and
    each part of the input channels in each turn. A pass begins when there is ``room`` for what it makes, and then runs
    through. A window of pixels is the same at every step: all its passes are alike.

    Parameters
    ----------
    taps : positions in a window.
    channels : channels at a position.
    bits : bits of an input.
    steps : time steps in a beat of windows; 1 for pixels.
    cin_par : channels in a slice, at most ``channels``; where it does not divide them, the missing inputs are 0.
    t_par : time steps in a slice, at most ``steps``; where it does not divide them, the missing steps are 0.
    groups : output groups.
    repeats : how often a window of pixels is given; 1 for spikes.
    passes : passes of a position: those of a window, or of several windows in a row.
    rest : clocks, at least, from one pass of a position to its next.

    Members
    -------
    ``i`` : stream of ``unsigned(taps * steps * channels * bits)``, windows; entry (tap*steps + t)*channels + c.
    ``room`` : in; whether a pass may begin.
    ``begins`` : out; a pass begins.
    ``o`` : flow (a stream that is always ready) of ``unsigned(t_par * taps * cin_par * bits)``, slices; for every pass
        in the order (g, k), output group outer, input fold inner; entry (t*taps + tap)*cin_par + d is channel
        k*cin_par + d of a tap.

    The window lies in a register that turns by one slice a clock, so a slice is always the same bits of it.

    Latency: 1 clock. One slice a clock, across windows too.

    Raises
    ------
    TypeError, ValueError : a parameter is not an integer in its range.
    """

    def __init__(
        self,
        taps: int,
        channels: int,
        bits: int,
        steps: int,
        cin_par: int,
        t_par: int,
        groups: int,
        repeats: int = 1,
        passes: int = 1,
        rest: int = 0,
    ) -> None:
        check_integer("taps", taps, 1)
        check_integer("channels", channels, 1)
        check_integer("bits", bits, 1)
        check_integer("steps", steps, 1)
        check_integer("cin_par", cin_par, 1, channels)
        check_integer("t_par", t_par, 1, steps)
        check_integer("groups", groups, 1)
        check_integer("repeats", repeats, 1)
        check_integer("passes", passes, 1)
        check_integer("rest", rest, 0)
        self._taps, self._channels, self._bits, self._steps = taps, channels, bits, steps
        self._cin_par, self._t_par, self._groups = cin_par, t_par, groups
        self._repeats, self._passes, self._rest = repeats, passes, rest
        if passes % self.window_passes:
            raise ValueError(f"passes must be a multiple of the {self.window_passes} of a window, not {passes!r}")
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(taps * steps * channels * bits))),
                "room": In(1),
                "begins": Out(1),
                "o": Out(stream.Signature(unsigned(t_par * taps * cin_par * bits), always_ready=True)),
            }
        )

    @property
    def groups(self) -> int:
        """Output groups."""
        return self._groups

    @property
    def folds(self) -> int:
        """Slices that make up a window's channels."""
        return -(-self._channels // self._cin_par)

    @property
    def window_passes(self) -> int:
        """Passes of a window."""
        return -(-self._steps // self._t_par) * self._repeats

    @property
    def pass_clocks(self) -> int:
        """Clocks of a pass."""
        return self.folds * self._groups

    @property
    def latency(self) -> int:
        """Clocks from a window in to its first slice out."""
        return 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        slice_bits, pass_bits = len(self.o.payload), len(self.o.payload) * self.folds
        window = Signal(pass_bits * (self.window_passes // self._repeats), reset_less=True)
        m.submodules.slice = index = ModuloCounter(self.pass_clocks)
        m.submodules.passes = window_pass = ModuloCounter(self.window_passes)
        # A window's passes are counted as they begin: while ``held``, some of them are still to come.
        held = Signal()
        free = self._free(m)
        m.d.comb += [
            self.i.ready.eq(free & self.room & ~held),
            self.begins.eq(free & self.room & (held | self.i.valid)),
            window_pass.step.eq(self.begins),
            index.step.eq(self.o.valid),
            self.o.payload.eq(window[:slice_bits]),
        ]
        with m.If(self.begins):
            m.d.sync += [self.o.valid.eq(1), held.eq(~window_pass.last)]
        with m.Elif(index.last):
            m.d.sync += self.o.valid.eq(0)
        with m.If(~held & free):
            m.d.sync += window.eq(self._arranged(self.i.payload))
        if len(window) > pass_bits:
            with m.Elif(self.begins):
                m.d.sync += window.eq(window[pass_bits:])
        if self.folds > 1:
            with m.Elif(self.o.valid):
                m.d.sync += window[:pass_bits].eq(window[:pass_bits].rotate_right(slice_bits))
        return m

    def _free(self, m: Module) -> Signal:
        """A register: whether a pass may begin as far as the one before is concerned."""
        m.submodules.position = position = ModuloCounter(self._passes)
        m.d.comb += position.step.eq(self.begins)
        rest = max(self._rest, self.pass_clocks)
        free = Signal(init=1, name="free")
        left = Signal(range(max(rest, 2)), name="clocks_left")  # until a pass may begin, less 1
        last_clocks, other_clocks = self.pass_clocks - 1, rest - 1
        with m.If(self.begins):
            m.d.sync += [
                left.eq(Mux(position.last, last_clocks, other_clocks)),
                free.eq(Mux(position.last, last_clocks == 0, other_clocks == 0)),
            ]
        with m.Elif(~free):
            m.d.sync += [left.eq(left - 1), free.eq(left == 1)]
        return free

    def _arranged(self, payload: Value) -> Value:
        """A window's passes side by side, in each its slices, the first in the low bits."""
        tap_bits, part_bits = self._channels * self._bits, self._cin_par * self._bits
        filler = Const(0, self.folds * part_bits - tap_bits)
        nothing = Const(0, self.folds * part_bits)
        padded = -(-self._steps // self._t_par) * self._t_par

        def inputs(tap: int, step: int) -> Value:
            if step >= self._steps:
                return nothing
            return Cat(payload[(tap * self._steps + step) * tap_bits :][:tap_bits], filler)

        at = [[inputs(tap, step) for tap in range(self._taps)] for step in range(padded)]
        return Cat(
            tap[fold * part_bits :][:part_bits]
            for first in range(0, padded, self._t_par)
            for fold in range(self.folds)
            for step in at[first : first + self._t_par]
            for tap in step
        )
