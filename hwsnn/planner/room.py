"""Whether a design fits a device, and what would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hwsnn.folding.folding import LayerFold
from hwsnn.spec import MIN_WEIGHT_BITS, Network, Weighted

from .devices import DEVICES, Device
from .resource_estimate import Cost, total_cost

RESOURCES = {"lut": "look-up tables", "ff": "flip-flops", "bram18": "block memories of 18 kbit"}
"""What a design may be short of, as ``Cost`` and ``Device`` have it. None takes DSP slices: products are adders."""


def excess(cost: Cost, device: Device) -> float:
    """How many times the device a design takes, of what it takes most of; more than 1 where it does not fit."""
    return max(float(getattr(cost, name) / getattr(device, name)) for name in RESOURCES)


def shortage(cost: Cost, device: Device) -> str:
    """What a design takes more of than the device has, in words; nothing where it fits."""
    return " and ".join(
        f"{taken:,} {what} of {there:,} ({100 * taken / there:.1f} %)"
        for name, what in RESOURCES.items()
        if (taken := getattr(cost, name)) > (there := getattr(device, name))
    )


class TooLargeError(ValueError):
    """No design fits the device; says what the one that comes closest is short of. ``layers``: its folds."""

    def __init__(self, device: Device, cost: Cost, layers: Mapping[str, LayerFold]) -> None:
        super().__init__(f"no design fits the {device.name}: it would take about {shortage(cost, device)}")
        self.device, self.layers = device, layers

    def would_fit(self, network: Network, percent: float = 100, otherwise: Sequence[str] = ()) -> str:
        """What of the same folds would fit by the estimate, in words: another device, or weights of fewer bits.

        ``percent``: of the look-up tables. ``otherwise``: what else is known to fit.
        """

        def fits(other: Network, device: Device) -> bool:
            cost = total_cost(other, self.layers, device)
            return excess(cost, device) <= 1 and cost.lut * 100 <= percent * device.lut

        others = [device for device in DEVICES.values() if device.name != self.device.name]
        found = [f"on the {device.name}" for device in others if fits(network, device)]
        most = max(layer.weight_bits for _, layer in network.weighted_layers())
        for bits in range(most - 1, MIN_WEIGHT_BITS - 1, -1):
            if fits(narrower(network, bits), self.device):
                found.append(f"with weights of {bits} bits")
                break
        found += otherwise
        if not found:
            return f"by the estimate neither another device nor weights of {MIN_WEIGHT_BITS} bits would do"
        return f"by the estimate it would fit {', or '.join(found)}"


def narrower(network: Network, bits: int) -> Network:
    """The network with weights of at most so many bits. Its answers are others; its size is about what it would be."""
    layers = [
        layer
        if not isinstance(layer, Weighted) or layer.weight_bits <= bits
        else replace(
            layer,
            weight=np.rint(layer.weight * (((1 << (bits - 1)) - 1) / ((1 << (layer.weight_bits - 1)) - 1))).astype(int),
            weight_bits=bits,
        )
        for layer in network.layers
    ]
    return replace(network, layers=tuple(layers))
