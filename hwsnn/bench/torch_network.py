"""The integer network in PyTorch: the same sums and membranes, in floats that hold its integers exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce, singledispatch
from typing import Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hwsnn.spec.checks import assert_never, unknown_kind
from hwsnn.spec.integers import Images, Int64Array

from .. import reference
from ..spec import INPUT_INDEX, AnyProjection, Conv, Dense, MaxPool, Network, Population, Readout, Sum
from .torch_neurons import TorchNeurons

Synapses: TypeAlias = Callable[[Tensor], Tensor]
"""From an input to the currents that a projection makes of it."""


class Module(Protocol):
    """A layer. ``begin`` starts a batch; ``held``: of each input, whether it is constant over the steps."""

    def begin(self, held: Sequence[bool]) -> None: ...

    def step(self, *inputs: Tensor) -> Tensor:
        """Of the inputs without delay."""


class TorchNetwork:
    """``network`` in PyTorch: all layers for one step, then the next step.

    With direct encoding the sums of pixels are computed once for all steps. The reference does other encodings.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._layers = [module(layer, network, index) for index, layer in enumerate(network.layers)]
        self._sources = [[edge.source for edge in edges if not edge.delay] for edges in network.edges]

    def scores(self, images: Images, batch: int) -> Int64Array:
        """The scores (N, classes) of images (N, *frame shape), ``batch`` of them at a time."""
        with torch.inference_mode():
            parts = [self._scores(images[start : start + batch]) for start in range(0, len(images), batch)]
            scores: Int64Array = torch.cat(parts).to(torch.int64).numpy()
        return scores

    def _scores(self, images: Images) -> Tensor:
        held = self._network.encoder.held
        seen = images[:, np.newaxis] if held else reference.encode(self._network, images)
        steps = torch.from_numpy(seen.transpose(1, 0, 3, 4, 2).copy()).permute(0, 1, 4, 2, 3)
        for layer, sources in zip(self._layers, self._sources, strict=True):
            layer.begin([held and source == INPUT_INDEX for source in sources])
        last = list[Tensor]()
        for step in range(self._network.timesteps):
            given = {INPUT_INDEX: steps[0 if held else step]}
            for index, (layer, sources) in enumerate(zip(self._layers, self._sources, strict=True)):
                given[index] = layer.step(*(given[source] for source in sources))
            last.append(given[index].flatten(1).to(torch.float64))
        return _read(self._network.readout, torch.stack(last))


def _read(readout: Readout, steps: Tensor) -> Tensor:
    """The scores (N, classes) of spikes or membranes (T, N, classes)."""
    match readout:
        case "count" | "sum":
            return steps.sum(0)
        case "first":
            left = torch.arange(len(steps), 0, -1)[:, None, None]
            return ((steps > 0) * left).amax(0)
        case "membrane":
            return steps[-1]
        case "max":
            return steps.amax(0)
        case _:
            raise assert_never(readout)


class _Population:
    """A layer with neurons: (N, channels, height, width) to (N, channels, rows, columns) of spikes or membranes."""

    def __init__(self, layer: Population, network: Network, index: int) -> None:
        self._neurons = TorchNeurons(network, index)
        self._pool = layer.pool
        self._forward, self._recurrent = list[Synapses](), list[Synapses]()
        for projection in layer.projections:
            kept = self._recurrent if projection.delay else self._forward
            weight = torch.tensor(projection.gained << layer.fraction_bits, dtype=self._neurons.type)
            first = kept is self._forward and not kept
            kept.append(_projected(projection, weight, torch.tensor(layer.bias * first, dtype=self._neurons.type)))

    def begin(self, held: Sequence[bool]) -> None:
        self._held, self._constant = held, all(held) and not self._recurrent
        self._sums: list[Tensor | None] = [None] * len(held)
        self._current: Tensor | None = None
        self._neurons.begin()

    def step(self, *inputs: Tensor) -> Tensor:
        if self._current is None or not self._constant:
            own, spikes = list[Tensor](), self._neurons.spikes
            if spikes is not None:
                own = [synapses(spikes) for synapses in self._recurrent]
            self._current = reduce(torch.add, [*map(self._sum, range(len(inputs)), inputs), *own])
            if self._pool is not None:
                self._current = functional.max_pool2d(self._current, self._pool.size, self._pool.stride)
        return self._neurons.step(self._current)

    def _sum(self, port: int, x: Tensor) -> Tensor:
        found = self._sums[port]
        if found is None or not self._held[port]:
            found = self._sums[port] = self._forward[port](x.to(self._neurons.type))
        return found


def _projected(projection: AnyProjection, weight: Tensor, bias: Tensor) -> Synapses:
    """The currents of an input."""
    match projection:
        case Conv(stride=(down, across), padding_values=None) if across > down:
            # Of one channel and one column of windows oneDNN's sums are wrong (PyTorch 2.13), but not on its side.
            stride, padding = (across, down), projection.padding[::-1]
            turned = _projected(replace(projection, stride=stride, padding=padding), weight.transpose(2, 3), bias)
            return lambda x: turned(x.transpose(2, 3)).transpose(2, 3)
        case Conv(padding_values=None):
            weight = weight.to(memory_format=torch.channels_last)
            how = {"stride": projection.stride, "padding": projection.padding, "groups": projection.groups}
            return lambda x: functional.conv2d(x, weight, bias, **how)
        case Conv():
            bare = _projected(replace(projection, padding=(0, 0), padding_values=None), weight, bias)
            values, (py, px) = torch.tensor(projection.padding_values, dtype=bias.dtype), projection.padding
            sides = (px, px, py, py)
            return lambda x: bare(functional.pad(x, sides) + _outside(x, sides) * values[:, None, None])
        case Dense():
            flat = weight.permute(0, 2, 3, 1).flatten(1).contiguous()
            return lambda x: functional.linear(x.permute(0, 2, 3, 1).flatten(1), flat, bias)[:, :, None, None]
        case _:
            raise assert_never(projection)


def _outside(x: Tensor, padding: tuple[int, int, int, int]) -> Tensor:
    """1 in the padding, 0 in the image."""
    return functional.pad(torch.zeros_like(x[:1]), padding, value=1)


class _Pool:
    """A spiking max-pool, (N, channels, height, width) to (N, channels, rows, columns)."""

    def __init__(self, layer: MaxPool) -> None:
        self._layer = layer

    def begin(self, held: Sequence[bool]) -> None:
        self._counts: Tensor | None = None

    def step(self, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        if self._layer.mode == "or":
            return functional.max_pool2d(x.to(torch.float32), self._layer.size, self._layer.stride)
        counts = x.to(torch.float32)
        self._counts = counts if self._counts is None else self._counts + counts
        # Of equal counts max_pool2d takes the first.
        most, winner = functional.max_pool2d(self._counts, self._layer.size, self._layer.stride, return_indices=True)
        return x.flatten(2).gather(2, winner.flatten(2)).view(most.shape)


class _Sum:
    """A sum of spikes."""

    def begin(self, held: Sequence[bool]) -> None:
        pass

    def step(self, *inputs: Tensor) -> Tensor:
        return reduce(torch.add, inputs)


@singledispatch
def module(layer: object, network: Network, index: int) -> Module:
    """``layer``, which is number ``index`` of the network, in PyTorch."""
    raise unknown_kind("the network in PyTorch", layer)


module.register(Population, _Population)
module.register(MaxPool, lambda layer, network, index: _Pool(layer))
module.register(Sum, lambda layer, network, index: _Sum())
