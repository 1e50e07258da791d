"""Splits windows into slices: the inputs that are multiplied by weights in one cycle."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..checks import check_integer
from ..stream.counter import ModuloCounter


class WindowSlicer(wiring.Component):
    """Splits windows into passes, and each pass into slices, one per cycle, which cannot be stalled.

    A pass makes one output beat: ``t_par`` time steps of a window. It goes through the output folds, and in each of
    them through the input folds. A pass begins when there is ``room`` for its result, and then runs to its end. All
    passes of a window that is held, the same at every step, are alike. Of several positions that make an output pixel,
    only the last one's window then needs them all; an ``early`` one has one.

    Of a convolution in groups, an output fold sees only the channels of its own group or groups: the sections of its
    slices. Where several output folds belong to one group, each gets the slices of that group anew.

    Of a pool of currents, a window has all inputs of the projection's windows inside it. A pass goes through these one
    after the other, and in each of them through the output folds.

    Of several projections of a layer, each has a slicer. In an output fold, all take as many cycles as the one with the
    most slices; the others have a ``gap`` first, so that the last slices of all come together.

    A register keeps the window, slice by slice, so that a slice is always its lowest bits: it rotates by one slice per
    cycle where an output fold has several, and moves on by a pass where a window has several. Of a pool, these are the
    inputs of all windows, and a multiplexer takes those of one. The register is the cheaper, the more the windows
    overlap, and behind the multiplexer there is a register in any case: the address of a table.

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
    windows : sequence of sequences of int
        The taps of each of the projection's windows inside a window, equally many; none for all taps, in one window.
    gap : int
        Cycles of an output fold before its slices; only for a single one of ``windows``.
    partners : bool
        Whether ``room`` depends on other slicers, which must know whether this one ``waits``.
    has_early : bool
        Whether there are ``early`` windows; only with ``repeats``.

    Attributes
    ----------
    folds : int
        Input folds, of the channels of a group.
    window_passes : int
        Passes of a window.
    pass_clocks : int
        Cycles of a pass.
    remark : str
        How the register of the window moves.

    Ports
    -----
    i : stream in of ``unsigned(taps * steps * channels * bits)``
        Windows, input (tap*steps + t)*channels + c.
    room : Signal(1), in
        Whether a pass may begin.
    early : Signal(1), in
        Whether the next window has one pass, which belongs to no output pixel's; only with ``has_early``.
    begins : Signal(1), out
        A pass begins.
    waits : Signal(1), out
        A pass begins if there is room; only with ``partners``.
    o : valid-only stream out of ``unsigned(t_par * sections * taps * cin_par * bits)``
        Slices, for every pass in the order (window, g, k): output fold outer, input fold inner. Input
        ((t*sections + s)*taps + tap)*cin_par + d is channel k*cin_par + d of a tap in group s of the output fold's. The
        taps are those of one of ``windows``.

    Timing
    ------
    Latency: 1 cycle, and the gap. One slice per cycle, across windows too, without a gap.
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
        windows: Sequence[Sequence[int]] = (),
        gap: int = 0,
        partners: bool = False,
        has_early: bool = False,
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
        check_integer("gap", gap, 0, 0 if len(windows) > 1 else None)
        if has_early and repeats == 1:
            raise ValueError("has_early must be False where a window is not repeated, not True")
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
        self._windows = [list(window) for window in windows] or [list(range(taps))]
        if any(len(window) != len(self._windows[0]) or not set(window) <= set(range(taps)) for window in self._windows):
            raise ValueError(f"windows must each have as many of the {taps} taps, not {self._windows!r}")
        self._window_clocks = self.folds * groups
        self._gap, self._partners, self._has_early = gap, partners, has_early
        self.pass_clocks = (self.folds + gap) * groups * len(self._windows)
        self.latency = 1 + gap
        if passes % self.window_passes:
            raise ValueError(f"passes must be a multiple of the {self.window_passes} of a window, not {passes!r}")
        self.here = {"channels": channels, "groups": groups}
        rotates = self.folds > 1 or self._sets > 1
        moves = ["rotates by a slice per cycle"] * rotates
        moves += ["moves on by a pass"] * (self.window_passes // repeats > 1)
        moves = moves or ["only holds the window, which is one slice"]
        self.remark = f"This register {', and '.join(moves)}."
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(taps * steps * channels * bits))),
                "room": In(1),
                "begins": Out(1),
                "o": Out(
                    stream.Signature(
                        unsigned(t_par * sections * len(self._windows[0]) * cin_par * bits), always_ready=True
                    )
                ),
            }
            | ({"waits": Out(1)} if partners else {})
            | ({"early": In(1)} if has_early else {})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        slice_bits = self._t_par * self._sections * self._taps * self._cin_par * self._bits
        set_bits = slice_bits * self.folds
        pass_bits = set_bits * self._sets
        window = Signal(pass_bits * (self.window_passes // self._repeats), reset_less=True)
        m.submodules.slice = index = ModuloCounter(self._window_clocks)
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
            window_pass.step.eq(self._of_pixel(self.begins)),
            index.step.eq(self.o.valid),
        ]
        if self._partners:
            m.d.comb += self.waits.eq(free & (held | self.i.valid))
        ends = self._take(m, window[:slice_bits], index)
        running = self._running(m)
        with m.If(self.begins):
            m.d.sync += [running.eq(1), held.eq(self._of_pixel(~window_pass.last))]
        with m.Elif(ends):
            m.d.sync += running.eq(0)
        with m.If(~held & free):
            m.d.sync += window.eq(self._arranged(self.i.payload))
        if len(window) > pass_bits:
            # What partners say comes late in a cycle: the window then moves on as a pass ends, not as one begins.
            with m.Elif(self.o.valid & ends if self._partners else self.begins):
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

    def _running(self, m: Module) -> Value:
        """A register: whether a pass runs. Its slices are there in all of its cycles, or behind each fold's gap."""
        if not self._gap:
            return self.o.valid
        m.submodules.cycle = cycle = ModuloCounter(self.folds + self._gap)
        running = Signal(name="running")
        behind = Signal(name="behind_gap")
        m.d.comb += [cycle.step.eq(running), self.o.valid.eq(running & behind)]
        with m.If(running):
            m.d.sync += behind.eq(~cycle.last & (behind | (cycle.count == self._gap - 1)))
        return running

    def _take(self, m: Module, taps: Value, index: ModuloCounter) -> Value:
        """Output the taps of the window whose turn it is; whether the slice may be the last of a pass."""
        if len(self._windows) == 1:
            m.d.comb += self.o.payload.eq(taps)
            return index.last & self.o.valid if self._gap else index.last
        m.submodules.window = turn = ModuloCounter(len(self._windows))
        m.d.comb += turn.step.eq(index.step & index.last)
        part_bits, sets = self._cin_par * self._bits, self._t_par * self._sections
        with m.Switch(turn.count):
            for number, window in enumerate(self._windows):
                with m.Case(number):
                    m.d.comb += self.o.payload.eq(
                        Cat(taps.word_select(at * self._taps + tap, part_bits) for at in range(sets) for tap in window)
                    )
        return index.last & turn.last

    def _of_pixel(self, value: Value) -> Value:
        """The value where the next window is not early: its passes are those of an output pixel."""
        return value & ~self.early if self._has_early else value

    def _free(self, m: Module) -> Signal:
        """A register: whether the previous pass lets another one begin."""
        m.submodules.position = position = ModuloCounter(self._passes)
        m.d.comb += position.step.eq(self._of_pixel(self.begins))
        interval = max(self._min_interval, self.pass_clocks)
        free = Signal(init=1, name="free")
        left = Signal(range(max(interval, 2)), name="clocks_left")  # cycles until a pass may begin, less 1
        last_cycles, other_cycles = self.pass_clocks - 1, interval - 1
        last = position.last | self.early if self._has_early else position.last
        with m.If(self.begins):
            m.d.sync += [
                left.eq(Mux(last, last_cycles, other_cycles)),
                free.eq(Mux(last, last_cycles == 0, other_cycles == 0)),
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
