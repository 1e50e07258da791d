"""The spikes of a step, kept for the next one."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..checks import check_integer


class Feedback(wiring.Component):
    """A register of the spikes of all output folds of a pass: what comes back to a recurrent population.

    Parameters
    ----------
    groups : int
        Output folds.
    fold_bits : int
        Bits of an output fold.
    bits : int
        Bits of all channels; surplus bits of the last output fold are dropped.

    Ports
    -----
    i : valid-only stream in of ``unsigned(fold_bits)``
        Spikes, in the order (pass, g).
    first : Signal(1), in
        Whether the first step is next, before which there are no spikes.
    spikes : Signal(bits), out
        The spikes of the last pass, from one cycle after its last output fold to the first of the next pass.
    """

    def __init__(self, groups: int, fold_bits: int, bits: int) -> None:
        check_integer("groups", groups, 1)
        check_integer("fold_bits", fold_bits, 1)
        check_integer("bits", bits, 1, groups * fold_bits)
        self._register_bits = groups * fold_bits
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(fold_bits), always_ready=True)),
                "first": In(1),
                "spikes": Out(bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        before = Signal(self._register_bits, name="spikes_before", reset_less=True)
        with m.If(self.i.valid):
            m.d.sync += before.eq(Cat(before, self.i.payload)[len(self.i.payload) :])
        m.d.comb += self.spikes.eq(Mux(self.first, 0, before))
        return m
