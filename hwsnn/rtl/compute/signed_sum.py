"""Sums and differences of terms that may each be switched: a balanced tree, with a register behind each adder."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, Value

from hwsnn.folding.synaptic_sums import tree_levels

from .tree import tree


def signed_sum(m: Module, terms: Sequence[tuple[Value, int]], name: str) -> Value:
    """The sum of value times sign, 1 or -1, over at least one term; the first has a positive sign.

    It is complete ``tree_levels(len(terms))`` cycles later. The registers are ``NAME_LEVEL_INDEX``.
    """

    def node(level: int, index: int, below: Sequence[tuple[Value, int]]) -> tuple[Value, int]:
        (value, sign), *other = below
        for second, second_sign in other:
            value = value + second if sign == second_sign else value - second
        register = Signal(value.shape(), name=f"{name}_{level}_{index}", reset_less=True)
        m.d.sync += register.eq(value)
        return register, sign

    total, _ = tree(terms, tree_levels(len(terms)), node)
    return total
