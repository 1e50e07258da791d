"""The adders of a leak, as plain numbers.

A product with a constant adds and subtracts the shifted membrane once per digit of the constant. A PE whose channels
have different multipliers adds one shifted membrane per bit of them, each switched by that bit.
"""

from __future__ import annotations

from hwsnn.spec import ChannelLeak, Leak, MultiplyLeak, NoLeak, ShiftLeak
from hwsnn.spec.checks import assert_never
from hwsnn.spec.integers import signed_digits


def pe_leaks(leak: Leak, groups: int) -> list[Leak]:
    """The leak of each PE, which has one channel per output fold; only one where all PEs have the same."""
    if not isinstance(leak, ChannelLeak):
        return [leak]
    return [ChannelLeak(multipliers, leak.shift) for multipliers in leak.multipliers.reshape(groups, -1).T]


def is_gated(leak: Leak) -> bool:
    """Whether a PE multiplies by a number that changes from channel to channel."""
    return isinstance(leak, ChannelLeak) and len(set(leak.multipliers.tolist())) > 1


def places(leak: ChannelLeak) -> list[int]:
    """The bits that any multiplier of a PE has, from the highest on."""
    return [place for place in range(leak.shift, -1, -1) if (leak.multipliers >> place & 1).any()]


def leak_adders(leak: Leak) -> int:
    """Adders and subtracters with which a PE computes ``leak(v)``."""
    match leak:
        case NoLeak():
            return 0
        case ShiftLeak():
            return 1
        case MultiplyLeak():
            return max(len(signed_digits(leak.multiplier)) - 1, 0)
        case ChannelLeak():
            terms = places(leak) if is_gated(leak) else signed_digits(int(leak.multipliers[0]))
            return max(len(terms) - 1, 0)
        case _:
            raise assert_never(leak)


def pe_clocks(leak: Leak) -> int:
    """Cycles from v to ``leak(v)`` in a PE: the levels of a balanced adder tree, with a register behind each."""
    return leak_adders(leak).bit_length()


def leak_clocks(leak: Leak, groups: int) -> int:
    """Cycles from v to ``leak(v)`` where PEs have ``groups`` channels each: those of the slowest PE."""
    return max(map(pe_clocks, pe_leaks(leak, groups)))
