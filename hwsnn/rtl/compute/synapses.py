"""Synaptic sums: slices of inputs in, input currents out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.folding.distributed_arithmetic import ADDRESS_BITS, MAX_LOGIC_ROWS, bits_per_table, in_block_memory
from hwsnn.folding.folding import Sums
from hwsnn.spec.integers import IntArray, signed_width

from ..checks import check_integer
from ..stream.counter import ModuloCounter
from ..stream.delay import delayed
from .adder_tree import AdderTree, RowRange, tree_levels
from .rom import Rom

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Term:
    """A part of a lane's sum, its name, and where it lies in each row of weights."""

    name: str
    value: Value
    lies: RowRange


class Synapses(wiring.Component):
    """Multiplies slices of inputs with constant weights and adds up.

    F slices make the currents of an output group, G groups a pass; where the layer has several positions (the pixels
    that a fully connected layer sees), the passes of the last one give the sums over all of them.

    There are no multipliers. Bit b of an input weighs 2^b times the input's weight; each slice has its row of weights,
    row (p*G + g)*F + k. Up to so many rows, a table of partial sums takes a few bits of the inputs and the row
    (distributed arithmetic); it holds by how much a sum exceeds the row's least, so that it needs no sign. Beyond, the
    weights come from a read-only memory and meet each bit of their input in a gate: ``bits_per_table`` is the rule. An
    adder tree a lane adds the parts and the row's base: its least sums and, in a group's first row, the bias. With
    F > 1 an accumulator follows; in a single group it starts from the bases of all rows, and the tree has one part
    less. Over several positions a second accumulator keeps the sums of every group and pass in a ring.

    Parameters
    ----------
    weights : integers (P, G, F, lanes, L), as ``arrange`` orders them.
    bias : integers (G, lanes), added once a group and pass.
    input_bits : bits of an input, 1 for spikes, up to 8 for pixels.
    current_bits : bits of a current, at least what the weights and biases need.
    passes : passes at each position, all with the same weights; of one position they are all alike.
    sums : where the tables lie, and how large they are.

    Members
    -------
    ``i`` : flow of ``unsigned(L * input_bits)``, slices, in the order (p, pass, g, k).
    ``o`` : flow of ``ArrayLayout(signed(current_bits), lanes)``, currents, in the order (pass, g).

    Latency: ``latency`` clocks from a group's last slice to its currents. One slice a clock; it never stops.

    Raises
    ------
    TypeError, ValueError : a parameter is not of the kind, shape or range above.
    """

    def __init__(
        self,
        weights: IntArray,
        bias: IntArray,
        input_bits: int,
        current_bits: int,
        passes: int = 1,
        sums: Sums = "lut5",
    ) -> None:
        _check_integers("weights", weights)
        _check_integers("bias", bias)
        if weights.ndim != 5 or weights.size == 0:
            raise ValueError(f"weights must have the shape (P, G, F, lanes, L), none of them 0, not {weights.shape!r}")
        positions, groups, folds, lanes, entries = weights.shape
        if bias.shape != (groups, lanes):
            raise ValueError(f"bias must have the shape {(groups, lanes)!r}, not {bias.shape!r}")
        check_integer("input_bits", input_bits, 1, 8)
        check_integer("passes", passes, 1)
        if sums not in ADDRESS_BITS:
            raise ValueError(f"sums must be one of {', '.join(ADDRESS_BITS)}, not {sums!r}")
        self._positions, self._groups, self._folds, self._lanes = positions, groups, folds, lanes
        self._weights = weights.astype(np.int64).reshape(-1, lanes, entries)
        self._bias = bias.astype(np.int64)
        self._input_bits = input_bits
        self._passes = passes
        check_integer("current_bits", current_bits, self._least_current_bits())
        self._current_bits = current_bits
        self._block = in_block_memory(len(self._weights), sums)
        self._bits_per_table = bits_per_table(len(self._weights), sums)
        self._levels = tree_levels(int(self._terms_a_lane().max()))
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(entries * input_bits), always_ready=True)),
                "o": Out(stream.Signature(data.ArrayLayout(signed(current_bits), lanes), always_ready=True)),
            }
        )

    @property
    def groups(self) -> int:
        """G, the groups of output lanes."""
        return self._groups

    @property
    def folds(self) -> int:
        """F, the slices of a group."""
        return self._folds

    @property
    def lanes(self) -> int:
        """Currents in a beat."""
        return self._lanes

    @property
    def latency(self) -> int:
        """Clocks from a group's last slice to its currents."""
        return self._terms_stage + self._levels + int(self._folds > 1) + int(self._positions > 1)

    @property
    def _terms_stage(self) -> int:
        table = 3 if self._block else 2
        return table if self._bits_per_table else table + 1

    def _least_current_bits(self) -> int:
        lies = _sums_range(self._weights, self._input_bits)
        shape = (self._positions, self._groups, self._folds, self._lanes)
        low, high = (side.reshape(shape).sum(axis=(0, 2)) + self._bias for side in (lies.low, lies.high))
        return signed_width(int(low.min()), int(high.max()))

    @property
    def _bases(self) -> Int64Array:
        """What a row adds to each lane whatever its inputs, (rows, lanes)."""
        bases = np.zeros_like(self._weights[:, :, 0])
        bases[: self._groups * self._folds : self._folds] = self._bias
        return bases + _sums_range(self._weights, self._input_bits).low if self._bits_per_table else bases

    @property
    def _starts_from_bases(self) -> bool:
        return self._positions == self._groups == 1 and self._folds > 1

    @property
    def _bit_weights(self) -> Int64Array:
        """What each bit of a slice weighs, (rows, lanes, bits)."""
        planes = self._weights[..., None] << np.arange(self._input_bits)
        return planes.reshape(len(self._weights), self._lanes, -1)

    @property
    def _tables(self) -> list[Int64Array]:
        """The bits of a slice that each table of partial sums takes; bits that weigh nothing are left out."""
        used = np.flatnonzero(self._bit_weights.any(axis=(0, 1)))
        return [used[first : first + self._bits_per_table] for first in range(0, len(used), self._bits_per_table)]

    def _terms_a_lane(self) -> Int64Array:
        weighs = np.asarray(self._bit_weights.any(axis=0))  # (lanes, bits)
        if self._bits_per_table:
            weighs = np.stack([weighs[:, bits].any(axis=1) for bits in self._tables] or [weighs[:, 0]], axis=1)
        return np.asarray(weighs.sum(axis=1) + (0 if self._starts_from_bases else self._bases.any(axis=0)), np.int64)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.folds = fold = ModuloCounter(self._folds)
        m.submodules.groups = group = ModuloCounter(self._groups)
        m.submodules.passes = one_pass = ModuloCounter(self._passes if self._positions > 1 else 1)
        m.submodules.positions = position = ModuloCounter(self._positions)
        m.d.comb += [
            fold.step.eq(self.i.valid),
            group.step.eq(fold.step & fold.last),
            one_pass.step.eq(group.step & group.last),
            position.step.eq(one_pass.step & one_pass.last),
        ]
        first = Signal(init=1)  # the first position's, where the sums begin
        with m.If(position.step):
            m.d.sync += first.eq(position.last)
        row = self._row(m, one_pass, position)
        terms: list[list[_Term]] = [[] for _ in range(self._lanes)]
        if self._bits_per_table:
            self._add_tables(m, row, terms)
        else:
            self._add_gates(m, row, terms)
        if not self._starts_from_bases:
            self._add_bases(m, row, fold, group, first, terms)

        totals: list[Value] = [self._add_up(m, f"lane_{lane}", terms[lane]) for lane in range(self._lanes)]
        stage = self._terms_stage + self._levels
        if self._folds > 1:
            full, done = _flag(m, self.i.valid, "full", stage), _flag(m, group.step, "done", stage)
            starts = self._bases.sum(axis=0) if self._starts_from_bases else np.zeros(self._lanes, int)
            for lane in range(self._lanes):
                totals[lane] = self._accumulate(m, f"lane_{lane}", totals[lane], int(starts[lane]), full, done)
            stage += 1
        given = group.step
        if self._positions > 1:
            totals = self._over_positions(
                m, totals, _flag(m, group.step, "grouped", stage), delayed(m, first, "begun", stage)
            )
            given = group.step & position.last
            stage += 1
        m.d.comb += self.o.valid.eq(_flag(m, given, "given", stage))
        m.d.comb += [self.o.payload[lane].eq(total) for lane, total in enumerate(totals)]
        return m

    def _row(self, m: Module, one_pass: ModuloCounter, position: ModuloCounter) -> Value:
        """The row of weights of the slice that comes in: each pass goes through those of its position."""
        if self._positions == 1:
            m.submodules.rows = rows = ModuloCounter(len(self._weights))
            m.d.comb += rows.step.eq(self.i.valid)
            return rows.count
        # The row after this one, and the one after the position's first, wait in registers.
        row, following, start = (
            Signal(range(len(self._weights)), name=name, init=init)
            for name, init in (("row", 0), ("next_row", 1), ("position_row", 0))
        )
        again, over, base = one_pass.step & ~one_pass.last, position.step & position.last, Signal.like(row)
        m.d.comb += base.eq(Mux(over, 0, Mux(again, start, following)))
        with m.If(self.i.valid):
            m.d.sync += [row.eq(base), following.eq(base + 1)]
        with m.If(position.step):
            m.d.sync += start.eq(base)
        return row

    def _add_tables(self, m: Module, row: Value, terms: list[list[_Term]]) -> None:
        bit_weights = self._bit_weights
        for index, bits in enumerate(self._tables):
            weights = bit_weights[:, :, bits]
            patterns = np.arange(1 << len(bits))[:, None] >> np.arange(len(bits)) & 1
            sums = np.einsum("pb,rlb->lrp", patterns, weights)
            sums -= sums.min(axis=2, keepdims=True)
            lanes = [int(lane) for lane in np.flatnonzero(sums.any(axis=(1, 2)))]
            columns = {f"table_{index}_lane_{lane}": sums[lane] for lane in lanes}
            m.submodules[f"table_{index}"] = table = Rom(columns, block=self._block)
            inputs = Cat(self.i.payload[int(bit)] for bit in bits)
            m.d.comb += [table.row.eq(row), table.inputs.eq(inputs)]
            for lane, name in zip(lanes, columns, strict=True):
                lies = RowRange(np.zeros(len(weights), np.int64), np.abs(weights[:, lane]).sum(axis=1))
                terms[lane].append(_Term(name, getattr(table, name), lies))

    def _add_gates(self, m: Module, row: Value, terms: list[list[_Term]]) -> None:
        synapses = [(int(lane), int(entry)) for lane, entry in np.argwhere(self._weights.any(axis=0))]
        if not synapses:
            return
        columns = {f"weight_{lane}_{entry}": self._weights[:, lane, entry, None] for lane, entry in synapses}
        m.submodules.weights = weights = Rom(columns, block=self._block)
        m.d.comb += weights.row.eq(row)
        inputs = delayed(m, self.i.payload, "inputs", self._terms_stage - 1)
        bit_weights = self._bit_weights
        for lane, entry in synapses:
            weight = getattr(weights, f"weight_{lane}_{entry}")
            for place in range(self._input_bits):
                bit = entry * self._input_bits + place
                gated = Signal(weight.shape(), name=f"gated_{lane}_{bit}", reset_less=True)
                m.d.sync += gated.eq(Mux(inputs[bit], weight, 0))
                lies = _sums_range(bit_weights[:, lane, bit, None], 1)
                terms[lane].append(_Term(gated.name, gated << place, lies))

    def _add_bases(
        self, m: Module, row: Value, fold: ModuloCounter, group: ModuloCounter, first: Value, terms: list[list[_Term]]
    ) -> None:
        lanes = [int(lane) for lane in np.flatnonzero(self._bases.any(axis=0))]
        if not lanes:
            return
        if self._bits_per_table:
            numbers, inputs = self._bases[:, :, None], Value.cast(0)
        else:
            # Biases alone, by group, and 0 but in its first fold and position: a short table for many rows.
            numbers = np.stack([np.zeros_like(self._bias), self._bias], axis=-1)
            inputs = Signal(name="biased", init=1)
            starts = Signal(name="starts_group", init=1)
            with m.If(self.i.valid):
                m.d.sync += starts.eq(fold.last)
            m.d.comb += inputs.eq(starts & first)
            row = group.count
        columns = {f"base_{lane}": numbers[:, lane] for lane in lanes}
        m.submodules.bases = bases = Rom(columns, block=len(numbers) > MAX_LOGIC_ROWS)
        delay = self._terms_stage - bases.latency
        m.d.comb += [
            bases.row.eq(delayed(m, row, "base_row", delay)),
            bases.inputs.eq(delayed(m, inputs, "base_input", delay)),
        ]
        for lane, name in zip(lanes, columns, strict=True):
            lies = RowRange(self._bases[:, lane], self._bases[:, lane])
            terms[lane].append(_Term(name, getattr(bases, name), lies))

    def _add_up(self, m: Module, name: str, terms: list[_Term]) -> Value:
        if not terms:
            return Value.cast(0)
        m.submodules[name] = tree = AdderTree({term.name: term.lies for term in terms}, self._levels)
        m.d.comb += [getattr(tree, term.name).eq(term.value) for term in terms]
        return tree.total

    def _accumulate(self, m: Module, name: str, total: Value, start: int, full: Value, done: Value) -> Value:
        """The sum over the slices of a group."""
        held = Signal(signed(self._current_bits), name=f"{name}_held", init=start)
        through = Signal(signed(self._current_bits), name=f"{name}_through")
        current = Signal(signed(self._current_bits), name=f"{name}_current", reset_less=True)
        m.d.comb += through.eq(held + total)
        m.d.sync += current.eq(through)
        with m.If(done):
            m.d.sync += held.eq(start)
        with m.Elif(full):
            m.d.sync += held.eq(through)
        return current

    def _over_positions(self, m: Module, totals: list[Value], grouped: Value, begun: Value) -> list[Value]:
        """The sums over the positions, each kept until its group and pass come round again."""
        bits, entries = self._current_bits, self._groups * self._passes
        held = Signal(self._lanes * bits, name="held", reset_less=True)
        sums: list[Value] = []
        for lane, total in enumerate(totals):
            before = held[lane * bits :][:bits].as_signed()
            sums.append(Signal(signed(bits), name=f"sum_{lane}"))
            m.d.comb += sums[-1].eq(total + Mux(begun, 0, before))
        if entries == 1:
            with m.If(grouped):
                m.d.sync += held.eq(Cat(sums))
        else:
            m.submodules.ring = ring = memory.Memory(
                shape=unsigned(len(held)),
                depth=entries,
                init=[],
                attrs={"no_rw_check": 1},  # the entry that is read is the one after that which is written
            )
            write, read = ring.write_port(), ring.read_port()
            entry, following = Signal(range(entries), name="entry"), Signal(range(entries), name="next_entry", init=1)
            with m.If(grouped):
                m.d.sync += [
                    entry.eq(following),
                    following.eq(Mux(following == entries - 1, 0, following + 1)),
                ]
            m.d.comb += [
                write.addr.eq(entry),
                write.data.eq(Cat(sums)),
                write.en.eq(grouped),
                read.addr.eq(following),
                read.en.eq(grouped),
                held.eq(read.data),
            ]
        results: list[Value] = []
        for lane, total in enumerate(sums):
            results.append(Signal(signed(bits), name=f"current_{lane}", reset_less=True))
            m.d.sync += results[-1].eq(total)
        return results


def _sums_range(weights: Int64Array, input_bits: int) -> RowRange:
    """Where the sum over the last axis of weights times inputs lies."""
    largest = (1 << input_bits) - 1
    return RowRange(np.minimum(weights, 0).sum(axis=-1) * largest, np.maximum(weights, 0).sum(axis=-1) * largest)


def _flag(m: Module, value: Value, name: str, clocks: int) -> Value:
    """The flag some clocks later; a reset clears those on their way."""
    return delayed(m, value, name, clocks, reset_less=False)


def _check_integers(what: str, value: object) -> None:
    if not isinstance(value, np.ndarray) or not np.issubdtype(value.dtype, np.integer):
        raise TypeError(f"{what} must be an integer array, not {value!r}")
