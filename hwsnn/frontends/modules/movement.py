"""Functions that move values without changing them, told by what they do to the positions of the values."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from .recording import Call

MOVING = {
    "view",
    "reshape",
    "flatten",
    "unflatten",
    "ravel",
    "squeeze",
    "unsqueeze",
    "transpose",
    "permute",
    "swapaxes",
}
MOVING |= {"movedim", "repeat", "expand", "expand_as", "contiguous", "clone", "detach", "data", "__getitem__", "select"}
MOVING |= {"float", "double", "half", "to", "type", "unbind", "type_as", "cpu", "stack", "cat", "concat"}


@dataclass(frozen=True)
class Frames:
    """The dimensions of a tensor: those of frames and steps, and those of a frame's values."""

    outer: tuple[int, ...]
    inner: tuple[int, ...]

    @property
    def values(self) -> int:
        """In a frame, at a step."""
        return math.prod(self.inner)


def moved(call: Call, function: Callable[..., Any], before: Frames) -> Frames:
    """The dimensions after ``function``, which is run on the positions of the values of ``before``.

    Raises ``InputError`` where a frame's values are not all there, in their order.
    """
    size = before.values
    positions = torch.arange(math.prod(before.outer) * size, dtype=torch.float64)
    positions = positions.reshape(*before.outer, *before.inner)
    source = call.inputs[0].tensor

    def in_place_of(one: Any) -> Any:
        if one is source:
            return positions
        if isinstance(one, tuple | list):
            return type(one)(map(in_place_of, one))
        return one

    with torch.no_grad():
        result = function(*in_place_of(call.args), **call.kwargs)
    if isinstance(result, tuple):  # of unbind: each is alike
        result = result[0]
    if result.numel() % size == 0 and result.numel():
        rows = result.reshape(-1, size)
        if bool(((rows - rows[:, :1]) == torch.arange(size)).all()) and bool((rows[:, 0] % size == 0).all()):
            shape = tuple(result.shape)
            found = [Frames(shape[:axis], shape[axis:]) for axis in range(1, len(shape))]
            found = [one for one in found if one.values == size]
            if found:  # several where there is one step, or one channel
                return next((one for one in found if one.outer == before.outer), found[0])
    raise call.error(
        f"makes {'x'.join(map(str, result.shape))} of {'x'.join(map(str, (*before.outer, *before.inner)))}; only "
        "functions that leave all values of a frame in their order are built"
    )
