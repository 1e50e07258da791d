"""What a neuron does with its input current at every step.

A neuron is described here, once, and says what others need of it: ``state``, what it keeps from one step to the next;
``constants``, its integers of each channel; ``settings``; ``fires``; and ``ranges``, where its state lies if nothing
saturates. From these follow memories, widths, saturation, what files and listings say, and cost. The step itself is
found by kind elsewhere: in the reference, in the hardware and its clocks, in PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias, get_args

import numpy as np

from .checks import require_choice, require_integer, require_integers
from .integers import IntArray, Range, signed_limits
from .leaks import Leak
from .limits import MAX_MEMBRANE_BITS, MIN_MEMBRANE_BITS

Reset: TypeAlias = Literal["subtract", "zero", "none"]


@dataclass(frozen=True)
class StateVariable:
    """An integer that a neuron keeps from one step to the next, 0 before the first: its name, and its width.

    It is a two's-complement number of ``bits``, and saturates at their ends.
    """

    name: str
    bits: int


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

    fires: ClassVar[bool] = True

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
    def state(self) -> tuple[StateVariable, ...]:
        """What it keeps from one step to the next."""
        return (StateVariable("v", self.membrane_bits),)

    @property
    def constants(self) -> Mapping[str, IntArray]:
        """Its integers of each channel, by name: (channels,) each."""
        return {"threshold": self.threshold} | ({} if self.sub is None else {"sub": self.sub})

    @property
    def settings(self) -> Mapping[str, str]:
        """What else makes it beside leak, width and constants, by field."""
        return {"reset": self.reset}

    @property
    def largest_constant(self) -> int:
        """The largest threshold, or what a spike takes off at most: a membrane must be able to hold it."""
        return max(int(values.max()) for values in self.constants.values())

    def padded(self, channels: int) -> Neuron:
        """With so many channels; those that it does not have yet follow, and mean nothing."""
        sub = None if self.sub is None else _padded(self.sub, channels)
        return replace(self, threshold=_padded(self.threshold, channels), sub=sub)

    def ranges(self, lowest: IntArray, highest: IntArray, timesteps: int) -> dict[str, Range]:
        """Where each variable of its state lies in ``timesteps`` steps if nothing saturates, constants included.

        ``lowest`` and ``highest``: (channels,) int64, the ends of the input currents.
        """
        return _ranges(self, lowest, highest, timesteps)

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

    fires: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require_integer("membrane bits", self.membrane_bits, MIN_MEMBRANE_BITS, MAX_MEMBRANE_BITS)

    @property
    def state(self) -> tuple[StateVariable, ...]:
        """As ``Neuron.state``."""
        return (StateVariable("v", self.membrane_bits),)

    @property
    def constants(self) -> Mapping[str, IntArray]:
        """As ``Neuron.constants``: it has none."""
        return {}

    @property
    def settings(self) -> Mapping[str, str]:
        """As ``Neuron.settings``: there are none."""
        return {}

    def padded(self, channels: int) -> Integrator:
        """As ``Neuron.padded``."""
        return self

    def ranges(self, lowest: IntArray, highest: IntArray, timesteps: int) -> dict[str, Range]:
        """As ``Neuron.ranges``."""
        return _ranges(self, lowest, highest, timesteps)

    def after_reset(self, low: IntArray, high: IntArray) -> tuple[IntArray, IntArray]:
        """As ``Neuron.after_reset``: nothing is reset."""
        return low, high


AnyNeuron: TypeAlias = Neuron | Integrator


def _padded(values: IntArray, channels: int) -> IntArray:
    """Followed by ones, which every constant may be."""
    return np.pad(values, (0, channels - len(values)), constant_values=1)


def _ranges(neuron: AnyNeuron, lowest: IntArray, highest: IntArray, timesteps: int) -> dict[str, Range]:
    largest = max((int(values.max()) for values in neuron.constants.values()), default=0)
    total, low, high = Range(0, largest), np.zeros_like(lowest), np.zeros_like(highest)
    for _ in range(timesteps):
        u = neuron.leak.leaked(low) + lowest, neuron.leak.leaked(high) + highest
        low, high = neuron.after_reset(*u)
        total |= Range(int(u[0].min()), int(u[1].max())) | Range(int(low.min()), int(high.max()))
    return {"v": total}
