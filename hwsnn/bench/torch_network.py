"""The integer network in PyTorch: the same sums and membranes, in floats that hold its integers exactly."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import singledispatch
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hwsnn.spec.checks import assert_never, unknown_kind
from hwsnn.spec.integers import Images, Int64Array, signed_limits

from .. import reference
from ..reference.exact import exact_float
from ..spec import Conv, Dense, Integrator, Leak, MaxPool, MultiplyLeak, Network, Neuron, NoLeak, Population, ShiftLeak


class Module(Protocol):
    """A layer. ``begin`` starts a batch; ``held``: its inputs are constant over the steps."""

    def begin(self, *, held: bool) -> None: ...

    def step(self, x: Tensor) -> Tensor: ...


class TorchNetwork:
    """``network`` in PyTorch: all layers for one step, then the next step.

    With direct encoding the first layer's sums are computed once for all steps. The reference does other encodings.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._layers = [module(layer, network, index) for index, layer in enumerate(network.layers)]

    def scores(self, images: Images, batch: int) -> Int64Array:
        """The scores (N, classes) of images (N, C, H, W), ``batch`` of them at a time."""
        with torch.inference_mode():
            parts = [self._scores(images[start : start + batch]) for start in range(0, len(images), batch)]
            scores: Int64Array = torch.cat(parts).to(torch.int64).numpy()
        return scores

    def _scores(self, images: Images) -> Tensor:
        spikes = self._network.encoder.spikes
        seen = reference.encode(self._network, images) if spikes else images[:, np.newaxis]
        steps = torch.from_numpy(seen.transpose(1, 0, 3, 4, 2).copy()).permute(0, 1, 4, 2, 3)
        for layer in self._layers:
            layer.begin(held=not spikes and layer is self._layers[0])
        scores = None
        for step in range(self._network.timesteps):
            x = steps[step if spikes else 0]
            for layer in self._layers:
                x = layer.step(x)
            scores = x if scores is None or self._network.readout == "membrane" else scores + x
        assert scores is not None  # there is at least one step
        return scores.flatten(1)


class _Weighted(ABC):
    """A layer with weights, (N, channels, height, width) to (N, channels, rows, columns) of spikes or membranes."""

    def __init__(self, layer: Population, network: Network, index: int) -> None:
        neuron = layer.neuron
        self._neuron = neuron
        self._limits = signed_limits(neuron.membrane_bits) if bool(network.saturating(index)) else None
        membrane = 1 << (neuron.membrane_bits - 1)
        sums = network.current_range(index).magnitude + 2 * int(abs(layer.bias).max()) + membrane
        largest = max(sums, neuron.leak.largest_product(membrane))
        self._type = torch.float32 if exact_float(largest) is np.float32 else torch.float64
        self._bias = torch.tensor(layer.bias, dtype=self._type)
        self._constants = {
            name: torch.tensor(values, dtype=self._type)[:, None, None] for name, values in neuron.constants.items()
        }

    def begin(self, *, held: bool) -> None:
        self._held = held
        self._current: Tensor | None = None
        self._v: Tensor | None = None

    def step(self, x: Tensor) -> Tensor:
        if self._current is None or not self._held:
            self._current = self._currents(x.to(self._type))
        v = self._v = self._integrated(self._current)
        match self._neuron:
            case Integrator():
                return v
            case Neuron():
                spikes = torch.ge(v, self._constants["threshold"], out=torch.empty_like(v))
                if self._neuron.reset == "subtract":
                    v.addcmul_(spikes, self._constants["sub"], value=-1)
                elif self._neuron.reset == "zero":
                    v.addcmul_(spikes, v, value=-1)
                return spikes
            case neuron:
                raise assert_never(neuron)

    @abstractmethod
    def _currents(self, x: Tensor) -> Tensor:
        """The input currents of a step."""

    def _integrated(self, current: Tensor) -> Tensor:
        """saturate(leak(v) + I), in place of v."""
        v = self._v
        if v is None:
            v = current.clone() if self._held else current
        else:
            v = _leaked_in_place(self._neuron.leak, v).add_(current)
        return v if self._limits is None else v.clamp_(*self._limits)


class _Conv(_Weighted):
    def __init__(self, conv: Conv, layer: Population, network: Network, index: int) -> None:
        super().__init__(layer, network, index)
        self._conv = conv
        self._weight = torch.tensor(conv.weight, dtype=self._type).to(memory_format=torch.channels_last)

    def _currents(self, x: Tensor) -> Tensor:
        conv = self._conv
        return functional.conv2d(x, self._weight, self._bias, conv.stride, conv.padding, groups=conv.groups)


class _Dense(_Weighted):
    def __init__(self, dense: Dense, layer: Population, network: Network, index: int) -> None:
        super().__init__(layer, network, index)
        self._weight = torch.tensor(dense.weight, dtype=self._type).permute(0, 2, 3, 1).flatten(1).contiguous()

    def _currents(self, x: Tensor) -> Tensor:
        return functional.linear(x.permute(0, 2, 3, 1).flatten(1), self._weight, self._bias)[:, :, None, None]


def _leaked_in_place(leak: Leak, v: Tensor) -> Tensor:
    match leak:
        case NoLeak():
            return v
        case ShiftLeak():
            return v.sub_(torch.mul(v, 2.0**-leak.shift).floor_())
        case MultiplyLeak():
            return v.mul_(leak.multiplier / 2**leak.shift).floor_()
        case _:
            raise assert_never(leak)


class _Pool:
    """A spiking max-pool, (N, channels, height, width) to (N, channels, rows, columns)."""

    def __init__(self, layer: MaxPool) -> None:
        self._layer = layer

    def begin(self, *, held: bool) -> None:
        self._counts: Tensor | None = None

    def step(self, x: Tensor) -> Tensor:
        if self._layer.mode == "or":
            return functional.max_pool2d(x.to(torch.float32), self._layer.size, self._layer.stride)
        counts = x.to(torch.float32)
        self._counts = counts if self._counts is None else self._counts + counts
        # Of equal counts max_pool2d takes the first.
        most, winner = functional.max_pool2d(self._counts, self._layer.size, self._layer.stride, return_indices=True)
        return x.flatten(2).gather(2, winner.flatten(2)).view(most.shape)


@singledispatch
def module(layer: object, network: Network, index: int) -> Module:
    """``layer``, which is number ``index`` of the network, in PyTorch."""
    raise unknown_kind("the network in PyTorch", layer)


@module.register
def _(layer: Population, network: Network, index: int) -> Module:
    projection = layer.projection
    match projection:
        case Conv():
            return _Conv(projection, layer, network, index)
        case Dense():
            return _Dense(projection, layer, network, index)
        case _:
            raise assert_never(projection)


module.register(MaxPool, lambda layer, network, index: _Pool(layer))
