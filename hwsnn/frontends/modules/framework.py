"""What a framework of spiking neurons must say, so that modules made of its neurons can be read and run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np

from hwsnn.errors import InputError
from hwsnn.float_network import AnyFloatNeuron, FloatArray
from hwsnn.spec import Shape

if TYPE_CHECKING:
    import torch
    from torch import nn

Layout: TypeAlias = Literal["step", "state", "frame", "sequence", "batch_first", "folded"]
"""How a module takes a frame of T steps, N frames at a time.

``step``: T calls with (N, ...). ``state``: likewise, with the state of the call before as a second argument, None at
first, and returned beside the output. ``frame``: one call with (N, ...), the loop over time is inside. ``sequence``:
one call with (T, N, ...). ``batch_first``: one call with (N, T, ...). ``folded``: one call with (N T, ...).
"""
CALL_PER_STEP = ("step", "state")


@dataclass(frozen=True, eq=False)
class Node:
    """A module, by its qualified name, as a node of the graph; ``shape``: what it gets, (channels, height, width).

    ``axes``: those of ``shape`` that the module itself sees: all three of an image, (channels, length) of a row, whose
    height is 1, or one, all values of a vector.
    """

    name: str
    module: nn.Module
    shape: Shape
    axes: int = 3

    def error(self, text: str) -> InputError:
        """The exception for an error in this module."""
        return InputError(f"{self.name} ({type(self.module).__name__}): {text}")

    def number(self, what: str, value: Any) -> float:
        """One finite number, from a number or a tensor of one element."""
        found = self.numbers(what, value)
        if found.size != 1:
            raise self.error(f"{what} must be one number, not of shape {found.shape}")
        return float(found.reshape(()))

    def per_channel(self, what: str, value: Any) -> FloatArray:
        """Finite numbers (channels,), from a number or a tensor that is broadcast to the input as the module does."""
        channels, height, width = self.shape
        own = {1: (channels * height * width,), 2: (channels, height * width), 3: self.shape}[self.axes]
        found = self.numbers(what, value)
        try:
            whole = np.broadcast_to(found, own if found.ndim <= len(own) else (1, *own)).reshape(self.shape)
        except ValueError:
            raise self.error(f"{what} has shape {found.shape}, which does not fit its input, {own} a frame") from None
        if (whole != whole[:, :1, :1]).any():
            raise self.error(f"{what} must be the same over a channel's height and width; it differs")
        return np.array(whole[:, 0, 0])

    def numbers(self, what: str, value: Any) -> FloatArray:
        """Finite numbers, as they are."""
        if hasattr(value, "detach"):
            value = value.detach().cpu().double().numpy()
        found = np.asarray(value, np.float64)
        if not np.isfinite(found).all():
            raise self.error(f"{what} must be finite, not {found.reshape(-1)[:3].tolist()}")
        return found


@dataclass(frozen=True, eq=False)
class Reading:
    """What a module of neurons computes: currents reach ``neuron`` times ``gain``, plus ``offset``, (channels,) each.

    ``remarks``: a line for each thing that a user should know. ``weight``: (neurons, inputs), where the module has its
    own weights before the neurons. ``recurrent``: weights of the neurons' own spikes of the step before, which are part
    of the current: (channels, channels), or (channels,) one to one.
    """

    neuron: AnyFloatNeuron
    gain: FloatArray
    offset: FloatArray
    remarks: tuple[str, ...] = ()
    weight: FloatArray | None = None
    recurrent: FloatArray | None = None


class Framework(ABC):
    """A framework of spiking neurons. It is imported only where a module is one of its own, so that it is there."""

    title: ClassVar[str]
    """As its users write it."""
    keeps_states: ClassVar[bool] = True
    """Whether its modules keep their state from call to call; else it is handed to them, or they begin anew."""

    @abstractmethod
    def is_neuron(self, module: nn.Module) -> bool:
        """Whether ``module`` is of this framework's neurons, supported or not, subclasses of a user's own included."""

    @abstractmethod
    def read(self, node: Node) -> Reading:
        """The neurons of ``node`` as they compute. Raises ``InputError`` for what cannot be built exactly."""

    @abstractmethod
    def reset(self, network: nn.Module, frames: int) -> None:
        """Bring all neurons of this framework in ``network`` to where a run of ``frames`` frames begins."""

    @abstractmethod
    def layouts(self, network: nn.Module) -> tuple[Layout, ...]:
        """The layouts in which ``network`` may be called, the likeliest first; none if its modules do not say."""

    def timesteps(self, network: nn.Module) -> int | None:
        """The time steps per frame that the neurons of ``network`` are made for; None if they do not say."""
        return None

    @abstractmethod
    def takes_all_steps(self, module: nn.Module) -> bool:
        """Whether a call of the neurons ``module`` takes all steps of a frame; else it takes one."""

    def folds_steps(self, module: nn.Module) -> bool:
        """Whether the neurons ``module``, which take all steps a call, take frames and steps in one axis."""
        return False

    def takes_its_spikes(self, module: nn.Module) -> bool:
        """Whether the states that are handed to the neurons ``module`` begin with their spikes of the step before."""
        return False

    @abstractmethod
    def membrane(self, module: nn.Module, output: Any) -> torch.Tensor | None:
        """The membrane after a call of the neurons ``module`` that gave ``output``; None if it is not kept.

        The tensor itself, not a copy, where ``output`` or the module holds it: it is known again by its identity.
        """

    def keeps_membrane_before_reset(self, module: nn.Module) -> bool:
        """Whether ``membrane`` is that before the reset, as readouts take it; neurons that never fire have no other."""
        return False

    @abstractmethod
    def distances(self, module: nn.Module) -> AbstractContextManager[list[torch.Tensor]]:
        """While it is open, every call of the neurons ``module`` adds u - threshold, what its spikes are decided by.

        One tensor a step, or one a call that has all steps in the module's own layout. Spikes stay as they are.
        Integrators that never fire add their membrane.
        """
