"""Functions that move values without changing them, told by what they do to the positions of the values."""

from __future__ import annotations

import math
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
STAYING = {"contiguous", "clone", "detach", "data", "float", "double", "half", "bool", "to", "type", "type_as", "cpu"}
"""Functions that leave every value in its place, though perhaps in another type or on another device."""
MOVING |= {"movedim", "repeat", "expand", "expand_as", "__getitem__", "select", "unbind", "stack", "cat", "concat"}
MOVING |= STAYING
EVERY_STEP = -1


@dataclass(frozen=True)
class Frames:
    """The dimensions of a tensor: those of frames and steps, and those of a frame's values.

    ``images`` and ``steps``: the numbers of the frame and of the step that each position of ``outer`` is of, the last
    dimension first; ``EVERY_STEP`` for what does not say its step.
    """

    outer: tuple[int, ...]
    inner: tuple[int, ...]
    images: tuple[int, ...]
    steps: tuple[int, ...]

    @property
    def values(self) -> int:
        """In a frame, at a step."""
        return math.prod(self.inner)

    @property
    def of_a_frame(self) -> tuple[int, ...]:
        """The steps of one frame, in the order in which they are there."""
        return tuple(step for image, step in zip(self.images, self.steps, strict=True) if image == self.images[0])


def _flat(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def stacked(call: Call, before: Frames) -> Frames:
    """The dimensions after a stack of steps, the last of ``before``."""
    count = len(call.inputs)
    steps = tuple(max(step - earlier, EVERY_STEP) for earlier in reversed(range(count)) for step in before.steps)
    return Frames((count, *before.outer), before.inner, before.images * count, steps)


def moved(call: Call, before: Frames, position: int, *, most: int | None) -> Frames:
    """The dimensions after ``call``, whose function is run on the positions of the values of ``before``.

    ``most``: of spikes, how many at a step; None where they are other numbers. ``position``: of which of several
    tensors that it gives. Raises ``InputError`` where a frame's values are not all there, in their order.
    """
    size = before.values
    positions = torch.arange(math.prod(before.outer) * size, dtype=torch.float64)
    positions = positions.reshape(*before.outer, *before.inner)
    source = call.inputs[0].tensor
    if call.name == "__getitem__" and any(isinstance(one, torch.Tensor | list) for one in _flat(call.args[1])):
        raise call.error("picks by a list of positions; only numbers and slices are read")

    def in_place_of(one: Any) -> Any:
        if one is source:
            return positions
        if isinstance(one, tuple | list):
            return type(one)(map(in_place_of, one))
        return one

    dtype = call.values[0].tensor.dtype
    if most is None and dtype not in (source.dtype, torch.float32, torch.float64):
        raise call.error(f"rounds currents to {dtype}; leave it out")
    if dtype == torch.bool and most != 1:
        raise call.error("makes truths of numbers of spikes, an OR; only their sum is built")
    if call.name in STAYING:
        return before
    with torch.no_grad():
        result = call.function(*in_place_of(call.args), **call.kwargs)
    if isinstance(result, tuple):  # of unbind
        result = result[position]
    if result.numel() % size == 0 and result.numel():
        rows = result.reshape(-1, size)
        if bool(((rows - rows[:, :1]) == torch.arange(size)).all()) and bool((rows[:, 0] % size == 0).all()):
            shape = tuple(result.shape)
            places = [int(at) // size for at in rows[:, 0]]
            images, steps = (tuple(of[place] for place in places) for of in (before.images, before.steps))
            found = [Frames(shape[:axis], shape[axis:], images, steps) for axis in range(1, len(shape))]
            found = [one for one in found if one.values == size]
            if found:  # several where there is one step, or one channel
                return next((one for one in found if one.outer == before.outer), found[0])
    raise call.error(
        f"makes {'x'.join(map(str, result.shape))} of {'x'.join(map(str, (*before.outer, *before.inner)))}; only "
        "functions that leave all values of a frame in their order are built"
    )
