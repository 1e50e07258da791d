"""What a neuron does with its input current at every step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from .checks import require_choice, require_integer, require_integers
from .integers import IntArray, signed_limits
from .leaks import Leak
from .limits import MAX_MEMBRANE_BITS, MIN_MEMBRANE_BITS

Reset: TypeAlias = Literal["subtract", "zero", "none"]


@dataclass(frozen=True, eq=False)
class Neuron:
    """A spiking neuron: ``v = saturate(leak(v) + I)``, a spike where ``v >= threshold``, then the reset.

    ``threshold``: (channels,), positive. ``membrane_bits``: two's-complement width at which v saturates, 2 to 32.
    ``sub``: (channels,), from 0 up: what a spike takes off v where the reset is ``subtract``, None for other resets.
    """

    threshold: IntArray
    leak: Leak
    reset: Reset
    membrane_bits: int
    sub: IntArray | None = None

    def __post_init__(self) -> None:
        require_integer("membrane bits", self.membrane_bits, MIN_MEMBRANE_BITS, MAX_MEMBRANE_BITS)
        require_choice("reset", self.reset, get_args(Reset))
        largest = signed_limits(self.membrane_bits)[1]
        require_integers("threshold", self.threshold, 1, 1, largest)
        if self.reset == "subtract":
            require_integers("sub", self.sub, 1, 0, largest)
        elif self.sub is not None:
            raise ValueError(f"sub must be None for the reset {self.reset!r}, not {type(self.sub).__name__}")
        if self.sub is not None and self.sub.shape != self.threshold.shape:
            raise ValueError(f"sub must have the threshold's shape {self.threshold.shape}, not {self.sub.shape}")

    @property
    def largest_constant(self) -> int:
        """The largest threshold, or what a spike takes off at most: a membrane must be able to hold it."""
        return max(int(part.max()) for part in (self.threshold, self.sub) if part is not None)

    def after_reset(self, low: IntArray, high: IntArray) -> tuple[IntArray, IntArray]:
        """Where membranes from ``low`` to ``high``, (channels,) of int64 each, lie behind the reset: from and to."""
        if self.reset == "none":
            return low, high
        threshold = self.threshold.astype(np.int64)
        fires, stays = high >= threshold, low < threshold
        if self.sub is None:
            lowest_fired = highest_fired = np.zeros_like(threshold)
        else:
            sub = self.sub.astype(np.int64)
            lowest_fired, highest_fired = np.maximum(low, threshold) - sub, high - sub
        highest_staying = np.minimum(high, threshold - 1)
        return (
            np.minimum(np.where(stays, low, lowest_fired), np.where(fires, lowest_fired, low)),
            np.maximum(np.where(stays, highest_staying, highest_fired), np.where(fires, highest_fired, high)),
        )


@dataclass(frozen=True)
class Integrator:
    """A neuron that never fires: ``v = saturate(leak(v) + I)``; the last layer of a ``membrane`` readout."""

    leak: Leak
    membrane_bits: int

    def __post_init__(self) -> None:
        require_integer("membrane bits", self.membrane_bits, MIN_MEMBRANE_BITS, MAX_MEMBRANE_BITS)
