"""A module made of a framework's spiking neurons, as a float network."""

from __future__ import annotations

from typing import get_args

import numpy as np
from torch import nn

from hwsnn.errors import InputError
from hwsnn.model_file.notes import Forward
from hwsnn.spec import EncoderKind
from hwsnn.spec.checks import require_choice

from ..names import network_name
from .build import Builder, ReadModule
from .calling import Frame, layouts_of
from .evaluating import evaluating
from .frameworks import FRAMEWORKS
from .trial import require_alike


def read_module(
    module: nn.Module,
    sample: tuple[int, ...] | list[int],
    *,
    timesteps: int | None = None,
    encoding: EncoderKind | None = None,
    forward: Forward | None = None,
    name: str = "network",
) -> ReadModule:
    """``module`` as it computes in eval mode.

    ``sample``: the shape of a frame at a step: (C, H, W), (C, L) or (n,). ``forward``: whether a call of the module
    makes a step, or all of them; by default what fits. Raises ``InputError`` for what cannot be built exactly.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"module must be a torch.nn.Module, not {type(module).__name__}")
    if encoding is not None:
        require_choice("encoding", encoding, get_args(EncoderKind))
    if forward is not None:
        require_choice("forward", forward, get_args(Forward))
    told = next(filter(None, (framework.timesteps(module) for framework in FRAMEWORKS)), None)
    sample = tuple(sample) if isinstance(sample, list) else sample
    frame = Frame(sample, told if timesteps is None else timesteps, encoding == "steps")  # checks them
    errors = []
    for layout in layouts_of(module, frame.timed, forward):
        builder = Builder(module, frame, layout, told)
        try:
            with evaluating(module), np.errstate(over="ignore", invalid="ignore"):  # the result is checked
                read = builder.build(network_name(name), encoding)
            require_alike(read)
            return read
        except InputError as error:
            errors.append((builder.came_to, error))
    raise max(errors, key=lambda one: one[0])[1]  # of the layout that came farthest; the likeliest of several
