"""The contribution of a slice to the current of each PE: by tables of partial sums, or by gated weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsnn.folding.distributed_arithmetic import MAX_LOGIC_ROWS
from hwsnn.folding.synaptic_sums import SynapticSums, largest_of, sums_range
from hwsnn.spec.integers import Int64Array

from ..stream.delay import DelayLine, delayed
from .adder_tree import AdderTree, RowRange
from .descriptions import described_adders, described_bases, described_biases, described_table, described_weights
from .rom import Rom, shape_of


@dataclass(frozen=True)
class _Term:
    """A term of a PE's sum, its name, and its range in each row of weights."""

    name: str
    value: Value
    bounds: RowRange


class TableSums(wiring.Component):
    """Distributed arithmetic: tables of partial sums, a table of bases, and one adder tree per PE.

    Each table is addressed by a few input bits and the row. It holds the sum of their weights, less the row's smallest.
    The bases put back what was taken off, and add the bias.

    Parameters
    ----------
    sums : SynapticSums
        Of a layer, ``table_bits`` not 0.
    taps : int
        Taps of a slice's windows, for people who read the Verilog.

    Ports
    -----
    inputs : Signal(slice_bits), in
        A slice; each PE sees a section of it.
    row : Signal(range(row_count)), in
        Its row of weights.
    lane_0, lane_1, ... : Signal(shape), out
        The slice's contribution to each PE's current, of the narrowest shape; without the base where
        ``starts_from_bases``.

    Timing
    ------
    Latency: ``term_clocks + levels`` cycles: for the terms, and for the adders. One slice per cycle, without stalls.
    """

    def __init__(self, sums: SynapticSums, taps: int = 1) -> None:
        self._sums, self._taps = sums, taps
        self.here = _here(sums)
        super().__init__(_ports(sums) | _lanes(sums))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        sums = self._sums
        terms = self._tables(m)
        lanes = [] if sums.starts_from_bases else _lanes_with(sums.bases)
        if lanes:
            m.submodules.bases = bases = _bases(
                {lane: sums.bases[:, lane, None] for lane in lanes}, described_bases(sums)
            )
            m.d.comb += bases.row.eq(delayed(m, self.row, "base_row", sums.term_clocks - bases.latency))
            _add_bases(sums, bases, lanes, terms)
        _add_up(m, self, sums, terms)
        return m

    def _tables(self, m: Module) -> list[list[_Term]]:
        """The terms of each PE."""
        sums, terms = self._sums, [list[_Term]() for _ in range(self._sums.lanes)]
        for index, table in enumerate(sums.tables):
            patterns = np.arange(1 << len(table.bits))[:, None] >> np.arange(len(table.bits)) & 1
            numbers = np.einsum("pb,rlb->lrp", patterns, table.weights)
            numbers -= numbers.min(axis=2, keepdims=True)
            feeds = np.flatnonzero(numbers.any(axis=(1, 2)))
            lanes = [int(lane) for lane in table.lanes[feeds]]
            columns = {f"lane_{lane}": numbers[at] for at, lane in zip(feeds, lanes, strict=True)}
            holds = described_table(sums, table, self._taps)
            m.submodules[f"table_{index}"] = rom = Rom(columns, block=sums.block, holds=holds)
            m.d.comb += [rom.row.eq(self.row), rom.inputs.eq(Cat(self.inputs[int(bit)] for bit in table.bits))]
            for at, lane, name in zip(feeds, lanes, columns, strict=True):
                weights = table.weights[:, at] << table.shift
                bounds = RowRange(np.zeros(len(weights), np.int64), np.abs(weights).sum(axis=1))
                terms[lane].append(_Term(f"table_{index}_{name}", getattr(rom, name) << table.shift, bounds))
        return terms


class GatedSums(wiring.Component):
    """Weights from a read-only memory, gated by each bit of their input, and one adder tree per PE.

    Parameters
    ----------
    sums : SynapticSums
        Of a layer, ``table_bits`` 0.
    taps : int
        As of ``TableSums``.

    Ports
    -----
    inputs, row, lane_0, ... : as of ``TableSums``
        The slice, its row, and its contributions.
    group_index : Signal(range(groups)), in
        The slice's output fold.
    starts : Signal(1), in
        Whether the slice is the first of its output fold, at the first position: the bias is added to it.

    Timing
    ------
    Latency: ``term_clocks + levels`` cycles: for the terms, and for the adders. One slice per cycle, without stalls.
    """

    def __init__(self, sums: SynapticSums, taps: int = 1) -> None:
        self._sums, self._taps = sums, taps
        self.here = _here(sums)
        super().__init__(_ports(sums) | {"group_index": In(range(len(sums.bias))), "starts": In(1)} | _lanes(sums))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        sums = self._sums
        terms = self._gates(m)
        lanes = [] if sums.starts_from_bases else _lanes_with(sums.whole_bias)
        if lanes:
            # Biases alone, by group, and 0 elsewhere: a short table for many rows.
            columns = np.stack([np.zeros_like(sums.bias), sums.whole_bias], axis=-1)
            m.submodules.bases = bases = _bases({lane: columns[:, lane] for lane in lanes}, described_biases(sums))
            waits = sums.term_clocks - bases.latency
            m.d.comb += [
                bases.row.eq(delayed(m, self.group_index, "base_row", waits)),
                bases.inputs.eq(delayed(m, self.starts, "base_input", waits)),
            ]
            _add_bases(sums, bases, lanes, terms)
        _add_up(m, self, sums, terms)
        return m

    def _gates(self, m: Module) -> list[list[_Term]]:
        """The terms of each PE."""
        sums, terms = self._sums, [list[_Term]() for _ in range(self._sums.lanes)]
        rows, bit_weights = sums.rows, sums.bit_weights
        synapses = [(int(lane), int(tap)) for lane, tap in np.argwhere(rows.any(axis=0))]
        if not synapses:
            return terms
        columns = {f"weight_{lane}_{tap}": rows[:, lane, tap, None] for lane, tap in synapses}
        holds = described_weights(sums, self._taps)
        m.submodules.weights = weights = Rom(columns, block=sums.block, holds=holds)
        m.d.comb += weights.row.eq(self.row)
        inputs = delayed(m, self.inputs, "inputs", sums.term_clocks - 1)
        for lane, tap in synapses:
            weight = getattr(weights, f"weight_{lane}_{tap}")
            for shift in range(sums.input_bits):
                bit = tap * sums.input_bits + shift
                gated = Signal(weight.shape(), name=f"gated_{lane}_{bit}", reset_less=True)
                m.d.sync += gated.eq(Mux(inputs[sums.section(lane) * sums.section_bits + bit], weight, 0))
                bounds = RowRange(*sums_range(bit_weights[:, lane, bit, None], 1))
                terms[lane].append(_Term(gated.name, gated << shift, bounds))
        return terms


class SharedSums(wiring.Component):
    """A graph of adders that the PEs share, with a register behind each; at the end each PE's bias is added.

    Number n_i is input i of the slice. Each number behind the inputs is the sum or difference of two others, one of
    them times a power of two. One that has to wait for the other goes through registers: n_i_at_k is that of stage k.

    Parameters
    ----------
    sums : SynapticSums
        Of a layer, ``shares_adders``.
    taps : int
        As of ``TableSums``.

    Ports
    -----
    inputs : Signal(slice_bits), in
        A slice.
    row : Signal(range(row_count)), in
        Its row, which is always 0.
    lane_0, lane_1, ... : Signal(shape), out
        The slice's contribution to each PE's current, of the narrowest shape, biases included.

    Timing
    ------
    Latency: ``term_clocks + levels`` cycles: for the inputs, and for the adders. One slice per cycle, without stalls.
    """

    def __init__(self, sums: SynapticSums, taps: int = 1) -> None:
        self._sums = sums
        self.here = _here(sums)
        self.remark = described_adders(sums, taps)
        super().__init__(_ports(sums) | _lanes(sums))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        sums, graph = self._sums, self._sums.adder_graph
        inputs, bits = len(graph.coefficients) - len(graph.adders), sums.input_bits
        used = {node for adder in graph.adders for node in (adder.left, adder.right)}
        used |= {total.node for total in graph.totals if total.node is not None}
        lines = dict[int, DelayLine]()

        def node(number: int, value: Value, stage: int) -> None:
            register = Signal(shape_of(*graph.bounds(number)), name=f"n_{number}", reset_less=True)
            m.d.sync += register.eq(value)
            lines[number] = DelayLine(m, register, f"n_{number}", stage)

        for number in range(inputs):
            if number in used:
                node(number, self.inputs.word_select(number, bits), 0)
        for number, adder in enumerate(graph.adders, inputs):
            stage, shift = graph.stages[number], adder.shift
            left, right = (lines[each].at(stage - 1) for each in (adder.left, adder.right))
            # The low bits of the left one need no adder. It may be narrower than that.
            sign = left[-1] if left.shape().signed else Const(0)
            low, high = Cat(left, sign.replicate(max(shift - len(left), 0)))[:shift], left >> shift
            added = high - right if adder.subtracts else high + right
            node(number, Cat(low, added) if shift else added, stage)
        biases = sums.whole_bias[0].tolist()
        for lane, (total, bias) in enumerate(zip(graph.totals, biases, strict=True)):
            given = getattr(self, f"lane_{lane}")
            if total.node is None:
                m.d.comb += given.eq(bias)
                continue
            value = lines[total.node].at(graph.depth) << total.shift
            register = Signal(given.shape(), name=f"total_{lane}")
            m.d.sync += register.eq(bias - value if total.negative else value + bias)
            m.d.comb += given.eq(register)
        return m


def partial_sums(sums: SynapticSums, taps: int = 1) -> TableSums | GatedSums | SharedSums:
    """Tables where address bits are left for inputs beside the row; gated weights elsewhere, or shared adders."""
    if sums.shares_adders:
        return SharedSums(sums, taps)
    return TableSums(sums, taps) if sums.table_bits else GatedSums(sums, taps)


def _here(sums: SynapticSums) -> dict[str, int]:
    return {
        "PEs": sums.lanes,
        "slice_bits": sums.slice_bits,
        "row_count": sums.row_count,
        "term_clocks": sums.term_clocks,
        "levels": sums.levels,
        "groups": len(sums.bias),
    }


def _ports(sums: SynapticSums) -> dict[str, Any]:
    return {"inputs": In(unsigned(sums.slice_bits)), "row": In(range(sums.row_count))}


def _lanes(sums: SynapticSums) -> dict[str, Any]:
    low, high = sums_range(sums.rows, sums.largest_input)
    if sums.table_bits:
        least, _ = sums_range(sums.rows, largest_of(sums.input_bits))
        low, high = low - least, high - least
    if not sums.starts_from_bases:
        low, high = low + sums.bases, high + sums.bases
    ends = zip(low.min(axis=0).tolist(), high.max(axis=0).tolist(), strict=True)
    return {f"lane_{lane}": Out(shape_of(*bounds)) for lane, bounds in enumerate(ends)}


def _lanes_with(numbers: Int64Array) -> list[int]:
    """The PEs, on the last axis, that have a number other than 0."""
    return [int(lane) for lane in np.flatnonzero(numbers.any(axis=0))]


def _bases(columns: dict[int, Int64Array], holds: str) -> Rom:
    rows = len(next(iter(columns.values())))
    named = {f"lane_{lane}": column for lane, column in columns.items()}
    return Rom(named, block=rows > MAX_LOGIC_ROWS, holds=holds)


def _add_bases(sums: SynapticSums, bases: Rom, lanes: list[int], terms: list[list[_Term]]) -> None:
    for lane in lanes:
        bounds = RowRange(sums.bases[:, lane], sums.bases[:, lane])
        terms[lane].append(_Term(f"base_{lane}", getattr(bases, f"lane_{lane}"), bounds))


def _add_up(m: Module, component: Any, sums: SynapticSums, terms: list[list[_Term]]) -> None:
    """An adder tree for each PE that has terms."""
    for lane, parts in enumerate(terms):
        if parts:
            m.submodules[f"tree_{lane}"] = tree = AdderTree({term.name: term.bounds for term in parts}, sums.levels)
            m.d.comb += [getattr(tree, term.name).eq(term.value) for term in parts]
            m.d.comb += getattr(component, f"lane_{lane}").eq(tree.total)
