"""The weights by which neurons take their own spikes of the step before, from a module of torch within them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hwsnn.float_network import FloatArray

from .framework import Node

if TYPE_CHECKING:
    from torch import nn


def own_spikes(node: Node, what: str, module: nn.Module) -> tuple[FloatArray, FloatArray]:
    """Weights (channels, channels) and bias (channels,) of ``module``, which the neurons of ``node`` call ``what``.

    A Linear, or a convolution of one pixel; moves of values may stand beside it. Raises ``InputError`` for others.
    """
    from torch import nn

    parts: Sequence[nn.Module] = list(module) if type(module) is nn.Sequential else [module]
    weighted = [part for part in parts if type(part) not in (nn.Flatten, nn.Unflatten, nn.Identity)]
    found = weighted[0] if len(weighted) == 1 else module
    channels, height, width = node.shape
    if type(found) is nn.Linear:
        if (height, width) != (1, 1):
            raise node.error(
                f"{what} is a Linear over an image of {height}x{width}; only recurrence within a position "
                "is built: a Conv2d of 1x1"
            )
        weight = node.numbers(f"the weight of {what}", found.weight)
    elif type(found) is nn.Conv2d:
        if (found.kernel_size, found.stride, found.padding, found.groups) != ((1, 1), (1, 1), (0, 0), 1):
            size = "x".join(map(str, found.kernel_size))
            raise node.error(
                f"{what} is a convolution of {size}; only recurrence within a position is built: 1x1, without strides, "
                "padding and groups"
            )
        weight = node.numbers(f"the weight of {what}", found.weight)[:, :, 0, 0]
    else:
        raise node.error(f"{what} must be an nn.Linear or an nn.Conv2d of 1x1, not {type(found).__name__}")
    if weight.shape != (channels, channels):
        raise node.error(f"{what} must make {channels} channels of {channels}, not {len(weight)} of {weight.shape[1]}")
    bias = np.zeros(channels) if found.bias is None else node.numbers(f"the bias of {what}", found.bias)
    return weight, bias
