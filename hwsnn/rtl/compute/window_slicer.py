"""Splits windows into slices: the inputs that are multiplied by weights in one cycle."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..checks import check_integer
from ..stream.counter import ModuloCounter


class WindowSlicer(wiring.Component):
    """Splits windows into passes, and each pass into slices, one per cycle, which cannot be stalled.

    A pass makes one output beat: ``t_par`` time steps of a window. It goes through the output folds, and in each of
    them through the input folds. A pass begins when there is ``room`` for its result, and then runs to its end. All
    passes of a window that is held, the same at every step, are alike. The window is kept in a register that rotates
    by one slice per cycle, so a slice is always the same bits of it.

    Parameters
    ----------
    taps : int
        Taps of a window.
    channels : int
        Input channels of a tap.
    bits : int
        Bits of an input.
    steps : int
        Time steps per beat of windows; 1 for windows that are held.
    cin_par : int
        Channels in a slice, at most ``channels``; where it does not divide them, the missing inputs are 0.
    t_par : int
        Time steps in a slice, at most ``steps``; where it does not divide them, the missing steps are 0.
    groups : int
        Output folds.
    repeats : int
        How often a window that is held is output; 1 for others.
    passes : int
        Passes of an output pixel: those of a window, or of several consecutive windows.
    min_interval : int
        Minimum cycles from one pass of an output pixel to its next.

    Attributes
    ----------
    folds : int
        Input folds.
    window_passes : int
        Passes of a window.
    pass_clocks : int
        Cycles of a pass.

    Ports
    -----
    i : stream in of ``unsigned(taps * steps * channels * bits)``
        Windows, input (tap*steps + t)*channels + c.
    room : Signal(1), in
        Whether a pass may begin.
    begins : Signal(1), out
        A pass begins.
    o : valid-only stream out of ``unsigned(t_par * taps * cin_par * bits)``
        Slices, for every pass in the order (g, k): output fold outer, input fold inner. Input (t*taps + tap)*cin_par +
        d is channel k*cin_par + d of a tap.

    Timing
    ------
    Latency: 1 cycle. One slice per cycle, across windows too.
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
        min_interval: int = 0,
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
        check_integer("min_interval", min_interval, 0)
        self._taps, self._channels, self._bits, self._steps = taps, channels, bits, steps
        self._cin_par, self._t_par = cin_par, t_par
        self._repeats, self._passes, self._min_interval = repeats, passes, min_interval
        self.folds = -(-channels // cin_par)
        self.window_passes = -(-steps // t_par) * repeats
        self.pass_clocks = self.folds * groups
        self.latency = 1
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

    def elaborate(self, platform: object) -> Module:
        m = Module()
        slice_bits, pass_bits = len(self.o.payload), len(self.o.payload) * self.folds
        window = Signal(pass_bits * (self.window_passes // self._repeats), reset_less=True)
        m.submodules.slice = index = ModuloCounter(self.pass_clocks)
        m.submodules.passes = window_pass = ModuloCounter(self.window_passes)
        # A window's passes are counted as they begin: while ``held``, some of them have not begun.
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
        """A register: whether the previous pass lets another one begin."""
        m.submodules.position = position = ModuloCounter(self._passes)
        m.d.comb += position.step.eq(self.begins)
        interval = max(self._min_interval, self.pass_clocks)
        free = Signal(init=1, name="free")
        left = Signal(range(max(interval, 2)), name="clocks_left")  # cycles until a pass may begin, less 1
        last_cycles, other_cycles = self.pass_clocks - 1, interval - 1
        with m.If(self.begins):
            m.d.sync += [
                left.eq(Mux(position.last, last_cycles, other_cycles)),
                free.eq(Mux(position.last, last_cycles == 0, other_cycles == 0)),
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
