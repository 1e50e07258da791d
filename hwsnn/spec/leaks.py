"""How a membrane decays from step to step.

Each leak is described once, here: its formula, its name in model files (its fields are the numbers there), and the
properties of its arithmetic. Its implementations in the reference, the hardware, the timing model and PyTorch are found
by kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias, get_args

import numpy as np

from .checks import require_integer, require_integers
from .integers import IntArray
from .limits import MAX_LEAK_SHIFT


@dataclass(frozen=True)
class NoLeak:
    """``leak(v) = v``: an integrate-and-fire neuron."""

    kind: ClassVar[str] = "none"

    @property
    def betas(self) -> tuple[float, float]:
        """The smallest and the largest factor by which a channel's membranes decay per step."""
        return 1.0, 1.0

    @property
    def formula(self) -> str:
        """The decay as a formula, for reports."""
        return "no leak"

    def leaked(self, v: IntArray) -> IntArray:
        """``leak(v)`` of every v, int64. Every leak is monotone: the leaks of a range's ends bound those within it."""
        return v

    def largest_product(self, v: int) -> int:
        """The largest intermediate result of the formula for a membrane from 0 to ``v``."""
        return v


@dataclass(frozen=True)
class ShiftLeak:
    """``leak(v) = v - floor(v / 2^shift)``, shift from 1 to 16."""

    kind: ClassVar[str] = "shift"
    shift: int

    def __post_init__(self) -> None:
        require_integer("leak shift", self.shift, 1, MAX_LEAK_SHIFT)

    @property
    def betas(self) -> tuple[float, float]:
        """As ``NoLeak.betas``."""
        return (1.0 - 2.0**-self.shift,) * 2

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
    def betas(self) -> tuple[float, float]:
        """As ``NoLeak.betas``."""
        return (float(self.multiplier / (1 << self.shift)),) * 2

    @property
    def formula(self) -> str:
        """As ``NoLeak.formula``."""
        return f"(v * {self.multiplier}) >> {self.shift}" if self.multiplier else "no memory"

    def leaked(self, v: IntArray) -> IntArray:
        """As ``NoLeak.leaked``. No product exceeds v or 2^32, so that nothing overflows whatever v is."""
        return _multiplied(v, self.multiplier, self.shift)

    def largest_product(self, v: int) -> int:
        """As ``NoLeak.largest_product``."""
        return max(v, v * self.multiplier)


@dataclass(frozen=True, eq=False)
class ChannelLeak:
    """A leak per channel: ``leak(v) = floor(v * multipliers[c] / 2^shift)``, shift from 1 to 16.

    ``multipliers``: (channels,), from 0 (no memory) to 2^shift (no leak).
    """

    kind: ClassVar[str] = "channels"
    multipliers: IntArray
    shift: int

    def __post_init__(self) -> None:
        require_integer("leak shift", self.shift, 1, MAX_LEAK_SHIFT)
        require_integers("leak multipliers", self.multipliers, 1, 0, 1 << self.shift)

    @property
    def betas(self) -> tuple[float, float]:
        """As ``NoLeak.betas``."""
        return float(self.multipliers.min() / (1 << self.shift)), float(self.multipliers.max() / (1 << self.shift))

    @property
    def formula(self) -> str:
        """As ``NoLeak.formula``."""
        return f"(v * {self.multipliers.min()} to {self.multipliers.max()}) >> {self.shift}"

    def leaked(self, v: IntArray) -> IntArray:
        """As ``NoLeak.leaked``; v is (channels,)."""
        return _multiplied(v, self.multipliers.astype(np.int64), self.shift)

    def largest_product(self, v: int) -> int:
        """As ``NoLeak.largest_product``."""
        return max(v, v * int(self.multipliers.max()))


Leak: TypeAlias = NoLeak | ShiftLeak | MultiplyLeak | ChannelLeak

LEAKS: dict[str, type[Leak]] = {leak.kind: leak for leak in get_args(Leak)}
"""Every kind of leak by its name in model files."""


def _multiplied(v: IntArray, multiplier: int | IntArray, shift: int) -> IntArray:
    quotient = v >> shift
    part: IntArray = v - (quotient << shift)
    return quotient * multiplier + (np.multiply(part, multiplier) >> shift)
