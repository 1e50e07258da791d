# amaranth: UnusedElaboratable=no
"""Between two clocks nothing is lost, torn or repeated, whatever their ratio; and nothing crosses by another way."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from amaranth.hdl import ClockDomain, Module, unsigned
from amaranth.sim import Simulator

from hwsnn.rtl.axi.clock_crossing import GrayCount, StreamCrossing, ValueCrossing
from hwsnn.rtl.axi.soft_reset import RESET_CYCLES, SoftReset

DOMAINS = {"write": "write", "read": "read"}
PERIODS = [(10, 10), (10, 7), (7, 10), (10, 23), (23, 10), (3, 50), (50, 3), (100, 101)]


def simulator_of(m: Module, periods: dict[str, int], phase: float = 0.3) -> Simulator:
    """A simulator with a clock a domain, of which the second is some nanoseconds late."""
    simulator = Simulator(m)
    for index, (domain, period) in enumerate(periods.items()):
        simulator.add_clock(period * 1e-9, phase=index * phase * 1e-9, domain=domain)
    return simulator


def around(part: Any, *domains: str) -> Module:
    """A module with the part and the domains that are not made elsewhere."""
    m = Module()
    m.domains += [ClockDomain(domain) for domain in domains]
    m.submodules.part = part
    return m


def run_crossing(
    periods: tuple[int, int], depth: int, beats: int, write_stalls: float, read_stalls: float
) -> tuple[list[int], list[float], list[float]]:
    """What comes out of a crossing where 0, 1, 2 and so on go in, and at which clock of their own both ends moved."""
    crossing = StreamCrossing(unsigned(16), depth, **DOMAINS)
    draw = random.Random(f"{periods} {depth}")
    out: list[int] = []
    clocks: tuple[list[float], list[float]] = ([], [])

    async def writing(ctx: Any) -> None:
        clock = beat = 0
        while beat < beats:
            if not ctx.get(crossing.i.valid):
                ctx.set(crossing.i.valid, draw.random() >= write_stalls)
                ctx.set(crossing.i.payload, beat)
            if ctx.get(crossing.i.valid) and ctx.get(crossing.i.ready):
                clocks[0].append(clock)
                beat += 1
                await ctx.tick("write")
                ctx.set(crossing.i.valid, 0)
            else:
                await ctx.tick("write")
            clock += 1

    async def reading(ctx: Any) -> None:
        held: int | None = None
        for clock in range(100 * beats + 100):
            ctx.set(crossing.o.ready, draw.random() >= read_stalls)
            valid, beat = ctx.get(crossing.o.valid), ctx.get(crossing.o.payload)
            assert held is None or (valid and beat == held), "a beat was withdrawn"
            held = beat if valid else None
            if valid and ctx.get(crossing.o.ready):
                out.append(beat)
                clocks[1].append(clock)
                held = None
            await ctx.tick("read")
            if len(out) == beats:
                break

    simulator = simulator_of(around(crossing, "write", "read"), dict(zip(DOMAINS, periods, strict=True)))
    simulator.add_testbench(writing)
    simulator.add_testbench(reading)
    simulator.run()
    return out, *clocks


@pytest.mark.parametrize("periods", PERIODS)
@pytest.mark.parametrize(("depth", "stalls"), [(4, (0.3, 0.3)), (16, (0.5, 0.1)), (16, (0.1, 0.5))])
def test_stream_crossing(periods: tuple[int, int], depth: int, stalls: tuple[float, float]) -> None:
    out, _, _ = run_crossing(periods, depth, 150, *stalls)
    assert out == list(range(150))


@pytest.mark.parametrize("periods", PERIODS)
def test_one_beat_per_cycle_of_the_slower_clock(periods: tuple[int, int]) -> None:
    out, written, read = run_crossing(periods, 16, 200, 0, 0)
    assert out == list(range(200))
    slower = written if periods[0] >= periods[1] else read
    steady = slower[20:]
    assert steady == list(range(int(steady[0]), int(steady[0]) + len(steady)))


@pytest.mark.parametrize("periods", PERIODS)
def test_latency(periods: tuple[int, int]) -> None:
    """A lone beat arrives 1 clock of the one and up to 5 of the other later."""
    _, written, read = run_crossing(periods, 16, 1, 0, 0)
    late = read[0] * periods[1] - written[0] * periods[0]
    assert late <= periods[0] + 5 * periods[1] + 1


@pytest.mark.parametrize("bits", [1, 2, 3, 5])
def test_gray_count(bits: int) -> None:
    """A step changes one bit, or what is seen of it elsewhere could be any number."""
    count, draw = GrayCount(bits), random.Random(bits)

    async def bench(ctx: Any) -> None:
        number, before = 0, 0
        for _ in range(8 << bits):
            gray = ctx.get(count.gray)
            assert ctx.get(count.count) == number
            assert gray == number ^ (number >> 1)
            assert (gray ^ before).bit_count() <= 1
            step = draw.random() < 0.7
            ctx.set(count.step, step)
            before, number = gray, (number + step) % (1 << bits)
            following = number if step else (number + 1) % (1 << bits)
            assert ctx.get(count.following) == following ^ (following >> 1)
            await ctx.tick()

    simulator = Simulator(count)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("periods", PERIODS)
def test_value_crossing(periods: tuple[int, int]) -> None:
    """What is shown was the value at one moment, not long before, and never an older one than before."""
    crossing = ValueCrossing(24, **DOMAINS)
    shown: list[tuple[int, int]] = []
    now = 0

    def value(clock: int) -> int:
        return clock * 0x10301 % (1 << 24)  # many bits change at a time

    async def writing(ctx: Any) -> None:
        nonlocal now
        while True:
            ctx.set(crossing.i, value(now))
            await ctx.tick("write")
            now += 1

    async def reading(ctx: Any) -> None:
        for _ in range(300 + 30 * periods[0] // periods[1]):
            shown.append((now, ctx.get(crossing.o)))
            await ctx.tick("read")

    simulator = simulator_of(around(crossing, "write", "read"), dict(zip(DOMAINS, periods, strict=True)))
    simulator.add_testbench(writing, background=True)
    simulator.add_testbench(reading)
    simulator.run()
    clock_of = {value(clock): clock for clock in range(now + 1)}
    ages = [moment - clock_of[seen] for moment, seen in shown]
    clocks = [clock_of[seen] for _, seen in shown]
    arrivals = [at for at in range(1, len(shown)) if clocks[at] != clocks[at - 1]]
    # It has lain still while the bit beside it settled, or some of its bits could be newer than others.
    assert min(ages[at] for at in arrivals[1:]) >= 2 * periods[1] / periods[0] - 1
    assert clocks == sorted(clocks)
    assert len(set(clocks)) > 5
    crossing_takes = 4 + 4 * periods[1] / periods[0]
    assert max(ages[len(ages) // 2 :]) <= 2 * crossing_takes + 1


@pytest.mark.parametrize("periods", PERIODS)
def test_soft_reset(periods: tuple[int, int]) -> None:
    """Whenever it is asked for: the pipeline is held for long enough behind every time, and let go before the rest."""
    reset, draw = SoftReset(), random.Random(str(periods))
    asked = False  # since the pipeline was last held for long enough
    rounds = 0

    async def axi(ctx: Any) -> None:
        nonlocal asked, rounds
        slower = 1 + periods[1] // periods[0]
        for ask in [False, True, *(draw.random() < 0.5 for _ in range(150))]:
            # Nothing, for a while or until long after a round; or to be asked for, for a clock or many.
            for _ in range(draw.choice([1, 2, 40 if ask else 50 * slower])):
                ctx.set(reset.ask, ask)
                asked |= ask
                was_resetting = ctx.get(reset.resetting)
                await ctx.tick()
                resetting = ctx.get(reset.resetting)
                assert resetting or not ask
                if was_resetting and not resetting:
                    rounds += 1
                    assert not asked
                    assert not ctx.get(reset.pipeline_resetting)

    async def pipeline(ctx: Any) -> None:
        nonlocal asked
        held = 0
        while True:
            held = held + 1 if ctx.get(reset.pipeline_resetting) else 0
            assert not held or ctx.get(reset.resetting)
            if held >= RESET_CYCLES and not ctx.get(reset.ask):
                asked = False
            await ctx.tick("pipeline")

    simulator = simulator_of(around(reset, "sync", "pipeline"), dict(zip(("sync", "pipeline"), periods, strict=True)))
    simulator.add_testbench(axi)
    simulator.add_testbench(pipeline, background=True)
    simulator.run()
    assert rounds > 8


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: StreamCrossing(8, 2, **DOMAINS),
            ValueError,
            "depth must be an integer of at least 4, not 2",
        ),
        (lambda: StreamCrossing(8, 12, **DOMAINS), ValueError, "depth must be a power of two, not 12"),
        (lambda: ValueCrossing(0, **DOMAINS), ValueError, "width must be an integer of at least 1, not 0"),
        (lambda: GrayCount(1.5), TypeError, "bits must be an integer of at least 1, not 1.5"),  # type: ignore[arg-type]
    ],
)
def test_init_wrong(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        make()
