"""Bytes as words of streams, for benches of the accelerator's parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_tests.support.bits import packed


def words_of(values: Sequence[int], count: int) -> list[list[int]]:
    """Values in groups of ``count``, the last one filled up with 0."""
    groups = [list(values[first : first + count]) for first in range(0, len(values), count)]
    groups[-1] += [0] * (count - len(groups[-1]))
    return groups


def word(content: Sequence[int], keep: Sequence[int], last: int) -> int:
    """A word of ``word_layout`` as bits."""
    width = len(content)
    return packed(content, 8) | packed(keep, 1) << (8 * width) | last << (9 * width)


class Renamed(wiring.Component):  # type: ignore[misc]
    """A component with its streams called ``i`` and ``o``; a stream beside them is taken at once."""

    def __init__(self, component: Any, given: str, taken: str, beside: str = "") -> None:
        self._component, self._given, self._taken, self._beside = component, given, taken, beside
        shapes = [getattr(component, name).payload.shape() for name in (given, taken)]
        super().__init__({"i": In(stream.Signature(shapes[0])), "o": Out(stream.Signature(shapes[1]))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.part = self._component
        wiring.connect(m, wiring.flipped(self.i), getattr(self._component, self._given))
        wiring.connect(m, getattr(self._component, self._taken), wiring.flipped(self.o))
        if self._beside:
            m.d.comb += getattr(self._component, self._beside).ready.eq(1)
        return m
