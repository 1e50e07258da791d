"""Membrane decay (``docs/numerics.md``, Neurons)."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal, Value

from hwsnn.folding.leak_products import is_gated, pe_clocks, places
from hwsnn.spec import ChannelLeak, Leak, MultiplyLeak, NoLeak, ShiftLeak
from hwsnn.spec.checks import assert_never
from hwsnn.spec.integers import signed_digits

from ..stream.delay import delayed
from .signed_sum import signed_sum


def leaked(m: Module, leak: Leak, v: Value, clocks: int, multiplier: Value | None = None) -> Value:
    """``leak(v)`` of a PE, ``clocks`` cycles later, at least ``pe_clocks(leak)``; one adder per cycle.

    ``multiplier``: that of the channel, where the PE's channels have different ones (``is_gated``).
    """
    return delayed(m, _leaked(m, leak, v, multiplier), "rest", clocks - pe_clocks(leak))


def _leaked(m: Module, leak: Leak, v: Value, multiplier: Value | None) -> Value:
    match leak:
        case NoLeak():
            return v
        case ShiftLeak():
            rest = Signal(v.shape(), name="leaked", reset_less=True)
            m.d.sync += rest.eq(v - (v >> leak.shift))
            return rest
        case MultiplyLeak():
            return _product(m, v, leak.multiplier) >> leak.shift
        case ChannelLeak() if is_gated(leak):
            assert multiplier is not None
            terms = [(Mux(multiplier[place], v << place, 0), 1) for place in places(leak)]
            return signed_sum(m, terms, "product") >> leak.shift
        case ChannelLeak():
            return _product(m, v, int(leak.multipliers[0])) >> leak.shift
        case _:
            raise assert_never(leak)


def _product(m: Module, v: Value, number: int) -> Value:
    """v times a constant."""
    terms = [(v << place, sign) for place, sign in signed_digits(number)]
    return signed_sum(m, terms, "product") if terms else Const(0, v.shape())
