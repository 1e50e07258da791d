# amaranth: UnusedElaboratable=no
"""Adder trees and tables of constants against Python's own sums and look-ups."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import ClockDomain, Const, Module, Signal, signed, unsigned
from amaranth.sim import Simulator

from hwsnn.folding.synaptic_sums import tree_levels
from hwsnn.rtl.compute.adder_tree import AdderTree, RowRange, balanced_sum
from hwsnn.rtl.compute.rom import Rom, shape_of


def _simulate(component: Any, process: Any) -> None:
    finished = []

    async def bench(ctx: Any) -> None:
        await process(ctx)
        finished.append(True)

    m = Module()
    m.domains.sync = ClockDomain()
    m.submodules.component = component
    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run_until(1e-3)
    assert finished


def _range(low: list[int], high: list[int]) -> RowRange:
    return RowRange(np.array(low, np.int64), np.array(high, np.int64))


@pytest.mark.parametrize(("terms", "levels"), [(1, 0), (1, 2), (2, 1), (3, 2), (5, 3), (8, 3), (9, 5)])
def test_latency_is_the_number_of_levels(terms: int, levels: int) -> None:
    generator = random.Random(f"{terms} {levels}")
    ends = [sorted(generator.choices(range(-130, 131), k=2)) for _ in range(terms)]
    tree = AdderTree({f"t{n}": _range([low], [high]) for n, (low, high) in enumerate(ends)}, levels)
    beats = [[low for low, _ in ends], [high for _, high in ends]]
    beats += [[generator.randint(low, high) for low, high in ends] for _ in range(20)]

    async def process(ctx: Any) -> None:
        for clock in range(len(beats) + levels):
            for n, value in enumerate(beats[min(clock, len(beats) - 1)]):
                ctx.set(getattr(tree, f"t{n}"), value)
            if clock >= levels:
                assert ctx.get(tree.total) == sum(beats[clock - levels])
            await ctx.tick()

    _simulate(tree, process)


def test_total_is_as_wide_as_the_widest_row() -> None:
    # Row by row the sums lie from 0 to 7, although the terms alone reach 7 and 6.
    assert AdderTree({"a": _range([0, 0], [7, 1]), "b": _range([0, 0], [0, 6])}, 1).total.shape() == unsigned(3)
    assert AdderTree({"a": _range([0], [7]), "b": _range([-1], [1])}, 1).total.shape() == signed(5)


@pytest.mark.parametrize(("terms", "levels"), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (1024, 10), (1025, 11)])
def test_tree_levels(terms: int, levels: int) -> None:
    assert tree_levels(terms) == levels


def test_tree_init_wrong() -> None:
    with pytest.raises(ValueError, match=r"^terms must be at least one, not none$"):
        AdderTree({}, 1)
    with pytest.raises(ValueError, match=r"^levels must be at least 2, not 1$"):
        AdderTree({name: _range([0], [1]) for name in "abc"}, 1)


@pytest.mark.parametrize("terms", [1, 2, 3, 7, 8, 13])
def test_balanced_sum(terms: int) -> None:
    values = random.Random(terms).choices(range(-8, 8), k=terms)
    total = Signal(signed(16))
    m = Module()
    m.d.comb += total.eq(balanced_sum([Const(value, signed(4)) for value in values]))
    seen: list[int] = []

    async def bench(ctx: Any) -> None:
        seen.append(ctx.get(total))

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == [sum(values)]


def test_a_balanced_sum_grows_one_bit_per_level() -> None:
    for terms, bits in ((1, 1), (2, 2), (4, 3), (5, 4), (16, 5), (17, 6)):
        spikes = [Signal(name=f"spike_{n}") for n in range(terms)]
        assert balanced_sum(spikes).shape() == unsigned(bits)


@pytest.mark.parametrize("block", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (5, 1), (1, 8), (3, 4)])
def test_table(shape: tuple[int, int], block: bool) -> None:
    generator = np.random.default_rng(shape[0])
    columns = {
        "positive": generator.integers(0, 200, shape),
        "mixed": generator.integers(-70, 70, shape),
        "negative": generator.integers(-5, -1, shape),
        "zero": np.zeros(shape, np.int64),
    }
    table = Rom(columns, block=block)
    addresses = [divmod(n, shape[1]) for n in generator.integers(0, shape[0] * shape[1], 20).tolist()]

    async def process(ctx: Any) -> None:
        for clock in range(len(addresses) + table.latency):
            row, inputs = addresses[min(clock, len(addresses) - 1)]
            ctx.set(table.row, row)
            ctx.set(table.inputs, inputs)
            if clock >= table.latency:
                seen = {name: ctx.get(getattr(table, name)) for name in columns}
                assert seen == {name: column[addresses[clock - table.latency]] for name, column in columns.items()}
            await ctx.tick()

    _simulate(table, process)


@pytest.mark.parametrize(
    ("low", "high", "shape"),
    [(0, 0, unsigned(1)), (3, 8, unsigned(4)), (-1, 0, signed(1)), (-4, 3, signed(3)), (-4, 4, signed(4))],
)
def test_shape_of(low: int, high: int, shape: Any) -> None:
    assert shape_of(low, high) == shape


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([], r"columns must have one shape, not \[\]"),
        ([(2, 2), (2, 4)], r"columns must have one shape, not \[\(2, 2\), \(2, 4\)\]"),
        ([(4,)], r"columns must have the shape \(rows, a power of two\), not \(4,\)"),
        ([(0, 1)], r"columns must have the shape \(rows, a power of two\), not \(0, 1\)"),
        ([(2, 3)], r"columns must have the shape \(rows, a power of two\), not \(2, 3\)"),
        ([(2, 0)], r"columns must have the shape \(rows, a power of two\), not \(2, 0\)"),
    ],
)
def test_table_init_wrong(shapes: list[tuple[int, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        Rom({f"c{n}": np.zeros(shape, np.int64) for n, shape in enumerate(shapes)})
