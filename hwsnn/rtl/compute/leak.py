"""Membrane decay (``docs/numerics.md``, Neurons)."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Signal, Value

from hwsnn.spec import Leak, MultiplyLeak, NoLeak, ShiftLeak
from hwsnn.spec.checks import assert_never
from hwsnn.spec.integers import signed_digits


def leaked(m: Module, leak: Leak, v: Value) -> Value:
    """``leak(v)``, ``pipeline_depths.leak_clocks(leak)`` cycles later; one adder per cycle."""
    match leak:
        case NoLeak():
            return v
        case ShiftLeak():
            rest = Signal(v.shape(), name="leaked", reset_less=True)
            m.d.sync += rest.eq(v - (v >> leak.shift))
            return rest
        case MultiplyLeak():
            return _product(m, v, leak.multiplier) >> leak.shift
        case _:
            raise assert_never(leak)


def _product(m: Module, v: Value, number: int) -> Value:
    """v times a constant: a tree of adders and subtracters, whose first term always has a positive sign."""
    terms = [(v << bit, digit) for bit, digit in signed_digits(number)]
    if not terms:
        return Const(0, v.shape())
    level = 0
    while len(terms) > 1:
        level += 1
        below, terms = terms, []
        for index in range(0, len(below), 2):
            (value, sign), *other = below[index : index + 2]
            for second, second_sign in other:
                value = value + second if sign == second_sign else value - second
            node = Signal(value.shape(), name=f"product_{level}_{index // 2}", reset_less=True)
            m.d.sync += node.eq(value)
            terms.append((node, sign))
    return terms[0][0]
