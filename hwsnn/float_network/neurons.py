"""The neurons of a trained network, in floats. Each mirrors one of ``hwsnn.spec``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias, get_args

import numpy as np

from hwsnn.spec import MAX_SPIKES, Reset
from hwsnn.spec.checks import require_choice, require_integer
from hwsnn.spec.neurons import require_combination

from .floats import FloatArray, require_floats

Compare: TypeAlias = Literal["greater", "greater_equal"]
Decay: TypeAlias = float | FloatArray
"""A factor from 0 to 1 per step: one for all channels, or (channels,)."""


class _Membrane:
    """What all neurons have. Its subclasses are dataclasses."""

    beta: Decay
    alpha: Decay | None
    initial: FloatArray | None
    floor: FloatArray | None

    fires: ClassVar[bool]

    def __post_init__(self) -> None:
        _require_decay("beta", self.beta)
        if self.alpha is not None:
            _require_decay("alpha", self.alpha)
        if self.initial is not None:
            require_floats("initial membrane", self.initial, 1)
        if self.floor is not None:
            require_floats("lower bound", self.floor, 1)
            if (self.floor > 0).any():
                raise ValueError(f"lower bound must be at most 0, not {float(self.floor.max())!r}")

    @property
    def by_channel(self) -> Mapping[str, FloatArray]:
        """The numbers that differ from channel to channel, by name: (channels,) each."""
        numbers = {"beta": self.beta, "alpha": self.alpha, "initial": self.initial, "floor": self.floor}
        return {name: values for name, values in numbers.items() if isinstance(values, np.ndarray)}


@dataclass(frozen=True, eq=False)
class FloatNeuron(_Membrane):
    """A spiking neuron: decay, add, compare, reset, as ``docs/numerics.md`` says for integers.

    ``threshold``: (channels,), positive. ``beta``: the decay of the membrane; 1 is integrate and fire, 0 memoryless.
    ``compare``: a spike if u > threshold (``greater``) or u >= threshold (``greater_equal``). ``reset``: the
    subtracting ones take the threshold off. ``alpha``: the decay of a synaptic current, None for none. ``initial``:
    (channels,), the membrane before the first step, None for 0. ``floor``: (channels,), at most 0, a lower bound of the
    membrane, None for none. ``spikes``: most spikes per step, 1 to 15: as many as multiples of the threshold are
    reached. ``once``: no spike after the first one.
    """

    threshold: FloatArray
    beta: Decay
    compare: Compare
    reset: Reset
    alpha: Decay | None = None
    initial: FloatArray | None = None
    floor: FloatArray | None = None
    spikes: int = 1
    once: bool = False

    fires: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_floats("threshold", self.threshold, 1)
        if (self.threshold <= 0).any():
            raise ValueError(f"threshold must be positive, not {float(self.threshold.min())!r}")
        super().__post_init__()
        require_choice("compare", self.compare, get_args(Compare))
        require_choice("reset", self.reset, get_args(Reset))
        require_integer("spikes per step", self.spikes, 1, MAX_SPIKES)
        if not isinstance(self.once, bool):
            raise ValueError(f"once must be true or false, not {self.once!r}")
        require_combination(self.reset, spikes=self.spikes, once=self.once, synaptic=self.alpha is not None)

    @property
    def by_channel(self) -> Mapping[str, FloatArray]:
        """As ``_Membrane.by_channel``."""
        return {"threshold": self.threshold, **super().by_channel}


@dataclass(frozen=True, eq=False)
class FloatIntegrator(_Membrane):
    """A last layer that never fires: ``v = beta v + s``; the other fields are those of ``FloatNeuron``."""

    beta: Decay
    alpha: Decay | None = None
    initial: FloatArray | None = None
    floor: FloatArray | None = None

    fires: ClassVar[bool] = False


AnyFloatNeuron: TypeAlias = FloatNeuron | FloatIntegrator


def _require_decay(what: str, decay: Decay) -> None:
    if isinstance(decay, np.ndarray):
        require_floats(what, decay, 1)
    values = np.asarray(decay)
    if not ((values >= 0.0) & (values <= 1.0)).all():
        found = repr(decay) if values.ndim == 0 else f"from {values.min()} to {values.max()}"
        raise ValueError(f"{what} must be from 0 to 1, not {found}")
