"""Synaptic sums: slices of inputs in, input currents out."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.folding.synaptic_sums import SynapticSums

from ..checks import check_integer
from ..stream.counter import ModuloCounter
from ..stream.delay import delayed
from .accumulator import Accumulator
from .largest_ring import LargestRing
from .partial_sums import GatedSums, partial_sums
from .position_ring import PositionRing
from .rom import Rom

FRACTION_CLOCKS = 2
"""Cycles to look up a constant of an output fold."""


class Synapses(wiring.Component):
    """Multiplies slices of inputs by constant weights and adds up, without multipliers (see ``SynapticSums``).

    F slices make the currents of an output fold, G output folds make a pass. Where the layer has several positions (the
    pixels that a fully connected layer sees), the passes of the last one output the sums over all of them. Earlier ones
    have as many passes, or one whose sums count in all of them. The contribution of a slice goes through one
    accumulator per PE where F > 1, and with several positions through a ring of sums. Where the windows of a pool have
    one output, a ring keeps the largest of their sums, and the last window's slices output it. All of these are in
    units of a weight; the currents' fraction bits are put below the sum at the end.

    Parameters
    ----------
    sums : SynapticSums
        Of a layer.
    current_bits : int
        Bits of a current, at least what the weights and biases need.
    passes : int
        Passes of the last position, all with the same weights.
    early_passes : int
        Passes of each earlier position: as many, or one.
    taps : int
        Taps of a slice's windows, for people who read the Verilog.

    Attributes
    ----------
    latency : int
        Cycles from an output fold's last slice to its currents.

    Ports
    -----
    i : valid-only stream in of ``unsigned(slice_bits)``
        Slices, in the order (position, pass, g, k); of a pool (pass, window, g, k).
    o : valid-only stream out of ``ArrayLayout(signed(current_bits), lanes)``
        Currents, one per PE, in the order (pass, g).

    Timing
    ------
    Latency: ``latency`` cycles. One slice per cycle, without stalls.
    """

    def __init__(
        self, sums: SynapticSums, current_bits: int, passes: int = 1, early_passes: int | None = None, taps: int = 1
    ) -> None:
        check_integer("passes", passes, 1)
        early_passes = passes if early_passes is None else early_passes
        if early_passes not in (1, passes):
            raise ValueError(f"early_passes must be 1 or the {passes} passes, not {early_passes!r}")
        check_integer("current_bits", current_bits, sums.currents.width)
        self._sums, self._passes, self._early, self._taps = sums, passes, early_passes, taps
        self._sum_bits = max(current_bits - sums.fraction_bits, 1)
        self._positions, self._groups, self._folds, self._lanes, _ = sums.weights.shape
        self._keeps = self._positions > 1 and early_passes < passes
        self.latency = sums.latency
        self.here = {
            "P": self._positions,
            "G": self._groups,
            "F": self._folds,
            "lanes": self._lanes,
            "slice_bits": sums.slice_bits,
            "current_bits": current_bits,
        }
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(sums.slice_bits), always_ready=True)),
                "o": Out(stream.Signature(data.ArrayLayout(signed(current_bits), self._lanes), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.folds = fold = ModuloCounter(self._folds)
        m.submodules.groups = group = ModuloCounter(self._groups)
        m.submodules.passes = one_pass = ModuloCounter(self._passes if self._positions > 1 else 1)
        windows = self._sums.windows
        m.submodules.positions = position = ModuloCounter(max(self._positions, windows))
        m.d.comb += [
            fold.step.eq(self.i.valid),
            group.step.eq(fold.step & fold.last),
        ]
        if self._keeps:
            m.d.comb += [
                one_pass.step.eq(group.step & group.last & position.last),
                position.step.eq(group.step & group.last & (one_pass.last | ~position.last)),
            ]
        else:
            m.d.comb += [
                one_pass.step.eq(group.step & group.last),
                position.step.eq(one_pass.step & one_pass.last),
            ]
        first = Signal(init=1)  # the first position or window, where the ring begins
        with m.If(position.step):
            m.d.sync += first.eq(position.last)
        m.submodules.partial = partial = partial_sums(self._sums, self._taps)
        m.d.comb += [partial.inputs.eq(self.i.payload), partial.row.eq(self._row(m, one_pass, position))]
        if isinstance(partial, GatedSums):
            starts = Signal(name="starts_group", init=1)
            with m.If(self.i.valid):
                m.d.sync += starts.eq(fold.last)
            m.d.comb += [
                partial.group_index.eq(group.count),
                partial.starts.eq(starts if windows > 1 else starts & first),
            ]

        totals = [getattr(partial, f"lane_{lane}") for lane in range(self._lanes)]
        stage, given = self._sums.term_clocks + self._sums.levels, group.step
        if self._folds > 1:
            add, last = _flag(m, self.i.valid, "add", stage), _flag(m, group.step, "last", stage)
            totals = self._over_folds(m, totals, add, last)
            stage += 1
        if self._positions > 1 or windows > 1:
            m.submodules.ring = ring = self._ring()
            m.d.comb += [ring.part[lane].eq(total) for lane, total in enumerate(totals)]
            m.d.comb += [
                ring.add.eq(_flag(m, group.step, "ring_add", stage)),
                ring.first.eq(delayed(m, first, "ring_first", stage)),
            ]
            if isinstance(ring, PositionRing) and self._keeps:
                m.d.comb += ring.last.eq(delayed(m, position.last, "ring_last", stage))
            totals = [ring.total[lane] for lane in range(self._lanes)]
            given = group.step & position.last
            stage += ring.latency
        m.d.comb += self.o.valid.eq(_flag(m, given, "valid", stage))
        if self._sums.fraction_bits:
            fractions = self._fractions(m, delayed(m, group.count, "group", stage - FRACTION_CLOCKS))
            places = self._sums.fraction_bits
            totals = [(total << places) | fraction for total, fraction in zip(totals, fractions, strict=True)]
        m.d.comb += [self.o.payload[lane].eq(total) for lane, total in enumerate(totals)]
        return m

    def _fractions(self, m: Module, group: Value) -> list[Value]:
        """What belongs below each PE's sum, ``FRACTION_CLOCKS`` cycles after its output fold."""
        fractions = self._sums.fractions
        differ = [int(lane) for lane in np.flatnonzero((fractions != fractions[0]).any(axis=0))]
        found: list[Value] = [Const(int(fraction), self._sums.fraction_bits) for fraction in fractions[0]]
        if differ:
            m.submodules.fractions = table = Rom(
                {f"fraction_{lane}": fractions[:, lane, None] for lane in differ},
                holds="Column fraction_l is of PE l: the bits of its bias below the unit of the weights. Row g is "
                "output fold g.",
            )
            m.d.comb += table.row.eq(group)
            for lane in differ:
                found[lane] = getattr(table, f"fraction_{lane}")
        return found

    def _ring(self) -> PositionRing | LargestRing:
        """What joins the contributions of positions, or of windows."""
        if self._sums.windows > 1:
            return LargestRing(self._groups, self._lanes, self._sum_bits)
        return PositionRing(self._groups * self._early, self._lanes, self._sum_bits, keeps=self._keeps)

    def _row(self, m: Module, one_pass: ModuloCounter, position: ModuloCounter) -> Value:
        """The row of weights of the slice that arrives: each pass uses the rows of its position."""
        row_count = self._sums.row_count
        if self._positions == 1:
            m.submodules.rows = rows = ModuloCounter(row_count)
            m.d.comb += rows.step.eq(self.i.valid)
            return rows.count
        # The next row, and the first row of the position, are kept in registers.
        row, following, start = (
            Signal(range(row_count), name=name, init=init)
            for name, init in (("row", 0), ("next_row", 1), ("position_row", 0))
        )
        again = one_pass.step & ~one_pass.last
        over = position.step & position.last
        coming = Signal.like(row, name="coming_row")
        m.d.comb += coming.eq(Mux(over, 0, Mux(again, start, following)))
        with m.If(self.i.valid):
            m.d.sync += [row.eq(coming), following.eq(coming + 1)]
        with m.If(position.step):
            m.d.sync += start.eq(coming)
        return row

    def _over_folds(self, m: Module, totals: list[Value], add: Value, last: Value) -> list[Value]:
        starts = self._sums.bases.sum(axis=0) if self._sums.starts_from_bases else np.zeros(self._lanes, np.int64)
        for lane, total in enumerate(totals):
            accumulator = Accumulator(total.shape(), self._sum_bits, int(starts[lane]))
            m.submodules[f"lane_{lane}"] = accumulator
            m.d.comb += [accumulator.term.eq(total), accumulator.add.eq(add), accumulator.last.eq(last)]
            totals[lane] = accumulator.total
        return totals


def _flag(m: Module, value: Value, name: str, cycles: int) -> Value:
    """The flag some cycles later; a reset clears those in the pipeline."""
    return delayed(m, value, name, cycles, reset_less=False)
