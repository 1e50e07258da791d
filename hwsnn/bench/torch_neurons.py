"""The neurons of a layer in PyTorch, in place: the same state as the reference's, in floats that hold it exactly."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hwsnn.spec.checks import assert_never
from hwsnn.spec.integers import IntArray, signed_limits

from ..reference.exact import exact_float
from ..spec import ChannelLeak, Leak, MultiplyLeak, Network, Neuron, NoLeak, ShiftLeak


class TorchNeurons:
    """The neurons of layer ``index`` of ``network``, over the steps of a batch."""

    def __init__(self, network: Network, index: int) -> None:
        layer = network.population(index)
        self._neuron = neuron = layer.neuron
        self._fires = network.gives_spikes(index)
        signed = [variable for variable in neuron.state if variable.signed]
        self._limits = {v.name: signed_limits(v.bits) for v in signed if v.name in network.saturating(index)}
        halves = [1 << (variable.bits - 1) for variable in signed]  # of v, then of s: the order of the leaks
        currents = network.current_range(index).magnitude + 2 * int(abs(layer.bias).max())
        products = [leak.largest_product(half) for leak, half in zip(neuron.leaks, halves, strict=True)]
        largest = max(currents, *halves) + max(halves)
        self.type = torch.float32 if exact_float(max(largest, *products)) is np.float32 else torch.float64
        """Of currents and state: it holds every value of a step."""
        self._constants = {name: self._by_channel(values) for name, values in neuron.constants.items()}
        thresholds = neuron.thresholds if isinstance(neuron, Neuron) else ()
        self._further = [self._by_channel(values) for values in thresholds[1:]]

    def begin(self) -> None:
        """Start a batch."""
        self._v = self._constants.get("initial")
        self._s: Tensor | None = None
        self._spikes: Tensor | None = None
        self._silent: Tensor | None = None

    @property
    def spikes(self) -> Tensor | None:
        """Those of the last step; None before the first one."""
        return self._spikes

    def step(self, current: Tensor) -> Tensor:
        """The spikes, or u where membranes are read, for a current (N, channels, rows, columns), which is kept."""
        s = self._synaptic(current)
        reset = self._neuron.reset if isinstance(self._neuron, Neuron) else "none"
        sub, before = self._constants.get("sub"), self._v
        taken = None
        if reset == "undelayed-subtract" and before is not None:
            taken = torch.ge(before, self._constants["threshold"]) * sub
        v = s.clone() if before is None else self._leaked(self._neuron.leak, "multiplier", before, s).add_(s)
        whole = v.clone() if reset == "undelayed-subtract" else v
        if taken is not None:
            v.sub_(taken)
        elif self._spikes is not None and reset == "late-subtract":
            v.addcmul_(self._spikes, sub, value=-1)
        elif self._spikes is not None and reset == "late-zero":
            v.addcmul_(self._spikes, v, value=-1)
        self._clamp("v", v)
        spikes = self._spikes = self._fired(v)
        seen = spikes if self._fires else v.clone()
        match reset:
            case "subtract":
                v.addcmul_(spikes, sub, value=-1)
            case "zero":
                v.mul_(spikes == 0) if self._further else v.addcmul_(spikes, v, value=-1)
            case "none" | "late-subtract" | "late-zero":
                pass
            case "undelayed-subtract":
                v = self._clamp("v", whole.addcmul_(spikes, sub, value=-1))
            case _:
                raise assert_never(reset)
        floor = self._constants.get("floor")
        self._v = v if floor is None else torch.maximum(v, floor, out=v)
        return seen

    def _synaptic(self, current: Tensor) -> Tensor:
        synapse = self._neuron.synapse
        if synapse is None:
            return current
        if self._s is None:
            self._s = current.clone()
        else:
            self._s = self._leaked(synapse.leak, "synapse_multiplier", self._s, current).add_(current)
        return self._clamp("s", self._s)

    def _leaked(self, leak: Leak, multipliers: str, v: Tensor, like: Tensor) -> Tensor:
        """leak(v), in place of v if that has the shape of ``like``; an initial membrane has one value per channel."""
        v = v if v.shape == like.shape else v.expand_as(like).clone()
        match leak:
            case NoLeak():
                return v
            case ShiftLeak():
                return v.sub_(torch.mul(v, 2.0**-leak.shift).floor_())
            case MultiplyLeak():
                return v.mul_(leak.multiplier / 2**leak.shift).floor_()
            case ChannelLeak():
                return v.mul_(self._constants[multipliers] / 2**leak.shift).floor_()
            case _:
                raise assert_never(leak)

    def _clamp(self, name: str, values: Tensor) -> Tensor:
        return values.clamp_(*self._limits[name]) if name in self._limits else values

    def _fired(self, u: Tensor) -> Tensor:
        if not isinstance(self._neuron, Neuron):
            return u
        spikes = torch.ge(u, self._constants["threshold"], out=torch.empty_like(u))
        for threshold in self._further:
            spikes.add_(torch.ge(u, threshold))
        if self._neuron.once:
            if self._silent is not None:
                spikes.mul_(self._silent == 0)
            self._silent = spikes if self._silent is None else self._silent + spikes
        return spikes

    def _by_channel(self, values: IntArray) -> Tensor:
        return torch.tensor(values, dtype=self.type)[:, None, None]
