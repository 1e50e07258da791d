"""How a membrane decays from step to step.

A leak is described here, once: its formula, its name in model files (the fields are its numbers there), and what of its
arithmetic others must know. How it is computed elsewhere is found by kind: in the reference, in the hardware and its
clocks, in PyTorch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias, get_args

from .checks import require_integer
from .integers import IntArray
from .limits import MAX_LEAK_SHIFT


@dataclass(frozen=True)
class NoLeak:
    """``leak(v) = v``: an integrate-and-fire neuron."""

    kind: ClassVar[str] = "none"

    @property
    def beta(self) -> float:
        """The factor by which a membrane decays in a step."""
        return 1.0

    @property
    def formula(self) -> str:
        """The decay as people write it."""
        return "no leak"

    def leaked(self, v: IntArray) -> IntArray:
        """``leak(v)`` of every v, int64. Every leak is monotone, so that of a range's ends bounds that of the range."""
        return v

    def largest_product(self, v: int) -> int:
        """The largest number that the formula makes on its way from a membrane of at most ``v``, from 0 up."""
        return v


@dataclass(frozen=True)
class ShiftLeak:
    """``leak(v) = v - floor(v / 2^shift)``, shift from 1 to 16."""

    kind: ClassVar[str] = "shift"
    shift: int

    def __post_init__(self) -> None:
        require_integer("leak shift", self.shift, 1, MAX_LEAK_SHIFT)

    @property
    def beta(self) -> float:
        """As ``NoLeak.beta``."""
        return 1.0 - 2.0**-self.shift

    @property
    def formula(self) -> str:
        """As ``NoLeak.formula``."""
        return f"v - (v >> {self.shift})"

    def leaked(self, v: IntArray) -> IntArray:
        """As ``NoLeak.leaked``."""
        return v - (v >> self.shift)

    def largest_product(self, v: int) -> int:
        """As ``NoLeak.largest_product``."""
        return v


@dataclass(frozen=True)
class MultiplyLeak:
    """``leak(v) = floor(v * multiplier / 2^shift)``, shift from 1 to 16, multiplier from 0 to 2^shift - 1.

    A multiplier of 0 forgets the membrane at every step: a memoryless threshold.
    """

    kind: ClassVar[str] = "multiply"
    multiplier: int
    shift: int

    def __post_init__(self) -> None:
        require_integer("leak shift", self.shift, 1, MAX_LEAK_SHIFT)
        require_integer("leak multiplier", self.multiplier, 0, (1 << self.shift) - 1)

    @property
    def beta(self) -> float:
        """As ``NoLeak.beta``."""
        return float(self.multiplier / (1 << self.shift))

    @property
    def formula(self) -> str:
        """As ``NoLeak.formula``."""
        return f"(v * {self.multiplier}) >> {self.shift}" if self.multiplier else "no memory"

    def leaked(self, v: IntArray) -> IntArray:
        """As ``NoLeak.leaked``. No product exceeds v or 2^32, so that nothing overflows whatever v is."""
        quotient = v >> self.shift
        return quotient * self.multiplier + (((v - (quotient << self.shift)) * self.multiplier) >> self.shift)

    def largest_product(self, v: int) -> int:
        """As ``NoLeak.largest_product``."""
        return max(v, v * self.multiplier)


Leak: TypeAlias = NoLeak | ShiftLeak | MultiplyLeak

LEAKS: dict[str, type[Leak]] = {leak.kind: leak for leak in get_args(Leak)}
"""Every kind of leak by its name in model files."""
