"""Synaptic sums: slices of inputs in, input currents out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hwsnn.numeric import IntArray, signed_width

from .adder_tree import AdderTree, RowRange, tree_levels
from .checks import check_integer
from .constants import ConstantTable
from .counter import Counter
from .credit import CreditQueue

Int64Array = npt.NDArray[np.int64]

MAX_LOGIC_ROWS = 16
"""Up to so many rows of weights (G * F) the tables lie in logic, beyond in block memory."""
LOGIC_ADDRESS_BITS = 5
"""Address bits of a table in logic, unless that leaves too few for the inputs."""
BLOCK_ADDRESS_BITS = 9
"""Address bits of a table in block memory: the depth at which block memories are widest."""
MIN_TABLE_BITS = 2
"""Input bits from which on a table is worth it."""


def bits_per_table(rows: int) -> int:
    """How many input bits a table of partial sums takes beside its ``rows`` rows; 0 for no tables.

    The figures behind the rule are in ``docs/decisions/0001-synaptic-sums.md``.
    """
    row_bits = ceil_log2(rows)
    if rows <= MAX_LOGIC_ROWS:
        return max(LOGIC_ADDRESS_BITS - row_bits, MIN_TABLE_BITS)
    room = BLOCK_ADDRESS_BITS - row_bits
    return room if room >= MIN_TABLE_BITS else 0


@dataclass(frozen=True)
class _Term:
    """A part of a lane's sum, its name, and where it lies in each row of weights."""

    name: str
    value: Value
    lies: RowRange


class Synapses(wiring.Component):
    """Multiplies slices of inputs with constant weights and adds up: F slices make the currents of a group.

    There are no multipliers. Bit b of an input weighs 2^b times the input's weight; each slice has its row of weights,
    row g*F + k. Up to so many rows, a table of partial sums takes a few bits of the inputs and the row (distributed
    arithmetic); it holds by how much a sum exceeds the row's least, so that it needs no sign. Beyond, the weights come
    from a read-only memory and meet each bit of their input in a gate: ``bits_per_table`` is the rule. An adder tree a
    lane adds the parts and the row's base: its least sums and, in a group's first row, the bias. With F > 1 an
    accumulator follows; in a single group it starts from the bases of all rows, and the tree has one part less.

    Parameters
    ----------
    weights : integers (G, F, lanes, L), as ``arrange`` orders them.
    bias : integers (G, lanes), added once a group.
    input_bits : bits of an input, 1 for spikes, up to 8 for pixels.
    current_bits : bits of a current, at least what the weights and biases need.

    Members
    -------
    ``i`` : stream of ``unsigned(L * input_bits)``, slices, per position and step in the order (g, k).
    ``o`` : stream of ``ArrayLayout(signed(current_bits), lanes)``, currents, per position and step in the order g.

    Latency: ``latency`` clocks from a group's last slice to its currents. One slice a clock; currents that are not
    taken stall the slices after a few more groups.

    Raises
    ------
    TypeError, ValueError : a parameter is not of the kind, shape or range above.
    """

    def __init__(self, weights: IntArray, bias: IntArray, input_bits: int, current_bits: int) -> None:
        _check_integers("weights", weights)
        _check_integers("bias", bias)
        if weights.ndim != 4 or weights.size == 0:
            raise ValueError(f"weights must have the shape (G, F, lanes, L), none of them 0, not {weights.shape!r}")
        groups, folds, lanes, entries = weights.shape
        if bias.shape != (groups, lanes):
            raise ValueError(f"bias must have the shape {(groups, lanes)!r}, not {bias.shape!r}")
        check_integer("input_bits", input_bits, 1, 8)
        self._groups, self._folds, self._lanes, self._entries = groups, folds, lanes, entries
        self._weights = weights.astype(np.int64).reshape(groups * folds, lanes, entries)
        self._bias = bias.astype(np.int64)
        self._input_bits = input_bits
        check_integer("current_bits", current_bits, self._least_current_bits())
        self._current_bits = current_bits
        self._bits_per_table = bits_per_table(len(self._weights))
        self._levels = tree_levels(int(self._terms_a_lane().max()))
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(entries * input_bits))),
                "o": Out(stream.Signature(data.ArrayLayout(signed(current_bits), lanes))),
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
        return self._result_stage + 1

    @property
    def _terms_stage(self) -> int:
        table = 3 if self._block else 2
        if self._bits_per_table:
            return table
        return table + 1

    @property
    def _result_stage(self) -> int:
        return self._terms_stage + self._levels + int(self._folds > 1)

    def _least_current_bits(self) -> int:
        whole = self._weights.reshape(self._groups, self._folds, self._lanes, -1).transpose(0, 2, 1, 3)
        lies = _sums_range(whole.reshape(self._groups, self._lanes, -1), self._input_bits)
        return signed_width(int((lies.low + self._bias).min()), int((lies.high + self._bias).max()))

    @property
    def _block(self) -> bool:
        return len(self._weights) > MAX_LOGIC_ROWS

    @property
    def _bases(self) -> Int64Array:
        """What a row adds to each lane whatever its inputs, (rows, lanes)."""
        bases = np.zeros_like(self._weights[:, :, 0])
        bases[:: self._folds] = self._bias
        return bases + _sums_range(self._weights, self._input_bits).low if self._bits_per_table else bases

    @property
    def _starts_from_bases(self) -> bool:
        return self._groups == 1 and self._folds > 1

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
        accept = Signal()
        m.submodules.rows = row = Counter(len(self._weights))
        m.submodules.folds = fold = Counter(self._folds)
        m.d.comb += [
            accept.eq(self.i.valid & self.i.ready),
            row.step.eq(accept),
            fold.step.eq(accept),
        ]
        terms: list[list[_Term]] = [[] for _ in range(self._lanes)]
        if self._bits_per_table:
            self._add_tables(m, row.count, terms)
        else:
            self._add_gates(m, row.count, terms)
        if not self._starts_from_bases:
            self._add_bases(m, row.count, accept, fold, terms)

        # Bit n, n + 1 clocks after a slice was taken: there is one, and it was its group's last.
        full = Signal(self._result_stage)
        done = Signal(self._result_stage)
        m.d.sync += [full.eq(Cat(accept, full)), done.eq(Cat(accept & fold.last, done))]

        under_way = -(-(self._result_stage + 1) // self._folds) + 1
        m.submodules.queue = queue = CreditQueue(self.o.payload.shape(), under_way)
        m.d.comb += [
            self.i.ready.eq(queue.room),
            queue.enter.eq(accept & fold.last),
            queue.arrive.eq(done[-1]),
        ]
        for lane in range(self._lanes):
            total = self._add_up(m, f"lane_{lane}", terms[lane])
            if self._folds > 1:
                start = int(self._bases[:, lane].sum()) if self._starts_from_bases else 0
                total = self._accumulate(m, f"lane_{lane}", total, start, full[-2], done[-2])
            m.d.comb += queue.result[lane].eq(total)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        return m

    def _add_tables(self, m: Module, row: Value, terms: list[list[_Term]]) -> None:
        bit_weights = self._bit_weights
        for index, bits in enumerate(self._tables):
            weights = bit_weights[:, :, bits]
            patterns = np.arange(1 << len(bits))[:, None] >> np.arange(len(bits)) & 1
            sums = np.einsum("pb,rlb->lrp", patterns, weights)
            sums -= sums.min(axis=2, keepdims=True)
            lanes = [int(lane) for lane in np.flatnonzero(sums.any(axis=(1, 2)))]
            columns = {f"table_{index}_lane_{lane}": sums[lane] for lane in lanes}
            m.submodules[f"table_{index}"] = table = ConstantTable(columns, block=self._block)
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
        m.submodules.weights = weights = ConstantTable(columns, block=self._block)
        m.d.comb += weights.row.eq(row)
        inputs = _later(m, self.i.payload, "inputs", self._terms_stage - 1)
        bit_weights = self._bit_weights
        for lane, entry in synapses:
            weight = getattr(weights, f"weight_{lane}_{entry}")
            for place in range(self._input_bits):
                bit = entry * self._input_bits + place
                gated = Signal(weight.shape(), name=f"gated_{lane}_{bit}", reset_less=True)
                m.d.sync += gated.eq(Mux(inputs[bit], weight, 0))
                lies = _sums_range(bit_weights[:, lane, bit, None], 1)
                terms[lane].append(_Term(gated.name, gated << place, lies))

    def _add_bases(self, m: Module, row: Value, accept: Value, fold: Counter, terms: list[list[_Term]]) -> None:
        lanes = [int(lane) for lane in np.flatnonzero(self._bases.any(axis=0))]
        if not lanes:
            return
        if self._bits_per_table:
            numbers, inputs = self._bases[:, :, None], Value.cast(0)
        else:
            # Biases alone, by group, and 0 but in its first fold: a short table for many rows.
            numbers = np.stack([np.zeros_like(self._bias), self._bias], axis=-1)
            inputs = Signal(name="first", init=1)
            m.submodules.groups = group = Counter(self._groups)
            m.d.comb += group.step.eq(accept & fold.last)
            with m.If(accept):
                m.d.sync += inputs.eq(fold.last)
            row = group.count
        columns = {f"base_{lane}": numbers[:, lane] for lane in lanes}
        m.submodules.bases = bases = ConstantTable(columns, block=len(numbers) > MAX_LOGIC_ROWS)
        delay = self._terms_stage - bases.latency
        m.d.comb += [
            bases.row.eq(_later(m, row, "base_row", delay)),
            bases.inputs.eq(_later(m, inputs, "base_input", delay)),
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


def _sums_range(weights: Int64Array, input_bits: int) -> RowRange:
    """Where the sum over the last axis of weights times inputs lies."""
    largest = (1 << input_bits) - 1
    return RowRange(np.minimum(weights, 0).sum(axis=-1) * largest, np.maximum(weights, 0).sum(axis=-1) * largest)


def _later(m: Module, value: Value, name: str, clocks: int) -> Value:
    """The value some clocks later."""
    for clock in range(1, clocks + 1):
        register = Signal(value.shape(), name=f"{name}_{clock}", reset_less=True)
        m.d.sync += register.eq(value)
        value = register
    return value


def _check_integers(what: str, value: object) -> None:
    if not isinstance(value, np.ndarray) or not np.issubdtype(value.dtype, np.integer):
        raise TypeError(f"{what} must be an integer array, not {value!r}")
