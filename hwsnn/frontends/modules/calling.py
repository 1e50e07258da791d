"""How a module is called with frames of steps, and what it gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import nn

from hwsnn.errors import InputError
from hwsnn.model_file.bounds import MOST_VALUES, MOST_VALUES_AN_IMAGE
from hwsnn.model_file.notes import Forward
from hwsnn.spec import MAX_EXTENT, MAX_TIMESTEPS, Shape
from hwsnn.spec.checks import require_integer

from .evaluating import evaluating
from .framework import CALL_PER_STEP, Layout
from .frameworks import FRAMEWORKS
from .movement import EVERY_STEP

USUAL: tuple[Layout, ...] = ("step", "frame", "sequence")


@dataclass(frozen=True)
class Frame:
    """A frame: ``sample``, its shape at a step: (C, H, W), (C, L) or (n,); T steps; whether it is ``timed``.

    A frame that is not timed is the same at every step. ``timesteps``: None if they are not known.
    """

    sample: tuple[int, ...]
    timesteps: int | None
    timed: bool

    def __post_init__(self) -> None:
        fits = isinstance(self.sample, tuple) and all(
            type(one) is int and 1 <= one <= MAX_EXTENT for one in self.sample
        )
        if not (fits and 1 <= len(self.sample) <= 3):
            raise ValueError(
                f"sample must be (channels, height, width), (channels, length) or (n,), each from 1 to {MAX_EXTENT}, "
                f"not {self.sample!r}"
            )
        if self.timesteps is not None:
            require_integer("timesteps", self.timesteps, 1, MAX_TIMESTEPS)
        # Before anything of that size is allocated: a model file may say the sample.
        for what, values, most in (
            ("values", prod(self.sample), MOST_VALUES),
            ("values of all time steps", prod(self.sample) * self.steps, MOST_VALUES_AN_IMAGE),
        ):
            if values > most:
                raise InputError(f"sample must have at most {most:,} {what}, not {values:,}")

    @property
    def shape(self) -> Shape:
        """As (channels, height, width): a row has a height of 1, n values are one row of one channel."""
        channels, height, width = (*self.sample[:-1], *(1,) * (3 - len(self.sample)), self.sample[-1])
        return channels, height, width

    @property
    def steps(self) -> int:
        """T, or a number to try with."""
        return self.timesteps or 3

    @property
    def frames(self) -> int:
        """How many to try with: few, and another number than that of steps, so that the two cannot be mixed up."""
        return 3 if self.steps == 2 else 2

    def outer(self, layout: Layout) -> tuple[int, ...]:
        """The dimensions of the input before the sample's."""
        frames, steps = self.frames, self.steps
        return {"sequence": (steps, frames), "batch_first": (frames, steps), "folded": (frames * steps,)}.get(
            layout, (frames,)
        )

    def images(self, layout: Layout, steps: int) -> tuple[int, ...]:
        """The number of the frame of each position of ``outer``, the last dimension first."""
        numbers = range(self.frames)
        if layout in ("batch_first", "folded"):
            return tuple(number for number in numbers for _ in range(steps))
        return tuple(numbers) * (steps if layout == "sequence" else 1)

    def steps_in(self, layout: Layout, steps: int) -> tuple[int, ...]:
        """The number of the step of each position, as ``images``; EVERY_STEP where it is that of the call."""
        if layout in ("batch_first", "folded"):
            return tuple(range(steps)) * self.frames
        numbers = range(steps) if layout == "sequence" else (EVERY_STEP,)
        return tuple(step for step in numbers for _ in range(self.frames))


def layouts_of(module: nn.Module, timed: bool, forward: Forward | None) -> tuple[Layout, ...]:
    """The layouts in which ``module`` may be called, the likeliest first."""
    hints = [layouts for framework in FRAMEWORKS if (layouts := framework.layouts(module))]
    if not hints:
        raise InputError(
            "has no spiking neurons that are known here: those of snnTorch, SpikingJelly, sinabs and Norse are; a "
            "network of ReLUs is converted with --convert"
        )
    found = hints[0] if len(hints) == 1 else USUAL
    wanted = [layout for layout in found if forward is None or (layout in CALL_PER_STEP) == (forward == "step")]
    if timed:
        if wanted == ["frame"]:
            raise InputError("a call has one input for all steps, so it cannot change with time; leave out 'steps'")
        wanted = [layout for layout in wanted if layout != "frame"]
    if not wanted:
        raise InputError(
            f"its neurons cannot be called so: --forward {'all' if forward == 'step' else 'step'} fits them"
        )
    return tuple(wanted)


def reset(module: nn.Module, frames: int) -> None:
    """Bring all neurons to where a run of ``frames`` frames begins."""
    for framework in FRAMEWORKS:
        if any(framework.is_neuron(one) for one in module.modules()):
            framework.reset(module, frames)


def number_type(module: nn.Module) -> tuple[torch.dtype, torch.device]:
    """Those of the module's own numbers."""
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            return tensor.dtype, tensor.device
    return torch.get_default_dtype(), torch.device("cpu")


def run(module: nn.Module, layout: Layout, inputs: torch.Tensor) -> list[Any]:
    """What ``module`` gives for ``inputs`` (T, N, sample), from a fresh start: per step, or once for all steps.

    Frames that are given once must be the same at every step.
    """
    dtype, device = number_type(module)
    with evaluating(module):
        return called(module, layout, inputs.to(dtype=dtype, device=device))


def called(module: nn.Module, layout: Layout, inputs: torch.Tensor) -> list[Any]:
    """As ``run``, of inputs in the module's own numbers, in the mode that the module is in."""
    steps, frames = inputs.shape[:2]
    inputs = inputs.contiguous()  # as a user's own are: a forward may view them in another shape
    reset(module, frames)
    match layout:
        case "step" | "state":
            return step_by_step(module, layout, inputs)
        case "frame":
            return [first(module(inputs[0]))]
        case "sequence":
            return [first(module(inputs))]
        case "batch_first":
            return [first(module(inputs.transpose(0, 1).contiguous()))]
        case "folded":
            return [first(module(inputs.transpose(0, 1).reshape(frames * steps, *inputs.shape[2:])))]


def step_by_step(module: nn.Module, layout: Layout, inputs: Iterable[torch.Tensor]) -> list[torch.Tensor]:
    """What ``module`` gives in a call for each of ``inputs``, with its state of the call before where it takes one."""
    if layout == "step":
        return [first(module(values)) for values in inputs]
    outputs, state = [], None
    for values in inputs:
        output, state = module(values, state)
        outputs.append(first(output))
    return outputs


def first(output: Any) -> torch.Tensor:
    """The first element of an output of several, however deep."""
    while isinstance(output, tuple | list) and output:
        output = output[0]
    if not isinstance(output, torch.Tensor):
        raise InputError(f"its output must be a tensor, or several of them, not {type(output).__name__}")
    return output


def by_step(values: torch.Tensor, layout: Layout, steps: int, frames: int) -> torch.Tensor:
    """(T, N, values) of all steps of one call in ``layout``."""
    if layout in ("batch_first", "folded"):
        return values.reshape(frames, steps, -1).transpose(0, 1)
    return values.reshape(steps, frames, -1)
