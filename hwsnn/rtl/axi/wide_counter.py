"""Counters too wide for one adder per cycle."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..checks import check_integer

PART_BITS = 23
"""The widest part: with its carry it is the widest adder of the clock rule."""


class WideCounter(wiring.Component):
    """Counts cycles in which an event occurs, in parts that pass their carries on through registers.

    Lower parts wait for the higher ones, so that ``value`` is the count at one moment.

    Parameters
    ----------
    bits : int
        Width of the count, at least 1; it wraps to 0.
    part_bits : int
        Width of a part, 1 to ``PART_BITS``.

    Ports
    -----
    counts : Signal(1), in
        Whether to count this cycle.
    value : Signal(bits), out
        The count; 0 after reset.

    Timing
    ------
    Latency: 1 cycle, and 1 per part, from an event to the value that includes it.
    """

    def __init__(self, bits: int, part_bits: int = PART_BITS) -> None:
        check_integer("bits", bits, 1)
        check_integer("part bits", part_bits, 1, PART_BITS)
        self._bits, self._part_bits = bits, part_bits
        self._parts = -(-bits // part_bits)
        self.latency = 1 + self._parts
        super().__init__({"counts": In(1), "value": Out(bits)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        step = Signal(name="event_1")
        m.d.sync += step.eq(self.counts)
        values = []
        for index, first in enumerate(range(0, self._bits, self._part_bits)):
            part = Signal(min(self._part_bits, self._bits - first), name=f"part_{index}")
            carry = Signal(name=f"carry_{index}")
            m.d.sync += Cat(part, carry).eq(part + step)
            step, value = carry, part
            for cycle in range(1, self._parts - index):
                later = Signal.like(part, name=f"part_{index}_{cycle}")
                m.d.sync += later.eq(value)
                value = later
            values.append(value)
        m.d.comb += self.value.eq(Cat(values))
        return m
