"""The neurons: how they update their state at every step.

Each neuron is described once, here: ``state``, what it keeps from one step to the next; ``constants``, its integers per
channel; ``settings``; and ``fires``. The range of its state is in ``ranges``. Memories, widths, saturation, files,
listings and cost follow from these. The implementations of the step in the reference, the hardware, the timing model
and PyTorch are found by kind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar, get_args

import numpy as np

from .checks import require_choice, require_integer, require_integers
from .integers import IntArray, signed_limits
from .leaks import ChannelLeak, Leak
from .limits import MAX_MEMBRANE_BITS, MAX_SPIKES, MIN_MEMBRANE_BITS

AnyMembrane = TypeVar("AnyMembrane", bound="Membrane")
ChannelChange: TypeAlias = Callable[[IntArray, int], IntArray]
"""Of values per channel; the number is what unused channels have."""
Reset: TypeAlias = Literal["subtract", "zero", "none", "late-subtract", "late-zero", "undelayed-subtract"]
SUBTRACTING = ("subtract", "late-subtract", "undelayed-subtract")
"""Resets that take a reset amount off."""
LATE = ("late-subtract", "late-zero")
"""Resets in the step after the spike."""
SEVERAL = ("subtract", "zero", "none")
"""Resets of neurons that may fire several spikes per step."""
ONCE = ("zero", "none")
"""Resets of neurons that fire once per frame."""


@dataclass(frozen=True)
class StateVariable:
    """An integer that a neuron keeps from one step to the next, 0 before the first unless it says otherwise.

    It has ``bits`` bits, in two's complement if it is ``signed``; such a variable saturates at its limits.
    """

    name: str
    bits: int
    signed: bool = True


@dataclass(frozen=True)
class SynapticCurrent:
    """An input current that decays from step to step: ``s = saturate(leak(s) + I)``, of 2 to 32 ``bits``."""

    leak: Leak
    bits: int

    def __post_init__(self) -> None:
        require_integer("synaptic current bits", self.bits, MIN_MEMBRANE_BITS, MAX_MEMBRANE_BITS)


class Membrane(ABC):
    """What all neurons have: a membrane that leaks and integrates. Its subclasses are dataclasses.

    ``membrane_bits``: two's-complement width at which v saturates, 2 to 32. ``synapse``: a synaptic current, if the
    neuron has one. ``initial``: (channels,), v before the first step; None for 0. ``floor``: (channels,), at most 0, a
    lower bound of v; None for none.
    """

    leak: Leak
    membrane_bits: int
    synapse: SynapticCurrent | None
    initial: IntArray | None
    floor: IntArray | None

    fires: ClassVar[bool]

    def __post_init__(self) -> None:
        require_integer("membrane bits", self.membrane_bits, MIN_MEMBRANE_BITS, MAX_MEMBRANE_BITS)
        low, high = signed_limits(self.membrane_bits)
        if self.initial is not None:
            require_integers("initial membrane", self.initial, 1, low, high)
        if self.floor is not None:
            require_integers("lower bound", self.floor, 1, low, 0)
        shapes = {name: values.shape for name, values in self.constants.items()}
        if len(set(shapes.values())) > 1:
            raise ValueError(f"the numbers of a neuron must have one value per channel each, not the shapes {shapes}")

    @property
    @abstractmethod
    def state(self) -> tuple[StateVariable, ...]:
        """What the neuron keeps from one step to the next."""

    @property
    def constants(self) -> Mapping[str, IntArray]:
        """The integers per channel, by name: (channels,) each. Those of the subclass come first."""
        names = ("multiplier", "synapse_multiplier")
        leaks = zip(names, self.leaks, strict=False)
        multipliers = {name: leak.multipliers for name, leak in leaks if isinstance(leak, ChannelLeak)}
        return {**self.membrane_constants, **multipliers}

    @property
    def membrane_constants(self) -> Mapping[str, IntArray]:
        """Those of ``constants`` that a membrane must be able to hold."""
        others = {"initial": self.initial, "floor": self.floor}
        return self._own_constants | {name: values for name, values in others.items() if values is not None}

    @property
    @abstractmethod
    def _own_constants(self) -> dict[str, IntArray]: ...

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """The other fields, besides leaks, widths and constants: JSON values."""

    @property
    def leaks(self) -> tuple[Leak, ...]:
        """The leak of the membrane, and that of the synaptic current if there is one."""
        return (self.leak,) if self.synapse is None else (self.leak, self.synapse.leak)

    def _variables(self, *others: StateVariable) -> tuple[StateVariable, ...]:
        synapse = () if self.synapse is None else (StateVariable("s", self.synapse.bits),)
        return (StateVariable("v", self.membrane_bits), *synapse, *others)

    def padded(self: AnyMembrane, channels: int) -> AnyMembrane:
        """The neuron with ``channels`` channels; those beyond its own come last, and are unused."""
        return self._changed(lambda values, filler: padded(values, channels, filler))

    def repeated(self: AnyMembrane, times: int) -> AnyMembrane:
        """The neuron with all its channels several times, one set after the other."""
        return self._changed(lambda values, _: np.tile(values, times))

    @abstractmethod
    def _changed(self: AnyMembrane, change: ChannelChange) -> AnyMembrane:
        """The neuron with ``change`` made to everything that it has by channel."""

    def _changed_fields(self, change: ChannelChange) -> dict[str, Any]:
        """The fields of ``_changed`` that all neurons have."""

        def of_leak(leak: Leak) -> Leak:
            return replace(leak, multipliers=change(leak.multipliers, 0)) if isinstance(leak, ChannelLeak) else leak

        return {
            "leak": of_leak(self.leak),
            "synapse": None if self.synapse is None else replace(self.synapse, leak=of_leak(self.synapse.leak)),
            "initial": None if self.initial is None else change(self.initial, 0),
            "floor": None if self.floor is None else change(self.floor, 0),
        }


@dataclass(frozen=True, eq=False)
class Neuron(Membrane):
    """A spiking neuron (``docs/numerics.md``, Neurons).

    ``threshold``: (channels,), positive. ``sub``: (channels,), from 0 up: what a spike takes off v if the reset
    subtracts; None for other resets. ``further``: (K - 1, channels), the thresholds of the second to the K-th spike of
    a step, not falling; None for one spike per step. ``once``: no spike after the first one of a frame.
    """

    threshold: IntArray
    leak: Leak
    reset: Reset
    membrane_bits: int
    sub: IntArray | None = None
    synapse: SynapticCurrent | None = None
    initial: IntArray | None = None
    floor: IntArray | None = None
    further: IntArray | None = None
    once: bool = False

    fires: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_integer("membrane bits", self.membrane_bits, MIN_MEMBRANE_BITS, MAX_MEMBRANE_BITS)
        require_choice("reset", self.reset, get_args(Reset))
        if not isinstance(self.once, bool):
            raise ValueError(f"once must be true or false, not {self.once!r}")
        low, largest = signed_limits(self.membrane_bits)
        require_integers("threshold", self.threshold, 1, 1, largest)
        if self.further is not None:
            require_integers("further thresholds", self.further, 2, 1, largest)
            if len(self.further) >= MAX_SPIKES:
                raise ValueError(f"spikes per step must be at most {MAX_SPIKES}, not {len(self.further) + 1}")
        if self.reset in SUBTRACTING:
            require_integers("sub", self.sub, 1, 0, largest)
        elif self.sub is not None:
            raise ValueError(f"sub must be None for the reset {self.reset!r}, not {type(self.sub).__name__}")
        require_combination(self.reset, spikes=self.spikes, once=self.once, synaptic=self.synapse is not None)
        super().__post_init__()
        thresholds = self.thresholds.astype(np.int64)
        if (np.diff(thresholds, axis=0) < 0).any():
            raise ValueError("the thresholds of a neuron's spikes must not fall from one to the next")
        if self.reset == "subtract" and self.sub is not None:
            left = thresholds - self.sub.astype(np.int64) * np.arange(1, self.spikes + 1)[:, np.newaxis]
            if int(left.min()) < low:
                raise ValueError(f"sub must leave a membrane of at least {low} after a spike, not {left.min()}")

    @property
    def spikes(self) -> int:
        """The most spikes per step."""
        return 1 if self.further is None else len(self.further) + 1

    @property
    def thresholds(self) -> IntArray:
        """The thresholds of the first to the last spike of a step, (K, channels)."""
        first = self.threshold[np.newaxis]
        return first if self.further is None else np.concatenate([first, self.further])

    @property
    def state(self) -> tuple[StateVariable, ...]:
        """``v``; ``s`` of a synaptic current; ``fired``: in the last step if the reset is late, ever if ``once``."""
        fired = (StateVariable("fired", 1, signed=False),) if self.once or self.reset in LATE else ()
        return self._variables(*fired)

    @property
    def _own_constants(self) -> dict[str, IntArray]:
        further = [] if self.further is None else list(self.further)
        return (
            {"threshold": self.threshold}
            | {f"threshold_{k}": values for k, values in enumerate(further, 2)}
            | ({} if self.sub is None else {"sub": self.sub})
        )

    @property
    def settings(self) -> Mapping[str, Any]:
        """As ``Membrane.settings``: the reset, and ``once`` where it holds."""
        return {"reset": self.reset} | ({"once": True} if self.once else {})

    def _changed(self, change: ChannelChange) -> Neuron:
        return replace(
            self,
            threshold=change(self.threshold, 1),
            sub=None if self.sub is None else change(self.sub, 1),
            further=None if self.further is None else np.stack([change(row, 1) for row in self.further]),
            **self._changed_fields(change),
        )


@dataclass(frozen=True, eq=False)
class Integrator(Membrane):
    """A neuron that never fires: ``v = saturate(leak(v) + s)``, at least ``floor``; only in a last layer."""

    leak: Leak
    membrane_bits: int
    synapse: SynapticCurrent | None = None
    initial: IntArray | None = None
    floor: IntArray | None = None

    fires: ClassVar[bool] = False
    spikes: ClassVar[int] = 0

    @property
    def state(self) -> tuple[StateVariable, ...]:
        """As ``Membrane.state``."""
        return self._variables()

    @property
    def _own_constants(self) -> dict[str, IntArray]:
        return {}

    @property
    def settings(self) -> Mapping[str, Any]:
        """As ``Membrane.settings``: there are none."""
        return {}

    def _changed(self, change: ChannelChange) -> Integrator:
        return replace(self, **self._changed_fields(change))


AnyNeuron: TypeAlias = Neuron | Integrator


def padded(values: IntArray, channels: int, filler: int) -> IntArray:
    """``values`` followed by ``filler`` up to ``channels``."""
    return np.pad(values, (0, channels - len(values)), constant_values=filler)


def require_combination(reset: Reset, *, spikes: int, once: bool, synaptic: bool) -> None:
    """Raise ``ValueError`` for what has no meaning together; ``synaptic``: with a synaptic current."""
    if reset == "late-zero" and not synaptic:
        raise ValueError("reset 'late-zero' must go with a synaptic current; without one it is the reset 'zero'")
    if spikes > 1 and reset not in SEVERAL:
        raise ValueError(f"several spikes per step must go with reset {_or(SEVERAL)}, not {reset!r}")
    if once and reset not in ONCE:
        raise ValueError(f"once must go with reset {_or(ONCE)}, not {reset!r}")
    if once and spikes > 1:
        raise ValueError(f"once must go with one spike per step, not {spikes}")


def _or(choices: tuple[str, ...]) -> str:
    *others, last = map(repr, choices)
    return f"{', '.join(others)} or {last}"
