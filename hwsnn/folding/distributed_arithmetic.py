"""The size and the place of tables of partial sums."""

from __future__ import annotations

from .folding import Sums

MAX_LOGIC_ROWS = 32
"""Maximum rows of weights for tables in logic; with more, tables are in block memory in any case."""
ADDRESS_BITS = {"lut5": 5, "lut6": 6, "block": 9, "adders": 0}
"""Address bits of a table: those of a look-up table, and of a block memory at its greatest width; 0 for no tables."""
MIN_BLOCK_BITS = 2
"""Minimum input bits for which a table in block memory is worth it."""


def in_block_memory(rows: int, sums: Sums) -> bool:
    """Whether the tables of a layer with ``rows`` rows of weights are in block memory."""
    return sums == "block" or rows > MAX_LOGIC_ROWS


def bits_per_table(rows: int, sums: Sums) -> int:
    """Input bits per table of partial sums, besides the address of ``rows`` rows; 0 for no tables.

    The figures behind the rule are in ``docs/decisions/0001-synaptic-sums.md``.
    """
    if sums == "adders":
        return 0
    row_bits = (rows - 1).bit_length()
    if in_block_memory(rows, sums):
        room = ADDRESS_BITS["block"] - row_bits
        return room if room >= MIN_BLOCK_BITS else 0
    return max(ADDRESS_BITS[sums] - row_bits, 1)


def by_significance(rows: int, sums: Sums) -> bool:
    """Whether a table has bits of equal weight of several inputs, 2^b of each, rather than those of one input.

    Their sums are narrower. With one row in logic, synthesis makes less of the bits of an input, which are multiples of
    a constant (``docs/decisions/0001-synaptic-sums.md``).
    """
    return in_block_memory(rows, sums) or rows > 1
