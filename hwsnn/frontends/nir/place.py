"""What a node of a NIR graph gets, and its parameters in that shape."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hwsnn.float_network import FloatArray
from hwsnn.spec import Shape

from .graph_file import Node


@dataclass(frozen=True)
class Place:
    """The input of a node: its shape (channels, height, width), and whether it is flat."""

    shape: Shape
    flat: bool

    def per_element(self, node: Node, key: str, *, finite: bool = True) -> FloatArray:
        """Values for every element: of the whole shape, or (channels or 1, 1, 1) if they are the same over space.

        Leading dimensions of 1, left by a trace, are dropped.
        """
        value, channels = node.numbers(key, finite=finite), self.shape[0]
        if value.size == 1:
            return value.reshape(1, 1, 1)
        for axis in range(value.ndim):
            inner = value.shape[axis:]
            if inner == self.shape or (self.flat and inner == (math.prod(self.shape),)):
                return value.reshape(self.shape)
            if not self.flat and inner in ((channels,), (channels, 1, 1)):
                return value.reshape(channels, 1, 1)
            if inner[0] != 1:
                if (1,) * (3 - len(inner)) + inner == self.shape:  # rows of an image of one channel
                    return value.reshape(self.shape)
                if self.shape[1] == 1 and inner == (channels, self.shape[2]):  # channels of a row
                    return value.reshape(self.shape)
                break
        raise node.error(f"{key!r} has shape {value.shape}, but the layer gets {self}; write one value an element")

    def per_channel(self, node: Node, key: str, *, finite: bool = True) -> FloatArray:
        """Values (channels,), each the same over its channel's height and width."""
        value = self.per_element(node, key, finite=finite)
        if (value != value[:, :1, :1]).any():
            raise node.error(f"{key!r} must be the same over a channel's height and width; it differs")
        return np.array(np.broadcast_to(value[:, 0, 0], (self.shape[0],)))

    def __str__(self) -> str:
        return f"{math.prod(self.shape)} values" if self.flat else f"an image of {'x'.join(map(str, self.shape))}"
