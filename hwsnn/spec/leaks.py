"""How a membrane decays from step to step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from .checks import require_integer
from .integers import IntArray
from .limits import MAX_LEAK_SHIFT


@dataclass(frozen=True)
class NoLeak:
    """``leak(v) = v``: an integrate-and-fire neuron."""

    @property
    def beta(self) -> float:
        """The factor by which a membrane decays in a step."""
        return 1.0

    def leaked(self, v: IntArray) -> IntArray:
        """``leak(v)`` of every v, int64. Every leak is monotone, so that of a range's ends bounds that of the range."""
        return v


@dataclass(frozen=True)
class ShiftLeak:
    """``leak(v) = v - floor(v / 2^shift)``, shift from 1 to 16."""

    shift: int

    def __post_init__(self) -> None:
        require_integer("leak shift", self.shift, 1, MAX_LEAK_SHIFT)

    @property
    def beta(self) -> float:
        """The factor by which a membrane decays in a step."""
        return 1.0 - 2.0**-self.shift

    def leaked(self, v: IntArray) -> IntArray:
        """As ``NoLeak.leaked``."""
        return v - (v >> self.shift)


@dataclass(frozen=True)
class MultiplyLeak:
    """``leak(v) = floor(v * multiplier / 2^shift)``, shift from 1 to 16, multiplier from 0 to 2^shift - 1.

    A multiplier of 0 forgets the membrane at every step: a memoryless threshold.
    """

    multiplier: int
    shift: int

    def __post_init__(self) -> None:
        require_integer("leak shift", self.shift, 1, MAX_LEAK_SHIFT)
        require_integer("leak multiplier", self.multiplier, 0, (1 << self.shift) - 1)

    @property
    def beta(self) -> float:
        """The factor by which a membrane decays in a step."""
        return float(self.multiplier / (1 << self.shift))

    def leaked(self, v: IntArray) -> IntArray:
        """As ``NoLeak.leaked``. No product exceeds v or 2^32, so that nothing overflows whatever v is."""
        quotient = v >> self.shift
        return quotient * self.multiplier + (((v - (quotient << self.shift)) * self.multiplier) >> self.shift)


Leak: TypeAlias = NoLeak | ShiftLeak | MultiplyLeak
