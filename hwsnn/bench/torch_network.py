"""The integer network in PyTorch: the same sums and membranes, in floats that hold its integers exactly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from hwsnn.spec.integers import signed_limits

from .. import reference
from ..reference.exact import exact_float
from ..spec import Conv, Dense, Integrator, MaxPool, MultiplyLeak, Network, Neuron, ShiftLeak

Images = npt.NDArray[np.uint8]


class TorchNetwork:
    """``network`` in PyTorch, one step through all layers after the other.

    A first layer that sees the pixels themselves sums them once for all steps. Other encodings are the reference's own.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._layers = [
            _Pool(layer) if isinstance(layer, MaxPool) else _Weighted(network, index, layer)
            for index, layer in enumerate(network.layers)
        ]

    def scores(self, images: Images, batch: int) -> npt.NDArray[np.int64]:
        """The scores (N, classes) of images (N, C, H, W), ``batch`` of them at a time."""
        with torch.inference_mode():
            parts = [self._scores(images[start : start + batch]) for start in range(0, len(images), batch)]
            scores: npt.NDArray[np.int64] = torch.cat(parts).to(torch.int64).numpy()
        return scores

    def _scores(self, images: Images) -> Tensor:
        direct = self._network.encoder.kind == "direct"
        seen = images[:, np.newaxis] if direct else reference.encode(self._network, images)
        steps = torch.from_numpy(seen.transpose(1, 0, 3, 4, 2).copy()).permute(0, 1, 4, 2, 3)
        for layer in self._layers:
            layer.begin(held=direct and layer is self._layers[0])
        scores = None
        for step in range(self._network.timesteps):
            x = steps[0 if direct else step]
            for layer in self._layers:
                x = layer.step(x)
            scores = x if scores is None or self._network.readout == "membrane" else scores + x
        assert scores is not None  # there is at least one step
        return scores.flatten(1)


class _Weighted:
    """A layer with weights, (N, channels, height, width) to (N, channels, rows, columns) of spikes or membranes."""

    def __init__(self, network: Network, index: int, layer: Conv | Dense) -> None:
        neuron = layer.neuron
        self._layer, self._neuron = layer, neuron
        self._limits = signed_limits(neuron.membrane_bits) if network.can_saturate(index) else None
        membrane = 1 << (neuron.membrane_bits - 1)
        largest = network.current_range(index).magnitude + 2 * int(abs(layer.bias).max()) + membrane
        if isinstance(neuron.leak, MultiplyLeak):
            largest = max(largest, membrane * neuron.leak.multiplier)
        self._type = torch.float32 if exact_float(largest) is np.float32 else torch.float64
        weight = torch.tensor(layer.weight, dtype=self._type)
        if isinstance(layer, Conv):
            self._weight = weight.to(memory_format=torch.channels_last)
        else:
            self._weight = weight.permute(0, 2, 3, 1).flatten(1).contiguous()
        self._bias = torch.tensor(layer.bias, dtype=self._type)
        if isinstance(neuron, Neuron):
            self._threshold = torch.tensor(neuron.threshold, dtype=self._type)[:, None, None]
            if neuron.sub is not None:
                self._sub = torch.tensor(neuron.sub, dtype=self._type)[:, None, None]

    def begin(self, *, held: bool) -> None:
        """Start a batch; ``held``: its inputs are the same at every step."""
        self._held = held
        self._current: Tensor | None = None
        self._v: Tensor | None = None

    def step(self, x: Tensor) -> Tensor:
        if self._current is None or not self._held:
            self._current = self._currents(x)
        v = self._v = self._integrated(self._current)
        if isinstance(self._neuron, Integrator):
            return v
        spikes = torch.ge(v, self._threshold, out=torch.empty_like(v))
        if self._neuron.reset == "subtract":
            v.addcmul_(spikes, self._sub, value=-1)
        elif self._neuron.reset == "zero":
            v.addcmul_(spikes, v, value=-1)
        return spikes

    def _currents(self, x: Tensor) -> Tensor:
        x = x.to(self._type)
        if isinstance(self._layer, Conv):
            return functional.conv2d(x, self._weight, self._bias, self._layer.stride, self._layer.padding)
        return functional.linear(x.permute(0, 2, 3, 1).flatten(1), self._weight, self._bias)[:, :, None, None]

    def _integrated(self, current: Tensor) -> Tensor:
        """saturate(leak(v) + I), written where v was."""
        v, leak = self._v, self._neuron.leak
        if v is None:
            v = current.clone() if self._held else current
        else:
            if isinstance(leak, ShiftLeak):
                v.sub_(torch.mul(v, 2.0**-leak.shift).floor_())
            elif isinstance(leak, MultiplyLeak):
                v.mul_(leak.beta).floor_()
            v.add_(current)
        return v if self._limits is None else v.clamp_(*self._limits)


class _Pool:
    """A spiking max-pool, (N, channels, height, width) to (N, channels, rows, columns)."""

    def __init__(self, layer: MaxPool) -> None:
        self._layer = layer

    def begin(self, *, held: bool) -> None:
        """Start a batch."""
        self._counts: Tensor | None = None

    def step(self, x: Tensor) -> Tensor:
        if self._layer.mode == "or":
            return functional.max_pool2d(x.to(torch.float32), self._layer.size, self._layer.stride)
        counts = x.to(torch.float32)
        self._counts = counts if self._counts is None else self._counts + counts
        # Of equal counts max_pool2d takes the first.
        most, winner = functional.max_pool2d(self._counts, self._layer.size, self._layer.stride, return_indices=True)
        return x.flatten(2).gather(2, winner.flatten(2)).view(most.shape)
