"""Sums of numbers of spikes."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.folding.synaptic_sums import tree_levels

from ..checks import check_integer
from ..stream.delay import delayed
from .signed_sum import signed_sum


class SpikeSum(wiring.Component):
    """Adds up numbers of spikes, entry by entry: a tree of adders with a register behind each, which never stalls.

    Parameters
    ----------
    entries : int
        Numbers in a beat: those of all channels and steps.
    bits : sequence of int
        Bits of a number of each beat that is added, at least one beat.
    sum_bits : int
        Bits of a sum, enough for all of it.

    Ports
    -----
    i : valid-only stream in of ``unsigned(entries * sum(bits))``
        The beats to add up, side by side, the first in the low bits.
    o : valid-only stream out of ``unsigned(entries * sum_bits)``
        The sums.

    Timing
    ------
    Latency: ``latency`` cycles, one for each level of the tree. One sum per entry and cycle.
    """

    def __init__(self, entries: int, bits: Sequence[int], sum_bits: int) -> None:
        check_integer("entries", entries, 1)
        check_integer("beats", len(bits), 1)
        for width in bits:
            check_integer("bits", width, 1)
        check_integer("sum_bits", sum_bits, 1)
        self._entries, self._bits, self._sum_bits = entries, list(bits), sum_bits
        self.latency = tree_levels(len(bits))
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(entries * sum(bits)), always_ready=True)),
                "o": Out(stream.Signature(unsigned(entries * sum_bits), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        places = [self._entries * sum(self._bits[:number]) for number in range(len(self._bits))]
        sums = []
        for entry in range(self._entries):
            parts = [
                self.i.payload[place + entry * width :][:width] for place, width in zip(places, self._bits, strict=True)
            ]
            total = Signal(self._sum_bits, name=f"total_{entry}")
            m.d.comb += total.eq(signed_sum(m, [(part, 1) for part in parts], f"sum_{entry}"))
            sums.append(total)
        m.d.comb += [
            self.o.valid.eq(delayed(m, self.i.valid, "added", self.latency, reset_less=False)),
            self.o.payload.eq(Cat(sums)),
        ]
        return m
