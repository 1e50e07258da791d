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
    passes of a window that is held, the same at every step, are alike.

    Of a convolution in groups, an output fold sees only the channels of its own group or groups: the sections of its
    slices. Where several output folds belong to one group, each gets the slices of that group anew.

    The window is kept in a register that rotates by one slice per cycle, so a slice is always the same bits of it.

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
        Channels of a group in a slice, at most all of them; where it does not divide them, the missing inputs are 0.
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
    channel_groups : int
        Groups that the channels fall into, in their order; they must divide them.
    sections : int
        Groups in a slice, at most all of them; where it does not divide them, the missing inputs are 0. The output
        folds go through the groups in their order, as many for each set of ``sections`` groups.

    Attributes
    ----------
    folds : int
        Input folds, of the channels of a group.
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
    o : valid-only stream out of ``unsigned(t_par * sections * taps * cin_par * bits)``
        Slices, for every pass in the order (g, k): output fold outer, input fold inner. Input
        ((t*sections + s)*taps + tap)*cin_par + d is channel k*cin_par + d of a tap in group s of the output fold's.

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
        channel_groups: int = 1,
        sections: int = 1,
    ) -> None:
        check_integer("taps", taps, 1)
        check_integer("channels", channels, 1)
        check_integer("bits", bits, 1)
        check_integer("steps", steps, 1)
        check_integer("channel_groups", channel_groups, 1, channels)
        if channels % channel_groups:
            raise ValueError(f"channel_groups must divide the {channels} channels, not {channel_groups!r}")
        check_integer("sections", sections, 1, channel_groups)
        check_integer("cin_par", cin_par, 1, channels // channel_groups)
        check_integer("t_par", t_par, 1, steps)
        check_integer("groups", groups, 1)
        check_integer("repeats", repeats, 1)
        check_integer("passes", passes, 1)
        check_integer("min_interval", min_interval, 0)
        self._taps, self._group_channels, self._bits, self._steps = taps, channels // channel_groups, bits, steps
        self._cin_par, self._t_par = cin_par, t_par
        self._repeats, self._passes, self._min_interval = repeats, passes, min_interval
        self._channel_groups, self._sections = channel_groups, sections
        self._sets = -(-channel_groups // sections)
        if groups % self._sets:
            raise ValueError(f"groups must be a multiple of the {self._sets} sets of sections, not {groups!r}")
        self._set_groups = groups // self._sets
        self.folds = -(-self._group_channels // cin_par)
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
                "o": Out(stream.Signature(unsigned(t_par * sections * taps * cin_par * bits), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        slice_bits = len(self.o.payload)
        set_bits = slice_bits * self.folds
        pass_bits = set_bits * self._sets
        window = Signal(pass_bits * (self.window_passes // self._repeats), reset_less=True)
        m.submodules.slice = index = ModuloCounter(self.pass_clocks)
        m.submodules.passes = window_pass = ModuloCounter(self.window_passes)
        repeats_sets = self._sets > 1 and self._set_groups > 1
        if repeats_sets:
            m.submodules.set_slice = set_slice = ModuloCounter(self._set_groups * self.folds)
            m.d.comb += set_slice.step.eq(self.o.valid)
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
        if repeats_sets:
            # A set rotates by itself, and makes room for the next one after its last output fold.
            rotated = window[:set_bits].rotate_right(slice_bits)
            with m.Elif(self.o.valid & set_slice.last):
                m.d.sync += window[:pass_bits].eq(Cat(window[set_bits:pass_bits], rotated))
            with m.Elif(self.o.valid):
                m.d.sync += window[:set_bits].eq(rotated)
        elif pass_bits > slice_bits:
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
        group_bits, part_bits = self._group_channels * self._bits, self._cin_par * self._bits

        def part(fold: int, step: int, group: int, tap: int) -> Value:
            if step >= self._steps or group >= self._channel_groups:
                return Const(0, part_bits)
            first = ((tap * self._steps + step) * self._channel_groups + group) * group_bits
            inputs = payload[first : first + group_bits][fold * part_bits :][:part_bits]
            return Cat(inputs, Const(0, part_bits - len(inputs)))

        return Cat(
            part(fold, first_step + step, first_group + section, tap)
            for first_step in range(0, self._steps, self._t_par)
            for first_group in range(0, self._channel_groups, self._sections)
            for fold in range(self.folds)
            for step in range(self._t_par)
            for section in range(self._sections)
            for tap in range(self._taps)
        )
