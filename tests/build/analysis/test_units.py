"""Designs cut into units. Needs no tools."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsnn.build.analysis import units
from hwsnn.build.analysis.units import MARK, cut
from hwsnn.rtl.compute.rom import Rom
from hwsnn.verilog.emit import modules_of


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


def parts(design: wiring.Component) -> dict[str, str]:
    return {".".join(place): unit for place, unit in cut(modules_of(design)).items()}


@pytest.fixture
def finest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "SMALL", 0)


def test_small_modules_are_part_of_the_layer() -> None:
    assert list(parts(Layers({"a": [1, 2], "b": [3]}))) == ["", "a", "b"]


@pytest.mark.usefixtures("finest")
def test_large_modules_are_units() -> None:
    found = parts(Layers({"a": [1, 2], "b": [3]}))
    assert list(found) == ["", "a", "a.sum_0", "a.sum_1", "b", "b.sum_0"]
    assert found["a"].count("attribute \\blackbox 1\n") == 2


def test_small_modules_are_units_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = Layers({"a": [1, 2, 3], "b": [3]})
    one = len(modules_of(Sum("term", 3)).modules[0].converted.rtlil)
    monkeypatch.setattr(units, "CROWD", 2 * one)
    assert list(parts(layers)) == ["", "a", "a.sum_0", "a.sum_1", "a.sum_2", "b"]


@pytest.mark.usefixtures("finest")
def test_names_make_no_difference() -> None:
    found = parts(Layers({"a": [1, 2], "b": [1, 2], "c": [1, 3]}))
    assert found["a.sum_0"] == found["b.sum_0"] == found["c.sum_0"]
    assert found["a.sum_1"] != found["c.sum_1"]
    assert len({found[name] for name in found}) == 5, "the top, the layers, and constants 1, 2 and 3"


@pytest.mark.usefixtures("finest")
def test_what_is_in_a_black_box_is_no_part_of_the_text() -> None:
    found = parts(Layers({"a": [1, 2], "b": [4, 5]}))
    assert found["a"] == found["b"]


def test_what_is_in_a_small_module_is() -> None:
    found = parts(Layers({"a": [1, 2], "b": [1, 2], "c": [1, 3]}))
    assert found["a"] == found["b"] != found["c"]


def test_what_is_a_unit_of_one_module_may_be_part_of_another() -> None:
    """The top's parts are units; the same module in one of them is not."""

    class Both(wiring.Component):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__({"given": In(8), "total": Out(9), "layer_total": Out(8)})

        def elaborate(self, platform: object) -> Module:
            m = Module()
            m.submodules.alone = alone = Sum("term_0", 1)
            m.submodules.layer = layer = Sums([1])
            m.d.comb += [alone.term_0.eq(self.given), layer.given.eq(self.given)]
            m.d.comb += [self.total.eq(alone.term_0_sum), self.layer_total.eq(layer.total)]
            return m

    found = parts(Both())
    assert list(found) == ["", "alone", "layer"]
    assert found[""].count("attribute \\blackbox 1\n") == 2
    assert found["layer"].count("cell $add") == found["alone"].count("cell $add") == 1


def test_no_name_of_the_design_is_left() -> None:
    for unit in parts(Layers({"a": [1, 2]})).values():
        for name in ("given", "total", "sum_", "term_", "clk", "module_"):
            assert name not in unit


def test_every_name_has_the_mark() -> None:
    (unit,) = parts(Rom({"column": np.arange(8).reshape(1, 8)})).values()
    assert f"module \\{MARK}0\n" in unit
    assert f'parameter \\MEMID "\\\\{MARK}' in unit
    assert f"cell $dff ${MARK}" in unit


@pytest.mark.parametrize("block", [True, False])
def test_contents_of_block_memory_alone_do_not_matter(block: bool) -> None:
    def unit(numbers: list[int]) -> str:
        (part,) = parts(Rom({"column": np.array([numbers])}, block=block)).values()
        return part

    assert (unit([5, 3, 6, 0]) == unit([1, 2, 4, 7])) is block
    assert unit([5, 3, 6, 0]) != unit([5, 1, 4, 0]), "a bit is constant"
    assert unit([5, 3, 6, 0]) != unit([5, 3, 6, 0, 0, 0, 0, 0]), "another size"
