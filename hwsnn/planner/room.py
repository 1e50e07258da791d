"""Whether a design fits a device, and what would fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hwsnn.folding.folding import LayerFold
from hwsnn.spec import MIN_WEIGHT_BITS, AnyProjection, Network, Population, largest_weight

from .devices import DEVICES, Device
from .resource_estimate import Cost, total_cost

RESOURCES = {"lut": "look-up tables", "ff": "flip-flops", "bram18": "block memories of 18 kbit"}
"""The resources that ``Cost`` and ``Device`` count. No design takes DSP slices: products are made of adders."""


def excess(cost: Cost, device: Device) -> float:
    """The largest share of a resource of the device that a design takes; more than 1 if it does not fit."""
    return max(float(getattr(cost, name) / getattr(device, name)) for name in RESOURCES)


def shortage(cost: Cost, device: Device) -> str:
    """The resources of which a design takes more than the device has, in words; empty if it fits."""
    return " and ".join(
        f"{taken:,} {what} of {there:,} ({100 * taken / there:.1f} %)"
        for name, what in RESOURCES.items()
        if (taken := getattr(cost, name)) > (there := getattr(device, name))
    )


class TooLargeError(ValueError):
    """No design fits the device. The text says what the closest one is short of; ``layers``: its folds."""

    def __init__(self, device: Device, cost: Cost, layers: Mapping[str, LayerFold]) -> None:
        super().__init__(f"no design fits the {device.name}: it would take about {shortage(cost, device)}")
        self.device, self.layers = device, layers

    def would_fit(self, network: Network, percent: float = 100, otherwise: Sequence[str] = ()) -> str:
        """Where the same folds would fit by the estimate, in words: another device, or weights of fewer bits.

        ``percent``: of the look-up tables. ``otherwise``: other ways that are known to fit.
        """

        def fits(other: Network, device: Device) -> bool:
            cost = total_cost(other, self.layers, device)
            return excess(cost, device) <= 1 and cost.lut * 100 <= percent * device.lut

        others = [device for device in DEVICES.values() if device.name != self.device.name]
        found = [f"on the {device.name}" for device in others if fits(network, device)]
        projections = [projection for _, layer in network.populations() for projection in layer.projections]
        most = max(projection.weight_bits for projection in projections)
        for bits in range(most - 1, MIN_WEIGHT_BITS - 1, -1):
            if fits(narrower(network, bits), self.device):
                found.append(f"with weights of {bits} bits")
                break
        found += otherwise
        if not found:
            return f"by the estimate neither another device nor weights of {MIN_WEIGHT_BITS} bits would do"
        return f"by the estimate it would fit {', or '.join(found)}"


def narrower(network: Network, bits: int) -> Network:
    """The network with weights of at most ``bits`` bits, only to estimate its size: its predictions would be wrong."""
    layers = [
        replace(layer, projections=tuple(_narrower(projection, bits) for projection in layer.projections))
        if isinstance(layer, Population)
        else layer
        for layer in network.layers
    ]
    return replace(network, layers=tuple(layers))


def _narrower(projection: AnyProjection, bits: int) -> AnyProjection:
    if projection.weight_bits <= bits:
        return projection
    scale = largest_weight(bits) / largest_weight(projection.weight_bits)
    weight = np.where(projection.weight < 0, -1, 1) if bits == 1 else np.rint(projection.weight * scale).astype(int)
    return replace(projection, weight=weight, weight_bits=bits)
