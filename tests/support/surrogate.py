"""One step's spike and its surrogate gradient as autograd would chain them: what fused functions are compared with."""

from __future__ import annotations

from typing import Any

import torch


class Spike(torch.autograd.Function):  # type: ignore[misc]  # PyTorch is untyped here
    """A spike above 1, whose derivative is the triangle."""

    @staticmethod
    def forward(ctx: Any, u: Any) -> Any:
        ctx.save_for_backward(u)
        return (u > 1).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        (u,) = ctx.saved_tensors
        return gradient * (1 - (u - 1).abs()).clamp(min=0)
