# amaranth: UnusedElaboratable=no
"""Queues: order, capacity, and a ready that no stall downstream reaches within the clock."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import signed, unsigned
from amaranth.lib import data
from amaranth.sim import Simulator

from hwsnn.rtl.stream.fifo import SkidBuffer, StreamFifo
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

BEATS = 100
DEPTHS = [1, 2, 3, 4, 5, 8, 17, 64]


def _case(depth: int) -> StreamCase:
    beats = [random.Random(depth + index).getrandbits(7) for index in range(BEATS)]
    return StreamCase(f"depth{depth}", StreamFifo(signed(7), depth), beats, beats)


SKID_BEATS = list(range(BEATS))
CASES = [*(_case(depth) for depth in DEPTHS), StreamCase("skid", SkidBuffer(7), SKID_BEATS, SKID_BEATS)]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=5)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_order_rate_and_latency(case: StreamCase, results: dict[str, CaseResult]) -> None:
    result = results[case.name]
    assert result.error is None
    if case.component.latency == 2 and case.component.depth < 3:
        return  # it takes a beat's place two clocks to be free again
    start = result.input_clocks[0]
    assert result.input_clocks == list(range(start, start + BEATS))
    assert result.output_clocks == [clock + case.component.latency for clock in result.input_clocks]


def test_stated_latency() -> None:
    assert [StreamFifo(1, depth).latency for depth in (1, 2, 3, 64)] == [2, 2, 2, 2]
    assert SkidBuffer(1).latency == 1


@pytest.mark.parametrize("shape", [signed(5), unsigned(5), data.ArrayLayout(signed(3), 4)])
def test_shape_is_kept(shape: Any) -> None:
    fifo = StreamFifo(shape, 4)
    assert fifo.i.payload.shape() == fifo.o.payload.shape() == shape


@pytest.mark.parametrize("depth", DEPTHS)
def test_capacity_and_cut(depth: int) -> None:
    _fills_and_cuts(StreamFifo(8, depth), depth)


def test_skid_holds_two() -> None:
    _fills_and_cuts(SkidBuffer(8), 2)


def _fills_and_cuts(fifo: Any, depth: int) -> None:
    """It takes ``depth`` beats and gives them in order; its ready does not follow the output's within the clock."""
    taken: list[int] = []
    cut: list[bool] = []

    async def bench(ctx: Any) -> None:
        ctx.set(fifo.i.valid, 1)
        for _ in range(depth + 5):
            ctx.set(fifo.i.payload, len(taken))
            if ctx.get(fifo.i.ready):
                taken.append(len(taken))
            await ctx.tick()
        ctx.set(fifo.o.ready, 1)
        cut.append(not ctx.get(fifo.i.ready))
        ctx.set(fifo.i.valid, 0)
        for beat in range(depth):
            assert ctx.get(fifo.o.valid)
            assert ctx.get(fifo.o.payload) == beat
            await ctx.tick()
        assert not ctx.get(fifo.o.valid)

    simulator = Simulator(fifo)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert len(taken) == depth
    assert cut == [True]


@pytest.mark.parametrize(("depth", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError)])
def test_init_wrong(depth: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"^depth must be an integer of at least 1, not {depth}$"):
        StreamFifo(8, depth)
