"""Sums and differences of terms that may each be switched: a balanced tree, with a register behind each adder."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, Value


def signed_sum(m: Module, terms: Sequence[tuple[Value, int]], name: str) -> Value:
    """The sum of value times sign, 1 or -1, over at least one term; the first has a positive sign.

    It is complete ``(len(terms) - 1).bit_length()`` cycles later. The registers are ``NAME_LEVEL_INDEX``.
    """
    nodes, level = list(terms), 0
    while len(nodes) > 1:
        level += 1
        below, nodes = nodes, []
        for index in range(0, len(below), 2):
            (value, sign), *other = below[index : index + 2]
            for second, second_sign in other:
                value = value + second if sign == second_sign else value - second
            node = Signal(value.shape(), name=f"{name}_{level}_{index // 2}", reset_less=True)
            m.d.sync += node.eq(value)
            nodes.append((node, sign))
    return nodes[0][0]
