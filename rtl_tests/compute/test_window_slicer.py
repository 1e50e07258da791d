# amaranth: UnusedElaboratable=no
"""Slices against plain nested loops; when passes begin, and that nothing begins without room."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from hwsnn.rtl.compute.window_slicer import WindowSlicer
from hwsnn.rtl.stream.counter import ModuloCounter
from rtl_tests.support.bits import packed
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

POSITIONS = 6


@dataclass(frozen=True)
class Setting:
    """What ``WindowSlicer`` takes, and how many windows a position has."""

    taps: int
    channels: int
    bits: int
    steps: int
    cin_par: int
    t_par: int
    groups: int
    repeats: int = 1
    windows: int = 1
    min_interval: int = 0
    channel_groups: int = 1
    sections: int = 1
    inside: tuple[tuple[int, ...], ...] = ()
    """Windows of a projection, by their taps; none for one of all taps."""
    gap: int = 0
    early: int = 0
    """Windows before each one that is repeated."""

    @property
    def name(self) -> str:
        shape = f"{self.taps}x{self.channels}x{self.bits}b-{self.steps}t-{self.channel_groups}in{self.sections}"
        fold = f"{self.cin_par}-{self.t_par}-{self.groups}-{self.repeats}x{self.windows}-{self.min_interval}"
        return f"{shape}-{fold}-{len(self.inside)}-{self.gap}-{self.early}"

    @property
    def taps_inside(self) -> tuple[tuple[int, ...], ...]:
        return self.inside or (tuple(range(self.taps)),)

    @property
    def group_channels(self) -> int:
        return self.channels // self.channel_groups

    @property
    def window_passes(self) -> int:
        return -(-self.steps // self.t_par) * self.repeats

    @property
    def passes(self) -> int:
        return self.window_passes * self.windows

    @property
    def folds(self) -> int:
        return -(-self.group_channels // self.cin_par)

    @property
    def pass_clocks(self) -> int:
        return (self.gap + self.folds) * self.groups * len(self.taps_inside)

    @property
    def slice_clocks(self) -> list[int]:
        """Cycles of a pass that have a slice: the last of each output fold."""
        return [clock for clock in range(self.pass_clocks) if clock % (self.gap + self.folds) >= self.gap]

    @property
    def intervals(self) -> list[int]:
        """The least cycles from each pass of an output pixel to the next, the early ones first."""
        within = max(self.pass_clocks, self.min_interval)
        return [self.pass_clocks] * self.early + [within] * (self.passes - 1) + [self.pass_clocks]

    def component(self) -> WindowSlicer:
        sizes = (self.taps, self.channels, self.bits, self.steps, self.cin_par, self.t_par, self.groups)
        grouped = self.channel_groups, self.sections
        waits = self.repeats, self.passes, self.min_interval
        return WindowSlicer(*sizes, *waits, *grouped, self.inside, self.gap, has_early=self.early > 0)

    def beats(self, positions: int) -> tuple[list[int], list[int]]:
        """Random windows, and the slices of all of them."""
        generator = random.Random(self.name)
        inputs, outputs = [], []
        for number in range(positions * (self.early + self.windows)):
            is_early = number % (self.early + 1) < self.early
            window = [
                [[generator.getrandbits(self.bits) for _ in range(self.channels)] for _ in range(self.steps)]
                for _ in range(self.taps)
            ]
            inputs.append(packed((entry for tap in window for step in tap for entry in step), self.bits))
            for _ in range(1 if is_early else self.repeats):
                for first in range(0, self.steps, self.t_par):
                    for taps, output_fold in product(self.taps_inside, range(self.groups)):
                        outputs += [
                            self._slice([window[tap] for tap in taps], first, output_fold, channel)
                            for channel in range(0, self.group_channels, self.cin_par)
                        ]
        return inputs, outputs

    def _slice(self, window: list[list[list[int]]], first: int, output_fold: int, channel: int) -> int:
        sets = -(-self.channel_groups // self.sections)
        group = output_fold // (self.groups // sets) * self.sections
        return packed(
            [
                tap[t][g * self.group_channels + c]
                if t < self.steps and g < self.channel_groups and c < self.group_channels
                else 0
                for t in range(first, first + self.t_par)
                for g in range(group, group + self.sections)
                for tap in window
                for c in range(channel, channel + self.cin_par)
            ],
            self.bits,
        )


class Roomy(wiring.Component):  # type: ignore[misc]
    """Slices that always have room. ``early``: windows before each one that is repeated."""

    def __init__(self, slices: WindowSlicer, early: int, repeats: int) -> None:
        self.slices, self.early, self.repeats = slices, early, repeats
        super().__init__(
            {
                "i": In(stream.Signature(slices.i.payload.shape())),
                "o": Out(stream.Signature(slices.o.payload.shape(), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.slices = self.slices
        wiring.connect(m, wiring.flipped(self.i), self.slices.i)
        wiring.connect(m, self.slices.o, wiring.flipped(self.o))
        m.d.comb += self.slices.room.eq(1)
        if self.early:
            m.submodules.passes = passes = ModuloCounter(self.early + self.repeats)
            m.d.comb += [passes.step.eq(self.slices.begins), self.slices.early.eq(passes.count < self.early)]
        return m


SETTINGS = [
    # One step, one pass a window: channel folds times groups.
    Setting(9, 4, 1, 1, 2, 1, 3),
    Setting(9, 5, 1, 1, 2, 1, 2),
    Setting(4, 3, 1, 1, 3, 1, 4),
    Setting(6, 7, 3, 1, 3, 1, 1),
    Setting(2, 1, 4, 1, 1, 1, 1),
    Setting(25, 3, 1, 1, 2, 1, 5),
    # All steps in a window, some of them in a pass; what does not divide is padded.
    Setting(4, 3, 1, 4, 2, 2, 2),
    Setting(4, 3, 1, 5, 2, 2, 2),
    Setting(3, 5, 1, 7, 2, 3, 1),
    Setting(3, 4, 1, 6, 4, 2, 1),
    Setting(1, 4, 1, 3, 3, 3, 2),
    Setting(2, 3, 1, 8, 3, 3, 1),
    # Inputs of several bits at every step.
    Setting(3, 5, 2, 7, 2, 3, 2),
    Setting(1, 4, 8, 1, 4, 1, 2),
    # Pixels, the same in every pass.
    Setting(4, 3, 8, 1, 2, 1, 2, repeats=3),
    Setting(4, 2, 4, 1, 2, 1, 1, repeats=4),
    Setting(1, 5, 8, 1, 5, 1, 3, repeats=2),
    # Passes that are too short for the neurons behind; several windows a position.
    Setting(4, 2, 1, 4, 2, 2, 1, min_interval=5),
    Setting(4, 3, 1, 5, 2, 2, 1, min_interval=3),
    Setting(4, 3, 1, 5, 2, 2, 1, min_interval=2),
    Setting(2, 3, 1, 2, 3, 1, 2, windows=3, min_interval=7),
    Setting(2, 3, 1, 1, 3, 1, 1, windows=4, min_interval=2),
    Setting(2, 3, 1, 1, 1, 1, 2, windows=2, min_interval=1),
    Setting(3, 2, 8, 1, 1, 1, 1, repeats=3, min_interval=4),
    Setting(3, 2, 1, 3, 1, 3, 1, min_interval=9),
    # Windows of a pool: two and four, apart and overlapping, of spikes and pixels, with folds, steps and intervals.
    Setting(2, 3, 1, 1, 3, 1, 1, inside=((0,), (1,))),
    Setting(4, 3, 1, 4, 2, 2, 2, inside=((0, 1), (1, 2), (2, 3))),
    Setting(16, 2, 1, 1, 1, 1, 2, inside=((0, 1, 4, 5), (1, 2, 5, 6), (4, 5, 8, 9), (5, 6, 9, 10))),
    Setting(5, 3, 4, 1, 3, 1, 1, repeats=3, inside=((0, 2), (2, 4)), min_interval=5),
    Setting(3, 4, 2, 3, 2, 1, 1, inside=((0, 1), (1, 2)), min_interval=7),
    Setting(3, 4, 1, 2, 1, 1, 4, channel_groups=2, inside=((0, 1), (1, 2))),
    Setting(4, 6, 1, 2, 1, 2, 3, channel_groups=3, inside=((0,), (1,), (2,), (3,))),
    # Groups: all in a slice; some, where the last set is padded; one, with one output fold or several; pixels too.
    Setting(2, 6, 1, 2, 2, 2, 1, channel_groups=3, sections=3),
    Setting(4, 5, 1, 1, 1, 1, 3, channel_groups=5, sections=2),
    Setting(2, 6, 1, 4, 2, 2, 2, channel_groups=2),
    Setting(3, 6, 1, 2, 2, 1, 4, channel_groups=2),
    Setting(2, 8, 1, 5, 1, 2, 8, channel_groups=4),
    Setting(1, 9, 2, 1, 2, 1, 6, repeats=3, channel_groups=3),
    Setting(2, 4, 4, 1, 1, 1, 12, repeats=2, channel_groups=4, min_interval=15),
    Setting(2, 8, 1, 3, 3, 2, 2, windows=2, channel_groups=2, min_interval=7),
    # Slices behind a gap in each output fold.
    Setting(2, 3, 1, 1, 3, 1, 1, gap=1),
    Setting(4, 3, 1, 5, 2, 2, 3, gap=2),
    Setting(3, 2, 4, 1, 1, 1, 2, repeats=3, gap=1, min_interval=9),
    Setting(2, 3, 1, 2, 2, 1, 2, windows=3, min_interval=14, gap=5),
    Setting(2, 8, 1, 5, 1, 2, 8, channel_groups=4, gap=1),
    # Early windows, which are taken once.
    Setting(1, 5, 8, 1, 5, 1, 3, repeats=2, early=1),
    Setting(1, 1, 8, 1, 1, 1, 1, repeats=4, early=5, min_interval=7),
    Setting(1, 4, 3, 1, 2, 1, 2, repeats=3, early=2, gap=2, min_interval=4),
]


def _case(setting: Setting) -> StreamCase:
    return StreamCase(
        setting.name, Roomy(setting.component(), setting.early, setting.repeats), *setting.beats(POSITIONS)
    )


CASES = [_case(setting) for setting in SETTINGS]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=3)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_window_slicer(setting: Setting, results: dict[str, CaseResult]) -> None:
    result = results[setting.name]
    assert result.error is None
    assert result.first_latency == setting.component().latency == 1 + setting.gap


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_passes_follow_each_other_at_their_distance(setting: Setting, results: dict[str, CaseResult]) -> None:
    """A pass runs through; its next begins at once, but rests within an output pixel."""
    expected: list[int] = []
    clock = results[setting.name].output_clocks[0] - setting.gap
    for _ in range(POSITIONS):
        for interval in setting.intervals:
            expected += [clock + offset for offset in setting.slice_clocks]
            clock += interval
    assert results[setting.name].output_clocks == expected


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_properties(setting: Setting) -> None:
    slices = setting.component()
    assert (slices.folds + setting.gap) * setting.groups * len(setting.taps_inside) == setting.pass_clocks
    assert (slices.window_passes, slices.pass_clocks) == (setting.window_passes, setting.pass_clocks)


@pytest.mark.parametrize("setting", [*SETTINGS[1::5], SETTINGS[-7], *SETTINGS[-3:]], ids=lambda setting: setting.name)
def test_nothing_begins_without_room(setting: Setting) -> None:
    slices, generator = setting.component(), random.Random(setting.name)
    inputs, outputs = setting.beats(POSITIONS)
    begun: list[int] = []
    seen: list[tuple[int, int]] = []

    async def bench(ctx: Any) -> None:
        left, clock, wanted = list(inputs), 0, len(outputs)
        while len(seen) < wanted:
            room = generator.random() < 0.4
            ctx.set(slices.room, room)
            if setting.early:
                ctx.set(slices.early, len(begun) % len(setting.intervals) < setting.early)
            ctx.set(slices.i.valid, bool(left))
            ctx.set(slices.i.payload, left[0] if left else 0)
            if ctx.get(slices.begins):
                assert room
                begun.append(clock)
            if ctx.get(slices.o.valid):
                seen.append((clock, ctx.get(slices.o.payload)))
            if left and ctx.get(slices.i.ready):
                assert ctx.get(slices.begins), "a window is taken as its first pass begins"
                left.pop(0)
            await ctx.tick()
            clock += 1

    _simulate(slices, bench)
    assert [beat for _, beat in seen] == outputs
    # Whatever has begun runs through, from the next clock on.
    assert [clock for clock, _ in seen] == [begin + 1 + offset for begin in begun for offset in setting.slice_clocks]
    assert len(begun) == POSITIONS * len(setting.intervals)
    distances = [after - before for before, after in pairwise(begun)]
    assert max(distances) > max(setting.pass_clocks, setting.min_interval), "some pass has waited"
    least = setting.intervals * POSITIONS
    assert all(distance >= shortest for distance, shortest in zip(distances, least, strict=False))


def test_a_slicer_with_partners_says_when_it_waits() -> None:
    """Whatever the room: a window is there, or has passes left, and the pass before is over."""
    slices, seen = WindowSlicer(**(RIGHT | {"partners": True, "groups": 3})), list[tuple[int, int, int]]()

    async def bench(ctx: Any) -> None:
        for clock in range(20):
            ctx.set(slices.room, clock in (5, 6, 7, 8, 9, 10, 11, 12, 13, 14))
            ctx.set(slices.i.valid, clock in (2, 3, 4, 5))
            seen.append((clock, ctx.get(slices.waits), ctx.get(slices.begins)))
            await ctx.tick()

    _simulate(slices, bench)
    assert [clock for clock, waits, _ in seen if waits] == [2, 3, 4, 5, 11]
    assert [clock for clock, _, begins in seen if begins] == [5, 11]
    assert "waits" not in WindowSlicer(**RIGHT).signature.members


def _simulate(component: Any, bench: Any) -> None:
    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


RIGHT: dict[str, Any] = {
    "taps": 1,
    "channels": 2,
    "bits": 1,
    "steps": 4,
    "cin_par": 1,
    "t_par": 2,
    "groups": 1,
    "passes": 2,
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"taps": 0}, "taps must be an integer of at least 1, not 0"),
        ({"channels": 0}, "channels must be an integer of at least 1, not 0"),
        ({"bits": 0}, "bits must be an integer of at least 1, not 0"),
        ({"steps": 0}, "steps must be an integer of at least 1, not 0"),
        ({"cin_par": 3}, "cin_par must be an integer from 1 to 2, not 3"),
        ({"cin_par": 2, "channel_groups": 2}, "cin_par must be an integer from 1 to 1, not 2"),
        ({"channel_groups": 3}, "channel_groups must be an integer from 1 to 2, not 3"),
        ({"channels": 3, "channel_groups": 2}, "channel_groups must divide the 3 channels, not 2"),
        ({"sections": 2}, "sections must be an integer from 1 to 1, not 2"),
        ({"channel_groups": 2}, "groups must be a multiple of the 2 sets of sections, not 1"),
        ({"t_par": 5}, "t_par must be an integer from 1 to 4, not 5"),
        ({"groups": -1}, "groups must be an integer of at least 1, not -1"),
        ({"repeats": 0}, "repeats must be an integer of at least 1, not 0"),
        ({"passes": 0}, "passes must be an integer of at least 1, not 0"),
        ({"min_interval": -1}, "min_interval must be an integer of at least 0, not -1"),
        ({"passes": 3}, "passes must be a multiple of the 2 of a window, not 3"),
        ({"repeats": 3}, "passes must be a multiple of the 6 of a window, not 2"),
        ({"has_early": True}, "has_early must be False where a window is not repeated, not True"),
        ({"gap": -1}, "gap must be an integer of at least 0, not -1"),
        ({"taps": 2, "windows": [[0], [1]], "gap": 1}, "gap must be an integer from 0 to 0, not 1"),
        ({"windows": [[1]]}, r"windows must each have as many of the 1 taps, not \[\[1\]\]"),
        ({"taps": 2, "windows": [[1], [0, 1]]}, r"windows must each have as many of the 2 taps, not .*"),
    ],
)
def test_init_wrong(changes: dict[str, Any], message: str) -> None:
    assert WindowSlicer(**RIGHT).pass_clocks == 2
    with pytest.raises(ValueError, match=f"^{message}$"):
        WindowSlicer(**(RIGHT | changes))


def test_init_wrong_kind() -> None:
    with pytest.raises(TypeError, match=r"^taps must be an integer of at least 1, not 2\.0$"):
        WindowSlicer(**(RIGHT | {"taps": 2.0}))
