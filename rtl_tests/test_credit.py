# amaranth: UnusedElaboratable=no
"""Pipelines that end in a credit queue lose nothing, and lose no clock where the queue is deep enough."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.rtl.counter import Counter
from hwsnn.rtl.credit import CreditQueue
from hwsnn.sim.stream_bench import CaseResult, StreamCase, run_cases

BITS = 7


class Pipeline(wiring.Component):  # type: ignore[misc]
    """Gives every ``period``-th beat, ``clocks`` clocks later, out of a credit queue."""

    def __init__(self, clocks: int, period: int, depth: int) -> None:
        self.clocks, self.period, self.depth = clocks, period, depth
        payload = stream.Signature(unsigned(BITS))
        super().__init__({"i": In(payload), "o": Out(payload)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.beat = beat = Counter(self.period)
        m.submodules.queue = queue = CreditQueue(unsigned(BITS), self.depth)
        arriving = Signal(self.clocks)
        beats = Signal(self.clocks * BITS)
        m.d.comb += [
            self.i.ready.eq(queue.room),
            beat.step.eq(self.i.valid & self.i.ready),
            queue.enter.eq(beat.step & beat.last),
            queue.arrive.eq(arriving[-1]),
            queue.result.eq(beats[-BITS:]),
        ]
        m.d.sync += [arriving.eq(Cat(queue.enter, arriving)), beats.eq(Cat(self.i.payload, beats))]
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        return m


def _case(clocks: int, period: int, depth: int) -> StreamCase:
    name = f"{clocks}-{period}-{depth}"
    generator = random.Random(name)
    inputs = [generator.getrandbits(BITS) for _ in range(60 * period)]
    return StreamCase(name, Pipeline(clocks, period, depth), inputs, inputs[period - 1 :: period])


def _enough(clocks: int, period: int) -> int:
    return -(-(clocks + 1) // period) + 1


SHAPES = [(1, 1), (2, 1), (5, 1), (9, 1), (1, 2), (4, 2), (5, 2), (7, 3), (3, 10)]
FAST = [_case(clocks, period, _enough(clocks, period)) for clocks, period in SHAPES]
SLOW = [_case(clocks, 1, _enough(clocks, 1) - 1) for clocks in (1, 2, 5)]
SINGLE = [_case(3, 1, 1), _case(3, 2, 1)]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases([*FAST, *SLOW, *SINGLE], seed=2)


@pytest.mark.parametrize("case", [*FAST, *SLOW, *SINGLE], ids=lambda case: case.name)
def test_nothing_is_lost(case: StreamCase, results: dict[str, CaseResult]) -> None:
    assert results[case.name].error is None


@pytest.mark.parametrize("case", FAST, ids=lambda case: case.name)
def test_every_clock_is_used(case: StreamCase, results: dict[str, CaseResult]) -> None:
    clocks = results[case.name].input_clocks
    assert clocks == list(range(clocks[0], clocks[0] + len(case.inputs)))
    enter = clocks[case.component.period - 1]
    assert results[case.name].output_clocks[0] == enter + case.component.clocks + 1


@pytest.mark.parametrize("case", SLOW, ids=lambda case: case.name)
def test_fewer_places_cost_clocks(case: StreamCase, results: dict[str, CaseResult]) -> None:
    clocks = results[case.name].input_clocks
    assert clocks[-1] - clocks[0] > len(clocks) - 1


@pytest.mark.parametrize(("depth", "error"), [(0, ValueError), (2.0, TypeError)])
def test_init_wrong(depth: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=rf"^depth must be an integer of at least 1, not {depth}$"):
        CreditQueue(unsigned(1), depth)
