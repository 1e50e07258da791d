"""The adders of a leak, as plain numbers.

A product with a constant adds and subtracts the shifted membrane once per digit of the constant. A PE whose channels
have different multipliers adds one shifted membrane per bit of them, each switched by that bit.
"""

from __future__ import annotations

import numpy as np

from hwsnn.spec import ChannelLeak, Leak, MultiplyLeak, NoLeak, ShiftLeak
from hwsnn.spec.checks import assert_never
from hwsnn.spec.integers import Int64Array, signed_digits


def pe_leaks(leak: Leak, groups: int) -> list[Leak]:
    """The leak of each PE, which has one channel per output fold; only one where all PEs have the same."""
    if not isinstance(leak, ChannelLeak):
        return [leak]
    return [ChannelLeak(multipliers, leak.shift) for multipliers in leak.multipliers.reshape(groups, -1).T]


def is_gated(leak: Leak) -> bool:
    """Whether a PE multiplies by a number that changes from channel to channel."""
    return isinstance(leak, ChannelLeak) and any_gated(leak, len(leak.multipliers))


def any_gated(leak: Leak, groups: int) -> bool:
    """Whether any PE of ``groups`` channels each is gated."""
    if not isinstance(leak, ChannelLeak):
        return False
    of_pe = leak.multipliers.reshape(groups, -1)
    return bool((of_pe != of_pe[0]).any())


def places(leak: ChannelLeak) -> list[int]:
    """The bits that any multiplier of a PE has, from the highest on."""
    return [place for place in range(leak.shift, -1, -1) if (leak.multipliers >> place & 1).any()]


def leak_adders(leak: Leak) -> int:
    """Adders and subtracters with which a PE, whose channels are all of the leak's, computes ``leak(v)``."""
    match leak:
        case NoLeak():
            return 0
        case ShiftLeak():
            return 1
        case MultiplyLeak():
            return max(len(signed_digits(leak.multiplier)) - 1, 0)
        case ChannelLeak():
            return int(pe_adders(leak, len(leak.multipliers))[0])
        case _:
            raise assert_never(leak)


def pe_adders(leak: Leak, groups: int) -> Int64Array:
    """``leak_adders`` of each PE; only one where all PEs have the same. In arrays: the planner asks for many folds."""
    if not isinstance(leak, ChannelLeak):
        return np.array([leak_adders(leak)])
    of_pe = leak.multipliers.astype(np.int64).reshape(groups, -1)
    # One term for each bit that any channel of the PE has; of a constant n for each signed digit, a one of n ^ 3n.
    constant = (of_pe == of_pe[0]).all(axis=0)
    terms = np.where(constant, of_pe[0] ^ 3 * of_pe[0], np.bitwise_or.reduce(of_pe))
    count = (terms[:, np.newaxis] >> np.arange(leak.shift + 3) & 1).sum(axis=1)
    return np.asarray(np.maximum(count - 1, 0))


def pe_clocks(leak: Leak) -> int:
    """Cycles from v to ``leak(v)`` in a PE: the levels of a balanced adder tree, with a register behind each."""
    return leak_adders(leak).bit_length()


def leak_clocks(leak: Leak, groups: int) -> int:
    """Cycles from v to ``leak(v)`` where PEs have ``groups`` channels each: those of the slowest PE."""
    return int(pe_adders(leak, groups).max()).bit_length()
