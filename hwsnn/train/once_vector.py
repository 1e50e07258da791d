"""``hwsnn.train.once.potentials`` behind a pool, as compiled loops: each number is read and written once.

As in ``hwsnn.train.vector``: numbers are bfloat16 with channels last, sums are of single precision.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from hwsnn.compiled.jit import compiled

from .vector import half, image_bits, single


def pooled_potentials(membranes: Tensor, timesteps: int, threshold: float, width: float, size: int) -> Tensor:
    """Potentials (T N, C, H / size, W / size) of the largest of these membranes (T N, C, H, W) in each window.

    The gradient goes to the first of equals. A last row or column that is in no window has none.
    """
    ramps: Tensor = _PooledPotentials.apply(membranes, timesteps, threshold, width, size)
    return ramps


class _PooledPotentials(torch.autograd.Function):  # type: ignore[misc]  # PyTorch is untyped here
    @staticmethod
    def forward(ctx: Any, membranes: Tensor, timesteps: int, threshold: float, width: float, size: int) -> Tensor:
        count, channels, height, wide = membranes.shape
        shape = (count, channels, height // size, wide // size)
        ramps, largest = (torch.empty(shape, dtype=torch.bfloat16, memory_format=torch.channels_last) for _ in range(2))
        places = torch.empty(shape, dtype=torch.int16, memory_format=torch.channels_last)
        _rise(image_bits(membranes), timesteps, np.float32(threshold), size, *map(image_bits, (ramps, largest, places)))
        ctx.save_for_backward(largest, places)
        ctx.of = (membranes.shape, timesteps, threshold, width, size)
        return ramps

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        largest, places = ctx.saved_tensors
        shape, timesteps, threshold, width, size = ctx.of
        of_ramps = gradients[0].contiguous(memory_format=torch.channels_last)
        back = torch.empty(shape, dtype=torch.bfloat16, memory_format=torch.channels_last)
        if shape[2] % size or shape[3] % size:
            back.zero_()
        scale = np.float32(1 / (width * threshold))
        seen = map(image_bits, (of_ramps, largest, places))
        _fall(*seen, timesteps, np.float32(threshold), scale, size, image_bits(back))
        return back, None, None, None, None


@compiled
def _rise(membranes: Any, timesteps: int, threshold: Any, size: int, ramps: Any, largest: Any, places: Any) -> None:
    """Ramps, the largest membranes so far, and where in its window that of this step is: size^2 for one before."""
    steps, height, width, channels = ramps.shape
    count = steps // timesteps
    most, ramp = np.empty(channels, np.float32), np.empty(channels, np.float32)
    place = np.empty(channels, np.uint16)
    for n in range(count):
        for y in range(height):
            for x in range(width):
                most[:] = -np.inf
                ramp[:] = 0
                for t in range(timesteps):
                    at = n + t * count
                    place[:] = size * size
                    for window in range(size * size):
                        row, column = y * size + window // size, x * size + window % size
                        for c in range(channels):
                            value = single(membranes[at, row, column, c])
                            more = value > most[c]
                            most[c] = value if more else most[c]
                            place[c] = np.uint16(window) if more else place[c]
                    for c in range(channels):
                        ramp[c] += np.float32(1) if most[c] > threshold else np.float32(0)
                        ramps[at, y, x, c] = half(ramp[c])
                        largest[at, y, x, c] = half(most[c])
                        places[at, y, x, c] = place[c]


@compiled
def _fall(
    of_ramps: Any, largest: Any, places: Any, timesteps: int, threshold: Any, scale: Any, size: int, back: Any
) -> None:
    """Gradients of the membranes to ``back``. ``scale``: 1 / how far the triangle reaches."""
    steps, height, width, channels = of_ramps.shape
    count = steps // timesteps
    of_fired, of_most = np.empty(channels, np.float32), np.empty(channels, np.float32)
    one, zero = np.float32(1), np.float32(0)
    for n in range(count):
        for y in range(height):
            for x in range(width):
                of_fired[:] = 0
                of_most[:] = 0
                for back_t in range(timesteps):
                    at = n + (timesteps - 1 - back_t) * count
                    for c in range(channels):
                        of_fired[c] += single(of_ramps[at, y, x, c])
                        slope = max(one - abs(single(largest[at, y, x, c]) - threshold) * scale, zero)
                        of_most[c] += slope * of_fired[c]
                    for window in range(size * size):
                        row, column = y * size + window // size, x * size + window % size
                        for c in range(channels):
                            here = places[at, y, x, c] == window
                            back[at, row, column, c] = half(of_most[c]) if here else np.uint16(0)
                    for c in range(channels):
                        of_most[c] = of_most[c] if places[at, y, x, c] == size * size else zero
