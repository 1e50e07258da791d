"""From a wish, a frame rate or a share of a device, to a whole folding with its exact clocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import cycles
from .devices import Device
from .errors import InputError
from .fold import Balance, Chooser, Cost, TooFastError, layer_cost
from .fold import file as fold_file
from .spec import Folding, LayerFold, Network

ATTEMPTS = 8
"""How often folds are chosen anew, each time for fewer clocks, where the exact model finds that they miss the target."""


@dataclass(frozen=True)
class Plan:
    """A folding, what it does and what it costs.

    ``clocks``: of the exact cycle model. ``cost``: estimated, of ``device``. ``limiting``: the layer that takes most clocks,
    or ``pixels``. ``faster``: the next faster balance, None where there is none or where the folds were given.
    """

    folding: Folding
    clocks: cycles.Cycles
    cost: Cost
    device: Device
    limiting: str
    faster: Balance | None = None


def for_share(network: Network, device: Device, percent: float | None = None) -> Plan:
    """The fastest design within ``percent`` of the device's look-up tables (``device.share`` where that is None).

    Raises ``InputError`` where not even the smallest design is that small.
    """
    wanted = device.share if percent is None else percent
    balance = Chooser(network, device).within_luts(wanted)
    taken = 100 * balance.cost.lut / device.lut
    if percent is not None and taken > percent:
        raise InputError(
            f"{network.name}: its smallest design takes about {taken:.1f} % of the look-up tables of {device.name}, "
            f"not {percent:g} %"
        )
    return _planned(network, device, balance)


def for_rate(network: Network, device: Device, frames_a_second: float, clock_mhz: float) -> Plan:
    """The cheapest design of at least so many frames a second at a clock. Raises ``InputError`` where there is none."""
    wanted = clock_mhz * 1e6 / frames_a_second
    chooser, target = Chooser(network, device), int(wanted)
    for _ in range(ATTEMPTS):
        try:
            plan = _planned(network, device, chooser.within_clocks(target))
        except TooFastError as error:
            raise InputError(
                f"{network.name}: {frames_a_second:,g} frames/s at {clock_mhz:g} MHz are too many: {error}"
            ) from None
        if plan.clocks.cycles_per_frame <= wanted:
            return plan
        target = min(target - 1, int(target * wanted / plan.clocks.cycles_per_frame))
    raise InputError(
        f"{network.name}: {frames_a_second:,g} frames/s at {clock_mhz:g} MHz are too many: "
        f"{float(plan.clocks.cycles_per_frame):g} clocks a frame are the fewest that were found, not {wanted:g}"
    )


def from_file(network: Network, device: Device, path: Path) -> Plan:
    """The folds in a file; queues as deep as it says, or as the cycle model finds. Raises ``InputError``."""
    layers, folding = fold_file.load(path, network)
    return with_folds(network, device, layers, folding)


def with_folds(
    network: Network, device: Device, layers: Mapping[str, LayerFold], folding: Folding | None = None
) -> Plan:
    """A plan of folds that are given."""
    folding = folding or cycles.queue_depths(network, layers)
    exact = cycles.simulate(network, folding)
    return Plan(folding, exact, _cost(network, folding, device), device, exact.bottleneck)


def _planned(network: Network, device: Device, balance: Balance) -> Plan:
    folding = cycles.queue_depths(network, balance.layers)
    exact = cycles.simulate(network, folding)
    return Plan(folding, exact, balance.cost, device, balance.limiting, balance.faster)


def _cost(network: Network, folding: Folding, device: Device) -> Cost:
    any_fold = LayerFold(1, 1)
    return sum(
        (
            layer_cost(
                network, index, folding.layers.get(layer.name, any_fold), folding.beat_steps(network, index - 1), device
            )
            for index, layer in enumerate(network.layers)
        ),
        Cost(),
    )
