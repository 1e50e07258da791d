"""Batch norm, neurons and pools in training, as loops that numba compiles: each number is read and written once.

PyTorch makes a pass over memory for each operation, and on a CPU these passes take longer than the convolutions do.
Numbers are bfloat16 with channels last, as its convolutions give them; sums and membranes are of single precision. The
formulas are those of ``torch.nn.BatchNorm2d`` in training and of ``hwsnn.train.fire``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hwsnn.compiled.jit import compiled, inlined

from .fire import THRESHOLD

ONE = 0x3F80
"""1.0 in bfloat16: the upper half of a single."""


def fits(currents: Tensor) -> bool:
    """Whether these loops take ``currents`` (N, C, H, W)."""
    half = currents.dtype == torch.bfloat16 and currents.device.type == "cpu"
    return half and bool(currents.is_contiguous(memory_format=torch.channels_last))


def normed_spikes(currents: Tensor, norm: nn.BatchNorm2d, steps: int, timesteps: int, beta: float) -> Tensor:
    """Spikes (T N, C, H, W) of neurons that reset by subtraction, of currents (``steps`` N, C, H, W) before the norm.

    ``steps`` is T, or 1 for currents that are the same at all steps. The norm's statistics are those of the batch, and
    its running ones move on.
    """
    spikes, mean, variance = _NormedSpikes.apply(
        currents, norm.weight, norm.bias, steps, timesteps, float(beta), float(norm.eps)
    )
    with torch.no_grad():
        count = currents.numel() // currents.shape[1]
        norm.running_mean.lerp_(mean, norm.momentum)
        norm.running_var.lerp_(variance * (count / (count - 1)), norm.momentum)
    found: Tensor = spikes
    return found


def any_spike(spikes: Tensor) -> Tensor:
    """The ``or`` (N, C, H / 2, W / 2) of spikes (N, C, H, W) in windows of 2x2; the gradient goes to the first one."""
    found: Tensor = _AnySpike.apply(spikes)
    return found


class _NormedSpikes(torch.autograd.Function):  # type: ignore[misc]  # PyTorch is untyped here
    @staticmethod
    def forward(
        ctx: Any, currents: Tensor, weight: Tensor, bias: Tensor, steps: int, timesteps: int, beta: float, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        x = _rows(currents)
        channels = x.shape[1]
        of_image = currents.shape[2] * currents.shape[3]
        sums, squares = np.zeros(channels), np.zeros(channels)
        _moments(x, of_image, sums, squares)
        mean = sums / len(x)
        variance = np.maximum(squares / len(x) - mean * mean, 0)
        inverse = 1 / np.sqrt(variance + eps)
        factor = (weight.detach().double().numpy() * inverse).astype(np.float32)
        offset = (bias.detach().double().numpy() - mean * factor).astype(np.float32)
        shape = (len(currents) // steps * timesteps, *currents.shape[1:])
        spikes = torch.empty(shape, dtype=torch.bfloat16, memory_format=torch.channels_last)
        _fire(x, factor, offset, steps, timesteps, np.float32(beta), _rows(spikes))
        ctx.save_for_backward(currents)
        ctx.of_norm = (factor, offset, mean, inverse)
        ctx.of_time = (steps, timesteps, beta, of_image)
        of_batch = torch.as_tensor(mean, dtype=torch.float32), torch.as_tensor(variance, dtype=torch.float32)
        ctx.mark_non_differentiable(*of_batch)
        return spikes, *of_batch

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (currents,) = ctx.saved_tensors
        factor, offset, mean, inverse = ctx.of_norm
        steps, timesteps, beta, of_image = ctx.of_time
        x, of_spikes = _rows(currents), _rows(gradients[0].contiguous(memory_format=torch.channels_last))
        of_currents = torch.empty_like(currents)
        back = _rows(of_currents)
        sums, products = np.zeros(len(mean)), np.zeros(len(mean))
        _fire_back(x, of_spikes, factor, offset, steps, timesteps, np.float32(beta), of_image, back, sums, products)
        of_weight = (products - mean * sums) * inverse
        by_x = -factor * inverse * of_weight / len(x)
        rest = -factor * sums / len(x) - by_x * mean
        _norm_back(x, factor, by_x.astype(np.float32), rest.astype(np.float32), back)
        single = (torch.as_tensor(values, dtype=torch.float32) for values in (of_weight, sums))
        return of_currents, *single, None, None, None, None


class _AnySpike(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, spikes: Tensor) -> Tensor:
        count, channels, height, width = spikes.shape
        shape = (count, channels, height // 2, width // 2)
        pooled = torch.empty(shape, dtype=torch.bfloat16, memory_format=torch.channels_last)
        _pool(image_bits(spikes), image_bits(pooled))
        ctx.save_for_backward(spikes)
        return pooled

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (spikes,) = ctx.saved_tensors
        odd = spikes.shape[2] % 2 or spikes.shape[3] % 2  # a last row or column is in no window
        of_spikes = torch.zeros_like(spikes) if odd else torch.empty_like(spikes)
        pooled = gradients[0].contiguous(memory_format=torch.channels_last)
        _pool_back(image_bits(spikes), image_bits(pooled), image_bits(of_spikes))
        return of_spikes


def image_bits(tensor: Tensor) -> Any:
    """(N, H, W, C), the bits of bfloat16."""
    return tensor.detach().permute(0, 2, 3, 1).view(torch.int16).numpy().view(np.uint16)


def _rows(tensor: Tensor) -> Any:
    """(N H W, C), the bits of bfloat16."""
    return image_bits(tensor).reshape(-1, tensor.shape[1])


@inlined
def single(bits: Any) -> Any:
    return np.uint32(np.uint32(bits) << np.uint32(16)).view(np.float32)


@inlined
def half(value: Any) -> Any:
    """Rounded to the nearest, ties to even."""
    bits = np.float32(value).view(np.uint32)
    return np.uint16((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16))


@compiled
def _moments(x: Any, of_image: int, sums: Any, squares: Any) -> None:
    """Sums and sums of squares of the channels of ``x``, image by image: singles would lose digits over all."""
    channels = x.shape[1]
    first, second = np.empty(channels, np.float32), np.empty(channels, np.float32)
    for start in range(0, len(x), of_image):
        first[:] = 0
        second[:] = 0
        for row in range(start, start + of_image):
            for c in range(channels):
                value = single(x[row, c])
                first[c] += value
                second[c] += value * value
        for c in range(channels):
            sums[c] += first[c]
            squares[c] += second[c]


@compiled
def _fire(x: Any, factor: Any, offset: Any, steps: int, timesteps: int, beta: Any, spikes: Any) -> None:
    channels = x.shape[1]
    count = len(x) // steps
    v = np.empty(channels, np.float32)
    one = np.float32(THRESHOLD)
    for row in range(count):
        v[:] = 0
        for t in range(timesteps):
            seen = row + (t * count if steps > 1 else 0)
            out = row + t * count
            for c in range(channels):
                u = factor[c] * single(x[seen, c]) + offset[c] + beta * v[c]
                fired = u > one
                v[c] = u - one if fired else u
                spikes[out, c] = np.uint16(ONE) if fired else np.uint16(0)


@compiled
def _fire_back(
    x: Any,
    of_spikes: Any,
    factor: Any,
    offset: Any,
    steps: int,
    timesteps: int,
    beta: Any,
    of_image: int,
    back: Any,
    sums: Any,
    products: Any,
) -> None:
    """Gradients of the normed currents to ``back``; sums of them, and of their products with ``x``."""
    channels = x.shape[1]
    count = len(x) // steps
    u = np.empty((timesteps, channels), np.float32)
    of_v, of_all = np.empty(channels, np.float32), np.empty(channels, np.float32)
    v = np.empty(channels, np.float32)
    first, second = np.empty(channels, np.float32), np.empty(channels, np.float32)
    one, zero = np.float32(THRESHOLD), np.float32(0)
    for start in range(0, count, of_image):
        first[:] = 0
        second[:] = 0
        for row in range(start, start + of_image):
            v[:] = 0
            for t in range(timesteps):
                seen = row + (t * count if steps > 1 else 0)
                for c in range(channels):
                    now = factor[c] * single(x[seen, c]) + offset[c] + beta * v[c]
                    u[t, c] = now
                    v[c] = now - one if now > one else now
            of_v[:] = 0
            of_all[:] = 0
            for back_t in range(timesteps):
                t = timesteps - 1 - back_t
                out = row + t * count
                for c in range(channels):
                    slope = max(one - abs(u[t, c] - one), zero)
                    of_u = slope * (single(of_spikes[out, c]) - of_v[c]) + of_v[c]
                    of_all[c] = of_u if steps > 1 else of_all[c] + of_u
                    of_v[c] = beta * of_u
                if steps > 1 or t == 0:
                    seen = out if steps > 1 else row
                    for c in range(channels):
                        first[c] += of_all[c]
                        second[c] += of_all[c] * single(x[seen, c])
                        back[seen, c] = half(of_all[c])
        for c in range(channels):
            sums[c] += first[c]
            products[c] += second[c]


@compiled
def _norm_back(x: Any, factor: Any, by_x: Any, rest: Any, back: Any) -> None:
    """Gradients of the currents before the norm, in place of those of the normed ones."""
    for row in range(len(x)):
        for c in range(x.shape[1]):
            back[row, c] = half(factor[c] * single(back[row, c]) + by_x[c] * single(x[row, c]) + rest[c])


@compiled
def _pool(spikes: Any, pooled: Any) -> None:
    count, height, width, channels = pooled.shape
    for n in range(count):
        for y in range(height):
            for x in range(width):
                for c in range(channels):
                    upper = spikes[n, 2 * y, 2 * x, c] | spikes[n, 2 * y, 2 * x + 1, c]
                    lower = spikes[n, 2 * y + 1, 2 * x, c] | spikes[n, 2 * y + 1, 2 * x + 1, c]
                    pooled[n, y, x, c] = upper | lower


@compiled
def _pool_back(spikes: Any, of_pooled: Any, of_spikes: Any) -> None:
    count, height, width, channels = of_pooled.shape
    none = np.uint16(0)
    for n in range(count):
        for y in range(height):
            for x in range(width):
                for c in range(channels):
                    gradient = of_pooled[n, y, x, c]
                    first = spikes[n, 2 * y, 2 * x, c]
                    second = spikes[n, 2 * y, 2 * x + 1, c]
                    third = spikes[n, 2 * y + 1, 2 * x, c]
                    fourth = spikes[n, 2 * y + 1, 2 * x + 1, c]
                    before = first
                    of_spikes[n, 2 * y, 2 * x + 1, c] = gradient if second & ~before else none
                    before |= second
                    of_spikes[n, 2 * y + 1, 2 * x, c] = gradient if third & ~before else none
                    before |= third
                    of_spikes[n, 2 * y + 1, 2 * x + 1, c] = gradient if fourth & ~before else none
                    before |= fourth
                    # Where none spikes, the first is the largest, too.
                    of_spikes[n, 2 * y, 2 * x, c] = gradient if first or not before else none
