"""Modules that are written from runs of bits, against Amaranth's netlist of single bits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from amaranth.back import rtlil as amaranth_rtlil
from amaranth.hdl import Cat, Const, Module, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.rtl.axi.shell import AxiShell
from hwsnn.rtl.network import Pipeline
from hwsnn.rtl.serial.shell import SerialShell
from hwsnn.verilog import rtlil
from hwsnn.verilog.modules import ModuleSet
from hwsnn.verilog.runs import Value, constant, cut, extended, joined, shortened, width_of
from hwsnn.verilog.straight import NotStraightError
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_folding, random_network


def pipeline(make: Any, seed: int) -> Pipeline:
    network = make(seed)
    return Pipeline(network, random_folding(network, seed))


class Everything(wiring.Component):  # type: ignore[misc]  # Amaranth has no types
    """All that a straight module may have, in odd widths and with odd signs."""

    def __init__(self) -> None:
        inputs = {"a": In(3), "b": In(signed(5))}
        outputs = {"sums": Out(9), "parts": Out(signed(11)), "looked_up": Out(6), "same": Out(5), "nothing": Out(4)}
        super().__init__(inputs | outputs)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.table = table = memory.Memory(shape=6, depth=8, init=range(8))
        port = table.read_port()
        register, kept = Signal(signed(7), init=-3), Signal(4, init=9, reset_less=True)
        unused, undriven = Signal(3), Signal(2, init=2)
        sign = self.b[4]
        m.d.comb += [
            port.addr.eq(Cat(undriven[1], self.a[1:])),
            self.looked_up.eq(port.data),
            self.sums.eq((self.a + self.b) - (self.a.as_signed() + Const(-2, 4))),
            self.same.eq(self.b),
            unused.eq(self.a - 1),
        ]
        m.d.sync += [
            register.eq(Cat(self.b, sign, sign).as_signed() + Cat(self.a, Const(0, 3))),
            kept.eq(register),
            Cat(self.parts).eq(Cat(kept, Const(5, 4)).as_signed() + register),
        ]
        return m


DESIGNS: dict[str, Callable[[], Any]] = {
    **{f"network{seed}": partial(pipeline, random_network, seed) for seed in range(4)},
    **{f"graph{seed}": partial(pipeline, random_graph, seed) for seed in range(4)},
    "axi": lambda: AxiShell(random_network(2), pipeline(random_network, 2), "0" * 64),
    "serial": lambda: SerialShell(random_network(3), pipeline(random_network, 3), 8, "0" * 64),
    "everything": Everything,
}


@pytest.mark.parametrize("name", DESIGNS)
def test_text_is_that_of_amaranth_netlist(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    straight, compared = rtlil._straight, Counter[str]()

    def both(design: Any, written: Any) -> Any:
        try:
            contents = straight(design, written)
        except NotStraightError:
            compared["not straight"] += 1
            raise
        reference = amaranth_rtlil.Design(emit_src=False)
        assert contents == rtlil._by_netlist(design, reference)
        assert str(written) == str(reference)
        compared["straight"] += 1
        return contents

    monkeypatch.setattr(rtlil, "_straight", both)
    modules, top = ModuleSet(), DESIGNS[name]()
    modules.add(top, modules.elaborated(top))
    assert compared["straight"]
    assert name == "everything" or compared["not straight"]


def bits(value: Value) -> list[tuple[int | None, int]]:
    return [
        (None, first >> bit & 1) if source is None else (source, first + bit)
        for source, first, count in value
        for bit in range(count)
    ]


VALUES = [
    (),
    constant(0, 4),
    constant(-1, 3),
    constant(0b0101, 4),
    joined([(1, 0, 3), (1, 3, 2)]),
    joined([(1, 0, 3), (1, 2, 1), (1, 2, 1)]),
    joined([(1, 0, 1), (None, 2, 3), (2, 5, 4), (None, 0, 2)]),
    joined([(None, 1, 1), (None, 3, 2), (1, 1, 1)]),
]


def test_runs_are_as_few_as_can_be() -> None:
    assert joined([(1, 0, 3), (1, 3, 2), (None, 1, 1), (None, 1, 2), (2, 9, 0)]) == ((1, 0, 5), (None, 3, 3))


@pytest.mark.parametrize("value", VALUES)
def test_cut_takes_the_bits(value: Value) -> None:
    for start in range(width_of(value) + 1):
        for stop in range(start, width_of(value) + 1):
            assert bits(cut(value, start, stop)) == bits(value)[start:stop]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("sign", [False, True])
def test_extended_repeats_the_sign_and_shortened_takes_it_away(value: Value, sign: bool) -> None:
    for more in range(4):
        top = bits(value)[-1:] if sign and value else [(None, 0)]
        wide = extended(value, sign, width_of(value) + more)
        assert bits(wide) == bits(value) + top * more
        short = shortened(wide, sign)
        assert extended(short, sign, width_of(wide)) == wide or not short
        assert not short or shortened(short, sign) == short
        if not sign:
            assert bits(short)[-1:] != [(None, 0)]
        else:
            assert len(bits(short)) < 2 or bits(short)[-1] != bits(short)[-2]
