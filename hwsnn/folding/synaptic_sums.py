"""How the hardware adds up the currents of a projection: its tables, bases and adders, as plain numbers.

Each slice of inputs has its row of weights, row (p*G + g)*F + k. With few rows, a table of partial sums is addressed by
a few bits of the inputs and the row (distributed arithmetic); its entries are relative to the row's least sum, so that
they need no sign. With more rows, the weights come from a memory, and gates multiply them by each bit of their input.
An adder tree per lane adds these terms and the row's base: its least sums and, in a group's first row, the bias.

With one row, a graph of adders that lanes share can take the place of tables and trees (``shared_adders.py``). Its
sums are signed, and the bias is added to each.

In a convolution in groups, a lane sees only its section of a slice. No table has bits of two sections, so that the
inputs of other groups cost a lane nothing.

The sums are in units of a weight. The bits of a bias below that unit, the currents' fraction bits, belong to its output
channel alone: they are put below the sum, and nothing that adds gets wider.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwsnn.spec import MAX_EXTENT, MAX_FRACTION_BITS, MAX_PIXEL_BITS, Network
from hwsnn.spec.checks import require_choice, require_integer, require_integers
from hwsnn.spec.integers import Int64Array, Range, signed_limits, unsigned_width

from .adder_graph import AdderGraph
from .distributed_arithmetic import ADDRESS_BITS, bits_per_table, by_significance, in_block_memory
from .folding import LayerFold, Sums
from .shared_adders import adder_graph
from .weight_layout import folded_parameters


@dataclass(frozen=True, eq=False)
class Table:
    """A table of partial sums.

    ``lanes``: that share it, those of a section. ``bits``: of the slice, which address it. ``weights``: of these bits,
    (rows, lanes, bits), in units of 2^``shift``.
    """

    lanes: npt.NDArray[np.intp]
    bits: npt.NDArray[np.intp]
    weights: Int64Array
    shift: int


@dataclass(frozen=True, eq=False)
class SynapticSums:
    """The sums of a projection.

    ``weights``: (P, G, F, lanes, L), ``bias``: (G, lanes), as ``folded_parameters`` orders them; int64.
    ``largest_input``: 1 for spikes, up to 255 for pixels; bit b of an input counts 2^b times its weight. ``form``:
    place and size of the tables. ``sections``: of a slice, each of L inputs; lanes / sections consecutive lanes see the
    same one. ``fraction_bits``: of the currents, below the unit of the weights; the bias has them. ``windows``: of
    which the largest current counts, with one position.
    Raises ``ValueError`` if one is not of that kind, shape or range.
    """

    weights: Int64Array
    bias: Int64Array
    largest_input: int
    form: Sums
    sections: int = 1
    fraction_bits: int = 0
    windows: int = 1

    def __post_init__(self) -> None:
        for what, numbers, ndim in (("weights", self.weights, 5), ("bias", self.bias, 2)):
            require_integers(what, numbers, ndim, *signed_limits(63))
        _, groups, _, lanes, _ = self.weights.shape
        if self.bias.shape != (groups, lanes):
            raise ValueError(f"bias must have the shape {(groups, lanes)!r}, not {self.bias.shape}")
        require_integer("largest input", self.largest_input, 1, (1 << MAX_PIXEL_BITS) - 1)
        require_choice("sums", self.form, tuple(ADDRESS_BITS))
        require_integer("sections", self.sections, 1, lanes)
        if lanes % self.sections:
            raise ValueError(f"sections must divide the {lanes} lanes, not {self.sections}")
        require_integer("fraction bits", self.fraction_bits, 0, MAX_FRACTION_BITS)
        if self.shares_adders and self.row_count > 1:
            raise ValueError(f"sums of adders must have one row of weights, not {self.row_count}")
        positions = self.weights.shape[0]
        require_integer("windows", self.windows, 1, 1 if positions > 1 else MAX_EXTENT**2)

    @property
    def input_bits(self) -> int:
        """Of an input."""
        return unsigned_width(self.largest_input)

    @property
    def whole_bias(self) -> Int64Array:
        """The biases in units of a weight, rounded down."""
        return self.bias >> self.fraction_bits

    @property
    def fractions(self) -> Int64Array:
        """The bits of the biases below that unit, as numbers from 0 up."""
        return self.bias - (self.whole_bias << self.fraction_bits)

    @property
    def rows(self) -> Int64Array:
        """The weights of each slice: (P * G * F, lanes, L)."""
        return self.weights.reshape(-1, *self.weights.shape[3:])

    @property
    def lanes(self) -> int:
        """Currents of a group."""
        return int(self.weights.shape[3])

    @property
    def row_count(self) -> int:
        """P * G * F."""
        positions, groups, folds = self.weights.shape[:3]
        return int(positions * groups * folds)

    @property
    def slice_bits(self) -> int:
        """Bits of a slice."""
        return self.sections * self.section_bits

    @property
    def section_bits(self) -> int:
        """Bits of a section of a slice: L inputs."""
        return int(self.weights.shape[4]) * self.input_bits

    def section(self, lane: int) -> int:
        """The section of a slice that ``lane`` sees."""
        return lane * self.sections // self.lanes

    @property
    def block(self) -> bool:
        """Whether the tables are in block memory."""
        return in_block_memory(self.row_count, self.form)

    @property
    def table_bits(self) -> int:
        """Input bits per table; 0 for weights from a memory."""
        return bits_per_table(self.row_count, self.form)

    @property
    def shares_adders(self) -> bool:
        """Whether a graph of adders takes the place of the tables."""
        return self.form == "adders"

    @property
    def adder_graph(self) -> AdderGraph:
        """The graph of all lanes over all inputs of a slice. Raises ``InputError`` if what finds it is missing."""
        matrix = np.zeros((self.lanes, self.sections * self.weights.shape[4]), np.int64)
        entries = self.weights.shape[4]
        for lane in range(self.lanes):
            matrix[lane, self.section(lane) * entries :][:entries] = self.rows[0, lane]
        return adder_graph(matrix, self.largest_input)

    @property
    def bit_weights(self) -> Int64Array:
        """The weight for each lane of each bit of its section, (rows, lanes, bits)."""
        planes = self.rows[..., None] << np.arange(self.input_bits)
        return planes.reshape(*planes.shape[:2], -1)

    @property
    def tables(self) -> list[Table]:
        """The tables of partial sums, section by section; bits of weight 0 are left out.

        The unit of a table is the weight 2^b of the lowest of its bits of inputs.
        """
        tables, weights = list[Table](), self.bit_weights
        for section, lanes in enumerate(np.split(np.arange(self.lanes), self.sections)):
            used = np.flatnonzero(weights[:, lanes].any(axis=(0, 1)))
            if by_significance(self.row_count, self.form):
                used = used[np.argsort(used % self.input_bits, kind="stable")]
            for first in range(0, len(used), self.table_bits):
                bits = used[first : first + self.table_bits]
                place, shift = section * self.section_bits + bits, int((bits % self.input_bits).min())
                tables.append(Table(lanes, place, weights[:, lanes][:, :, bits] >> shift, shift))
        return tables

    @property
    def bases(self) -> Int64Array:
        """The constant that a row adds to each lane, (rows, lanes)."""
        _, groups, folds = self.weights.shape[:3]
        bases = np.zeros_like(self.rows[:, :, 0])
        bases[: groups * folds : folds] = self.whole_bias
        return bases + sums_range(self.rows, largest_of(self.input_bits))[0] if self.table_bits else bases

    @property
    def starts_from_bases(self) -> bool:
        """Whether an accumulator starts from the bases of all rows, so that the tree has one term less."""
        positions, groups, folds = self.weights.shape[:3]
        return bool(positions == groups == 1 and folds > 1)

    @property
    def bounds(self) -> tuple[Int64Array, Int64Array]:
        """The least and the largest current of each output fold and lane, (G, lanes)."""
        low, high = (
            (side.reshape(self.weights.shape[:4]).sum(axis=(0, 2)) << self.fraction_bits) + self.bias
            for side in sums_range(self.rows, self.largest_input)
        )
        return low, high

    @property
    def currents(self) -> Range:
        """The range of the currents."""
        low, high = self.bounds
        return Range(int(low.min()), int(high.max()))

    @property
    def levels(self) -> int:
        """Adder levels of the lane with the most terms; of a graph of adders, its stages and one for the biases."""
        if self.shares_adders:
            return self.adder_graph.depth + 1
        terms = np.zeros(self.lanes, np.int64)
        if self.table_bits:
            for table in self.tables:
                terms[table.lanes] += table.weights.any(axis=(0, 2))
        else:
            terms += self.bit_weights.any(axis=0).sum(axis=1)
        if not self.starts_from_bases:
            terms += self.bases.any(axis=0)
        return tree_levels(int(terms.max()))

    @property
    def term_clocks(self) -> int:
        """Cycles from a slice to its terms: to look up, one more in block memory, and one for the gates.

        The inputs of a graph of adders go through one register, beside it.
        """
        if self.shares_adders:
            return 1
        table = 3 if self.block else 2
        return table if self.table_bits else table + 1

    @property
    def latency(self) -> int:
        """Cycles from a group's last slice to its currents.

        Accumulators over slices and positions take one each, the largest of several windows two.
        """
        positions, _, folds = self.weights.shape[:3]
        return self.term_clocks + self.levels + int(folds > 1) + int(positions > 1) + 2 * int(self.windows > 1)


def synaptic_sums(network: Network, index: int, fold: LayerFold) -> list[list[SynapticSums]]:
    """The sums of each projection of layer ``index``: at each of its ``t_par`` steps, or once for inputs that are held.

    The biases are in those of the first projection.
    """
    layer, steps = network.population(index), min(fold.t_par, network.timesteps)
    forms: list[Sums] = ["lut6" if step < fold.logic_steps else fold.sums for step in range(steps)]
    every = zip(folded_parameters(layer, fold), network.inputs(index), strict=True)
    return [
        [
            SynapticSums(
                parameters.weights,
                parameters.bias,
                inputs.largest,
                form,
                parameters.sections,
                layer.fraction_bits,
                layer.windows,
            )
            for form in (forms[:1] if inputs.held else forms)
        ]
        for parameters, inputs in every
    ]


def tree_levels(terms: int) -> int:
    """Levels of two-input adders that ``terms`` terms need."""
    return max(terms - 1, 0).bit_length()


def largest_of(bits: int) -> int:
    """The largest unsigned number of ``bits`` bits."""
    return (1 << bits) - 1


def sums_range(weights: Int64Array, largest: int) -> tuple[Int64Array, Int64Array]:
    """The least and the largest sum over the last axis of weights times inputs from 0 to ``largest``."""
    low, high = np.minimum(weights, 0).sum(axis=-1) * largest, np.maximum(weights, 0).sum(axis=-1) * largest
    return np.asarray(low, np.int64), np.asarray(high, np.int64)
