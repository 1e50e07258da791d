# amaranth: UnusedElaboratable=no
"""Pipelines that end in a credit queue lose nothing, and lose no clock where the queue is deep enough."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import Module, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.rtl.stream.counter import ModuloCounter
from hwsnn.rtl.stream.credit import CreditFifo, CreditWrapper
from hwsnn.rtl.stream.delay import delayed
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

BITS = 7


class Spaced(wiring.Component):  # type: ignore[misc]
    """Lets a beat in every ``period`` clocks; ``clocks`` later it arrives at a credit queue."""

    def __init__(self, clocks: int, period: int, depth: int) -> None:
        self.clocks, self.period, self.depth = clocks, period, depth
        payload = stream.Signature(unsigned(BITS))
        super().__init__({"i": In(payload), "o": Out(payload)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.clock = clock = ModuloCounter(self.period)
        m.submodules.queue = queue = CreditFifo(unsigned(BITS), self.depth)
        # Counts on from a beat until the next one may enter.
        may_enter = clock.count == 0
        m.d.comb += [
            self.i.ready.eq(queue.room & may_enter),
            queue.enter.eq(self.i.valid & self.i.ready),
            clock.step.eq(queue.enter | ~may_enter),
            queue.arrive.eq(delayed(m, queue.enter, "arrives", self.clocks, reset_less=False)),
            queue.result.eq(delayed(m, self.i.payload, "beat", self.clocks)),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        return m


class Complement(wiring.Component):  # type: ignore[misc]
    """A pipeline that never stops: the beat's complement, some clocks later."""

    def __init__(self, clocks: int) -> None:
        self.latency = clocks
        payload = stream.Signature(unsigned(BITS), always_ready=True)
        super().__init__({"i": In(payload), "o": Out(payload)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += [
            self.o.valid.eq(delayed(m, self.i.valid, "valid", self.latency, reset_less=False)),
            self.o.payload.eq(delayed(m, (~self.i.payload)[:BITS], "beat", self.latency)),
        ]
        return m


def _beats(name: str) -> list[int]:
    generator = random.Random(name)
    return [generator.getrandbits(BITS) for _ in range(60)]


def _spaced(clocks: int, period: int, depth: int) -> StreamCase:
    name = f"{clocks}-{period}-{depth}"
    return StreamCase(name, Spaced(clocks, period, depth), _beats(name), _beats(name))


def _credited(clocks: int, depth: int) -> StreamCase:
    name = f"credited-{clocks}-{depth}"
    outputs = [beat ^ ((1 << BITS) - 1) for beat in _beats(name)]
    return StreamCase(name, CreditWrapper(Complement(clocks), depth), _beats(name), outputs)


def _enough(clocks: int, period: int) -> int:
    return -(-(clocks + 3) // period)


# clocks to the queue, clocks from a beat to the next
SHAPES = [(1, 1), (2, 1), (5, 1), (9, 1), (1, 2), (4, 2), (5, 2), (7, 3), (6, 3), (3, 10), (17, 5)]
FAST = [_spaced(clocks, period, _enough(clocks, period)) for clocks, period in SHAPES]
SLOW = [
    _spaced(clocks, period, _enough(clocks, period) - 1) for clocks, period in SHAPES if _enough(clocks, period) > 1
]
SINGLE = [_spaced(3, 1, 1), _spaced(6, 2, 1), _credited(2, 1)]
# 1 clock more than the latency is enough for a beat every clock.
CREDITED = [_credited(clocks, clocks + 3) for clocks in (1, 2, 6)]
CREDITED_SLOW = [_credited(clocks, clocks + 2) for clocks in (1, 6)]
CASES = [*FAST, *SLOW, *SINGLE, *CREDITED, *CREDITED_SLOW]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=2)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_is_lost(case: StreamCase, results: dict[str, CaseResult]) -> None:
    assert results[case.name].error is None


@pytest.mark.parametrize("case", FAST, ids=lambda case: case.name)
def test_every_cycle_is_used(case: StreamCase, results: dict[str, CaseResult]) -> None:
    result, clocks, period = results[case.name], case.component.clocks, case.component.period
    first = result.input_clocks[0]
    assert result.input_clocks == list(range(first, first + period * len(case.inputs), period))
    assert result.output_clocks == [clock + clocks + 2 for clock in result.input_clocks]


@pytest.mark.parametrize("case", SLOW, ids=lambda case: case.name)
def test_smaller_depth_costs_cycles(case: StreamCase, results: dict[str, CaseResult]) -> None:
    clocks = results[case.name].input_clocks
    assert clocks[-1] - clocks[0] > (len(clocks) - 1) * case.component.period


@pytest.mark.parametrize("case", [*CREDITED, *CREDITED_SLOW], ids=lambda case: case.name)
def test_credit_wrapper(case: StreamCase, results: dict[str, CaseResult]) -> None:
    result = results[case.name]
    assert result.output_clocks == [clock + case.component.latency for clock in result.input_clocks]
    first = result.input_clocks[0]
    every_clock = result.input_clocks == list(range(first, first + len(case.inputs)))
    assert every_clock == (case in CREDITED)


def test_properties() -> None:
    assert (CreditFifo(unsigned(1), 5).depth, CreditFifo(unsigned(1), 5).latency) == (5, 2)
    assert CreditWrapper(Complement(4), 1).latency == 6


@pytest.mark.parametrize(("depth", "error"), [(0, ValueError), (2.0, TypeError)])
def test_init_wrong(depth: Any, error: type[Exception]) -> None:
    message = rf"^depth must be an integer of at least 1, not {depth}$"
    with pytest.raises(error, match=message):
        CreditFifo(unsigned(1), depth)
    with pytest.raises(error, match=message):
        CreditWrapper(Complement(1), depth)
