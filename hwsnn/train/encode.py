"""Pixels as T time steps for training: the encoders of ``docs/numerics.md``.

A data set stays in bytes, a quarter of what it takes in floats; ``floats`` makes floats of those that are needed.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hwsnn.spec.checks import assert_never

from ..spec import EncoderKind


def floats(x: Tensor) -> Tensor:
    """Pixels (N, C, H, W) from 0 to 1 where they are bytes; values by step (N, T, C, H, W), and floats, as they are."""
    if x.dtype != torch.uint8:
        return x
    return x.float() if x.ndim == 5 else x.float() / 255


def encode(images: Tensor, kind: EncoderKind, timesteps: int) -> Tensor:
    """The first layer's inputs (T, N, C, H, W) for pixels (N, C, H, W); of ``direct`` one step for all.

    Pixels are floats from 0 to 1, or bytes.
    ``steps`` takes the values (N, T, C, H, W) as they are.
    ``poisson`` draws from PyTorch's generator: as many spikes as the hardware's shift register, not the same ones.
    """
    images = floats(images)
    if kind == "direct":
        return images.unsqueeze(0)
    steps = torch.arange(timesteps, device=images.device, dtype=images.dtype).view(-1, 1, 1, 1, 1)
    if kind == "uniform":
        # A pixel is a whole number of 255ths: half of one more keeps what should be a whole number from falling short.
        pixels = images + 0.5 / 255 / timesteps
        return (torch.floor((steps + 1) * pixels) > torch.floor(steps * pixels)).to(images.dtype)
    if kind == "poisson":
        return (torch.rand((timesteps, *images.shape), device=images.device) < images * 255 / 256).to(images.dtype)
    if kind == "latency":
        first = torch.floor((1 - images) * (timesteps - 1) + 0.5)
        return ((steps == first) & (images > 0)).to(images.dtype)
    if kind == "steps":
        return images.transpose(0, 1)
    return assert_never(kind)
