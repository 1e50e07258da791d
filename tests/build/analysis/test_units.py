"""Designs cut into units. Needs no tools."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsnn.build.analysis import units
from hwsnn.build.analysis.units import Component, cut
from hwsnn.rtl.compute.rom import Rom


class Sum(wiring.Component):  # type: ignore[misc]
    """Adds ``constant`` to what ``name`` brings: the name is all that differs where constants are equal."""

    def __init__(self, name: str, constant: int) -> None:
        super().__init__({name: In(8), f"{name}_sum": Out(9)})
        self.names, self.constant = (name, f"{name}_sum"), constant

    def elaborate(self, platform: object) -> Module:
        m = Module()
        given, total = (getattr(self, name) for name in self.names)
        m.d.sync += total.eq(given + self.constant)
        return m


class Sums(wiring.Component):  # type: ignore[misc]
    """A chain of sums, one a constant."""

    def __init__(self, constants: list[int]) -> None:
        super().__init__({"given": In(8), "total": Out(8)})
        self.constants = constants

    def elaborate(self, platform: object) -> Module:
        m = Module()
        value = self.given
        for index, constant in enumerate(self.constants):
            name = f"term_{index}"
            m.submodules[f"sum_{index}"] = part = Sum(name, constant)
            m.d.comb += getattr(part, name).eq(value)
            value = getattr(part, f"{name}_sum")
        m.d.comb += self.total.eq(value)
        return m


class Layers(wiring.Component):  # type: ignore[misc]
    """Chains of sums beside each other."""

    def __init__(self, layers: dict[str, list[int]]) -> None:
        super().__init__({"given": In(8), **{f"{name}_total": Out(8) for name in layers}})
        self.layers = layers

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for name, constants in self.layers.items():
            m.submodules[name] = part = Sums(constants)
            m.d.comb += [part.given.eq(self.given), getattr(self, f"{name}_total").eq(part.total)]
        return m


def parts(design: wiring.Component) -> dict[str, Component]:
    return {".".join(path): part for path, part in cut(rtlil.convert(design, name="top"), "top").walk()}


@pytest.fixture
def finest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "SMALL", 0)


def test_small_modules_are_part_of_the_layer() -> None:
    assert list(parts(Layers({"a": [1, 2], "b": [3]}))) == ["", "a", "b"]


@pytest.mark.usefixtures("finest")
def test_large_modules_are_units() -> None:
    found = parts(Layers({"a": [1, 2], "b": [3]}))
    assert list(found) == ["", "a", "a.sum_0", "a.sum_1", "b", "b.sum_0"]
    assert found["a"].unit.text("").count("attribute \\blackbox 1\n") == 2


def test_small_modules_are_units_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = Layers({"a": [1, 2, 3], "b": [3]})
    one = len(rtlil.convert(Sum("term", 3), name="top"))
    monkeypatch.setattr(units, "CROWD", 2 * one)
    assert list(parts(layers)) == ["", "a", "a.sum_0", "a.sum_1", "a.sum_2", "b"]


@pytest.mark.usefixtures("finest")
def test_names_make_no_difference() -> None:
    found = parts(Layers({"a": [1, 2], "b": [1, 2], "c": [1, 3]}))
    assert found["a.sum_0"].unit == found["b.sum_0"].unit == found["c.sum_0"].unit
    assert found["a.sum_1"].unit != found["c.sum_1"].unit
    assert len({found[name].unit for name in found}) == 5, "the top, the layers, and constants 1, 2 and 3"


@pytest.mark.usefixtures("finest")
def test_what_is_in_a_black_box_is_no_part_of_the_text() -> None:
    found = parts(Layers({"a": [1, 2], "b": [4, 5]}))
    assert found["a"].unit == found["b"].unit


def test_what_is_in_a_small_module_is() -> None:
    found = parts(Layers({"a": [1, 2], "b": [1, 2], "c": [1, 3]}))
    assert found["a"].unit == found["b"].unit != found["c"].unit


def test_no_name_of_the_design_is_left() -> None:
    for part in parts(Layers({"a": [1, 2]})).values():
        for name in ("given", "total", "sum_", "term_", "clk"):
            assert name not in part.unit.text("")


def test_every_name_has_the_prefix() -> None:
    (part,) = parts(Rom({"column": np.arange(8).reshape(1, 8)})).values()
    plain, prefixed = part.unit.text(""), part.unit.text("07_")
    assert "module \\unit\n" in plain
    assert "module \\07_unit\n" in prefixed
    assert 'parameter \\MEMID "\\\\07_' in prefixed
    assert prefixed.replace("07_", "") == plain


@pytest.mark.parametrize("block", [True, False])
def test_contents_of_block_memory_alone_do_not_matter(block: bool) -> None:
    def unit(numbers: list[int]) -> str:
        (part,) = parts(Rom({"column": np.array([numbers])}, block=block)).values()
        return part.unit.text("")

    assert (unit([5, 3, 6, 0]) == unit([1, 2, 4, 7])) is block
    assert unit([5, 3, 6, 0]) != unit([5, 1, 4, 0]), "a bit is constant"
    assert unit([5, 3, 6, 0]) != unit([5, 3, 6, 0, 0, 0, 0, 0]), "another size"
