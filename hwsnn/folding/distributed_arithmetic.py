"""How large the tables of partial sums are, and where they lie."""

from __future__ import annotations

from .folding import Sums

MAX_LOGIC_ROWS = 32
"""Up to so many rows of weights tables may lie in logic, beyond they lie in block memory whatever was asked for."""
ADDRESS_BITS = {"lut5": 5, "lut6": 6, "block": 9}
"""Address bits of a table: those of a look-up table, and of a block memory where it is widest."""
MIN_BLOCK_BITS = 2
"""Input bits from which on a table in block memory is worth it."""


def in_block_memory(rows: int, sums: Sums) -> bool:
    """Whether the tables of a layer with so many rows of weights lie in block memory."""
    return sums == "block" or rows > MAX_LOGIC_ROWS


def bits_per_table(rows: int, sums: Sums) -> int:
    """How many input bits a table of partial sums takes beside its ``rows`` rows; 0 for no tables.

    The figures behind the rule are in ``docs/decisions/0001-synaptic-sums.md``.
    """
    row_bits = (rows - 1).bit_length()
    if in_block_memory(rows, sums):
        room = ADDRESS_BITS["block"] - row_bits
        return room if room >= MIN_BLOCK_BITS else 0
    return max(ADDRESS_BITS[sums] - row_bits, 1)
