"""Tensors of a source network with the values that they should have: what the builder makes is compared with those."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hwsnn.errors import InputError
from hwsnn.float_network import FloatArray, FloatNetwork, FloatNeuron
from hwsnn.frontends import linear
from hwsnn.frontends.graph import Graph
from hwsnn.frontends.terms import Signal
from tests.support.float_simulation import simulate

Pair = tuple[int, int]


@dataclass(frozen=True)
class Node:
    """A node of the source."""

    name: str

    def error(self, text: str) -> InputError:
        """The exception for an error in this node."""
        return InputError(f"node {self.name!r}: {text}")


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor: to the builder, and as values (T, channels, height, width), or (T, n) where it is flat."""

    signal: Signal
    values: FloatArray


class Traced:
    """Builds a graph and computes it, all whole numbers and exact. ``expected``: the spikes of each layer."""

    def __init__(self, seed: int, shape: tuple[int, int, int], *, flat: bool = False, steps: int = 3) -> None:
        self.rng = np.random.default_rng(seed)
        self.graph = Graph()
        self.shape = shape
        self.pixels = self.rng.integers(0, 2, (steps, *shape)).astype(np.float64)
        values = self.pixels.reshape(steps, -1) if flat else self.pixels
        self.input = Tensor(self.graph.input(shape, flat=flat), values)
        self.expected: dict[str, FloatArray] = {}
        self._nodes = 0

    def node(self, kind: str) -> Node:
        """A new node."""
        self._nodes += 1
        return Node(f"{kind}{self._nodes}")

    def whole(self, *shape: int) -> FloatArray:
        """Small whole numbers."""
        return self.rng.integers(-3, 4, shape).astype(np.float64)

    def conv(
        self,
        tensor: Tensor,
        outputs: int,
        kernel: Pair = (1, 1),
        stride: Pair = (1, 1),
        padding: Pair = (0, 0),
        groups: int = 1,
    ) -> Tensor:
        """A convolution with a bias."""
        inputs = tensor.values.shape[1] // groups
        weight, bias = self.whole(outputs, inputs, *kernel), self.whole(outputs)
        node, part = self.node("conv"), outputs // groups
        seen = _windows(tensor.values, kernel, stride, padding)
        sums = [
            np.einsum("tcyxij,ocij->toyx", seen[:, g * inputs : (g + 1) * inputs], weight[g * part : (g + 1) * part])
            for g in range(groups)
        ]
        added = linear.ConvMap(node.name, weight, bias, stride, padding, groups)
        values = np.concatenate(sums, axis=1) + bias[:, None, None]
        return Tensor(self.graph.add(node, tensor.signal, added), values)

    def dense(self, tensor: Tensor, outputs: int) -> Tensor:
        """A fully connected map of a flat tensor."""
        weight, bias, node = self.whole(outputs, tensor.values.shape[1]), self.whole(outputs), self.node("dense")
        added = linear.DenseMap(node.name, weight.reshape(outputs, *tensor.signal.shape), bias)
        return Tensor(self.graph.add(node, tensor.signal, added), tensor.values @ weight.T + bias)

    def scale(self, tensor: Tensor, *, by_element: bool = False) -> Tensor:
        """Factors and offsets by channel, or by element of a flat tensor."""
        values, shape, node = tensor.values, tensor.signal.shape, self.node("scale")
        count = int(np.prod(shape)) if by_element else shape[0]
        factor, offset = self.whole(count), self.whole(count)
        its_shape = shape if by_element else (count, 1, 1)
        added = linear.Scale(node.name, factor.reshape(its_shape), offset.reshape(its_shape))
        spread = values.reshape(len(values), *shape)
        made = spread * added.factor + offset.reshape(its_shape)
        return Tensor(self.graph.add(node, tensor.signal, added), made.reshape(values.shape))

    def sum_pool(self, tensor: Tensor, window: Pair = (2, 2), stride: Pair = (2, 2)) -> Tensor:
        """The sum of a window."""
        node = self.node("pool")
        added = linear.PoolMap(node.name, window, stride, (0, 0), 1.0)
        values = _windows(tensor.values, window, stride).sum(axis=(4, 5))
        return Tensor(self.graph.add(node, tensor.signal, added), values)

    def max_pool(self, tensor: Tensor, window: Pair = (2, 2), stride: Pair = (2, 2)) -> Tensor:
        """The largest of a window."""
        values = _windows(tensor.values, window, stride).max(axis=(4, 5))
        return Tensor(self.graph.add_max_pool(self.node("largest"), tensor.signal, window, stride), values)

    def flat(self, tensor: Tensor) -> Tensor:
        """As a vector."""
        return Tensor(self.graph.flattened(tensor.signal), tensor.values.reshape(len(tensor.values), -1))

    def sum(self, *tensors: Tensor) -> Tensor:
        """The element-wise sum."""
        values = np.sum([tensor.values for tensor in tensors], axis=0)
        return Tensor(self.graph.sum(self.node("sum"), [tensor.signal for tensor in tensors]), values)

    def concatenate(self, *tensors: Tensor) -> Tensor:
        """By channels, or by the values of flat ones."""
        values = np.concatenate([tensor.values for tensor in tensors], axis=1)
        return Tensor(self.graph.concatenate(self.node("cat"), [tensor.signal for tensor in tensors]), values)

    def neurons(self, tensor: Tensor, recurrent: FloatArray | None = None) -> Tensor:
        """Neurons without a leak that subtract; the current reaches them with a gain and an offset by channel."""
        values, channels, node = tensor.values, tensor.signal.shape[0], self.node("neurons")
        gain = self.rng.integers(1, 3, channels).astype(np.float64)
        offset, threshold = self.whole(channels), self.whole(channels)
        threshold = np.asarray(np.abs(threshold) + 1.0, np.float64)
        by_channel = _by_channel(tensor)
        neuron = FloatNeuron(threshold, 1.0, "greater", "subtract")
        signal = self.graph.close(node, tensor.signal, neuron, gain, offset, recurrent)
        v = spikes = np.zeros_like(values[0])
        found = []
        for x in values:
            if recurrent is not None:
                back = recurrent if recurrent.ndim == 2 else np.diag(recurrent)
                by_row = np.tensordot(back, spikes.reshape(channels, -1), axes=1)
                x = x + by_row.reshape(x.shape)
            v = v + by_channel(gain) * x + by_channel(offset)
            spikes = (v > by_channel(threshold)) * 1.0
            v = v - spikes * by_channel(threshold)
            found.append(spikes)
        made = np.array(found)
        self.expected[signal.terms[0].source] = made.reshape(len(made), *signal.shape)
        return Tensor(signal, made)

    def check(self) -> FloatNetwork:
        """The network, whose layers of neurons give the spikes that the source does."""
        network = FloatNetwork("net", self.shape, tuple(self.graph.layers))
        network.check()
        found = simulate(network, self.pixels[np.newaxis])
        for name, spikes in self.expected.items():
            assert (found.spikes[name][0] == spikes).all(), name
        return network


def _by_channel(tensor: Tensor) -> Callable[[FloatArray], FloatArray]:
    """Values per channel of the signal, spread over the values of one step."""
    per_channel = int(np.prod(tensor.signal.shape[1:]))

    def spread(values: FloatArray) -> FloatArray:
        return np.repeat(values, per_channel).reshape(tensor.values.shape[1:])

    return spread


def _windows(x: FloatArray, window: Pair, stride: Pair, padding: Pair = (0, 0)) -> FloatArray:
    """(T, channels, rows, columns, window height, window width)."""
    padded = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    seen = np.lib.stride_tricks.sliding_window_view(padded, window, axis=(2, 3))
    return np.asarray(seen[:, :, :: stride[0], :: stride[1]])
