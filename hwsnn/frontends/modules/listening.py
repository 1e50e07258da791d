"""What the neurons of a module that was read do in a run, and the scores that the run gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch

from hwsnn.errors import InputError
from hwsnn.spec import Readout

from .build import ReadModule
from .calling import by_step, first
from .framework import Framework, Layout
from .frameworks import framework_of


@dataclass(eq=False)
class Heard:
    """What a module of neurons gave at its calls: spikes, u - threshold, and its membrane if that is u."""

    framework: Framework
    spikes: list[torch.Tensor] = field(default_factory=list)
    distances: list[torch.Tensor] = field(default_factory=list)
    membranes: list[torch.Tensor] = field(default_factory=list)


@contextmanager
def listening(read: ReadModule) -> Iterator[dict[str, Heard]]:
    """While it is open, what all neurons of ``read`` do is added to what it gives, by the names of their layers."""
    found = dict[str, Heard]()
    with ExitStack() as stack:
        for name, module in read.neurons.items():
            framework = framework_of(module)
            assert framework is not None
            one = found[name] = Heard(framework)
            stack.callback(module.register_forward_hook(_hearing(one)).remove)
            one.distances = stack.enter_context(framework.distances(module))
        yield found


def _hearing(heard: Heard) -> Callable[..., None]:
    def listen(module: torch.nn.Module, args: Any, output: Any) -> None:
        heard.spikes.append(first(output).detach().clone())
        if heard.framework.keeps_membrane_before_reset(module):
            membrane = heard.framework.membrane(module, output)
            if membrane is not None:
                heard.membranes.append(membrane.detach().clone())

    return listen


def in_time(calls: Sequence[torch.Tensor], layout: Layout, steps: int, frames: int) -> torch.Tensor:
    """What came step by step, or once with all steps, as (T, N, values)."""
    if len(calls) == steps:
        return torch.stack([one.reshape(frames, -1) for one in calls])
    if len(calls) != 1:
        raise InputError(f"its neurons made {len(calls)} steps, not {steps}; it must do the same in every run")
    return by_step(calls[0], layout, steps, frames)


def outputs_in_time(
    read: ReadModule, outputs: Sequence[torch.Tensor], steps: int, frames: int, classes: int
) -> torch.Tensor | None:
    """The outputs (T, N, classes) of a run; None if it gives one for all steps."""
    if len(outputs) > 1:
        return torch.stack([one.reshape(frames, -1) for one in outputs])
    if outputs[0].numel() == steps * frames * classes:
        return by_step(outputs[0], read.order, steps, frames)
    return None


def scores_of(read: ReadModule, outputs: Sequence[torch.Tensor], steps: int, frames: int) -> torch.Tensor:
    """The scores (N, classes) of a run, by the module's own readout."""
    assert read.network.readout is not None
    every = outputs_in_time(read, outputs, steps, frames, prod(read.network.shapes[-1]))
    return outputs[0].reshape(frames, -1) if every is None else reduced(every, read.network.readout)


def reduced(steps: torch.Tensor, readout: Readout) -> torch.Tensor:
    """The scores (N, classes) of spikes or membranes (T, N, classes)."""
    match readout:
        case "count" | "sum":
            return steps.sum(0)
        case "first":
            fired = steps > 0
            return torch.where(fired.any(0), len(steps) - fired.to(torch.uint8).argmax(0), 0)
        case "membrane":
            return steps[-1]
        case "max":
            return steps.amax(0)
