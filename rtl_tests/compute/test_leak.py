# amaranth: UnusedElaboratable=no
"""Leaks against plain integers, and the signed digits that their products are made of."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from amaranth.hdl import ClockDomain, Const, Module, Signal, signed
from amaranth.sim import Simulator
from hypothesis import given
from hypothesis import strategies as st

from hwsnn.rtl.compute.leak import check_leak, leak_clocks, leaked, signed_digits
from hwsnn.spec import Leak, MultiplyLeak, NoLeak, ShiftLeak
from tests.support import oracle

BITS = 9
VALUES = [*range(-(1 << (BITS - 1)), 1 << (BITS - 1), 5), -1, (1 << (BITS - 1)) - 1]
LEAKS: list[Leak] = [
    NoLeak(),
    *map(ShiftLeak, (1, 3, 16)),
    *(MultiplyLeak(m, 8) for m in (0, 1, 2, 3, 5, 85, 128, 170, 171, 219, 230, 255)),
    MultiplyLeak(0, 1),
    MultiplyLeak(1, 1),
    MultiplyLeak(65535, 16),
    MultiplyLeak(0x5555, 16),
    MultiplyLeak(0xB6DB, 16),
]


@given(st.integers(0, 1 << 17))
def test_signed_digits(number: int) -> None:
    digits = signed_digits(number)
    places = [place for place, _ in digits]
    assert sum(digit << place for place, digit in digits) == number
    assert {digit for _, digit in digits} <= {-1, 1}
    assert all(above - below > 1 for above, below in pairwise(places)), "largest first, no two neighbours"


@given(st.integers(0, 1 << 16))
def test_no_more_signed_digits_than_ones(number: int) -> None:
    assert len(signed_digits(number)) <= number.bit_count()


@pytest.mark.parametrize(
    ("number", "digits"),
    [(0, []), (1, [(0, 1)]), (3, [(2, 1), (0, -1)]), (230, [(8, 1), (5, -1), (3, 1), (1, -1)]), (256, [(8, 1)])],
)
def test_some_signed_digits(number: int, digits: list[tuple[int, int]]) -> None:
    assert signed_digits(number) == digits


@pytest.mark.parametrize("leak", LEAKS, ids=repr)
def test_leaked_after_as_many_clocks_as_stated(leak: Leak) -> None:
    m = Module()
    m.domains.sync = ClockDomain()
    v = Signal(signed(BITS))
    rest = leaked(m, leak, v, "v")
    seen: list[int] = []

    async def bench(ctx: Any) -> None:
        for clock in range(len(VALUES) + leak_clocks(leak)):
            ctx.set(v, VALUES[clock] if clock < len(VALUES) else 0)
            if clock >= leak_clocks(leak):
                seen.append(ctx.get(rest))
            await ctx.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == [oracle.leaked(leak, value) for value in VALUES]


def test_leak_clocks() -> None:
    """One adder for a shift; a tree of adders over the digits of a product."""
    leaks: list[Leak] = [NoLeak(), ShiftLeak(2), *(MultiplyLeak(m, 16) for m in (0, 64, 5, 21, 85, 0x5555))]
    assert [leak_clocks(leak) for leak in leaks] == [0, 1, 0, 0, 1, 2, 2, 3]


@pytest.mark.parametrize("leak", [0.9, None, "shift", Const(1)], ids=str)
def test_wrong_leaks(leak: object) -> None:
    with pytest.raises(TypeError, match=r"^leak must be a NoLeak, ShiftLeak or MultiplyLeak, not "):
        check_leak(leak)
