"""From a target, a frame rate or a share of a device, to a complete folding with its exact cycle count."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from pathlib import Path

from hwsnn import cycles
from hwsnn.cycles import Cycles, DeadlockError
from hwsnn.errors import InputError
from hwsnn.folding import file as fold_file
from hwsnn.folding.column_pairs import with_pixels
from hwsnn.folding.folding import Folding, LayerFold
from hwsnn.folding.input_beats import arriving_beats
from hwsnn.spec import INPUT_INDEX, Network

from . import Candidate, Cost, FoldingSearch, TooFastError, TooLargeError, edge_cost, shortage, total_cost
from .devices import Device

ATTEMPTS = 8
"""How often the folds are chosen again, for fewer cycles each time, if the exact model finds them too slow."""
NO_LAYERS = ("pixels", "encoder", "readout")
"""What can limit a design besides its layers; no fold makes these faster."""


@dataclass(frozen=True)
class Plan:
    """A folding, its speed and its cost.

    ``cycles``: by the exact cycle model. ``cost``: estimated, on ``device``. ``limiting``: the layer that takes most
    cycles, ``encoder`` or ``readout``; or ``pixels``, if the first layer takes them as they arrive.
    ``faster``: the next faster candidate, with exact cycles too; None if none fits, or if the folds were given.
    ``remark``: one line if the design is larger than the device, or larger than usual without a limit on its size.
    """

    folding: Folding
    cycles: Cycles
    cost: Cost
    device: Device
    limiting: str
    faster: Candidate | None = None
    remark: str | None = None


def for_utilization(network: Network, device: Device, percent: float | None = None, pixels_per_cycle: int = 1) -> Plan:
    """The fastest design within ``percent`` of the device's look-up tables, by default within the device's own shares.

    If even the smallest design is larger, that one; but ``InputError`` if ``percent`` is given. Also raises it if no
    design fits the device.
    """
    search = FoldingSearch(network, device, pixels_per_cycle)
    try:
        candidate = search.within_shares() if percent is None else search.within_luts(percent, strictly=True)
    except TooLargeError as error:
        larger = []
        if percent is not None:
            with suppress(TooLargeError):
                cost = search.within_luts(percent).cost
                larger.append(f"within {ceil(100 * cost.lut / device.lut)} % of the look-up tables")
        advice = error.would_fit(search.network, percent or 100, larger)
        raise InputError(f"{network.name}: {error}; {advice}") from None
    taken = 100 * candidate.cost.lut / device.lut
    if percent is not None and taken > percent:
        raise InputError(
            f"{network.name}: its smallest design takes about {taken:.2f} % of the look-up tables of {device.name}, "
            f"not {percent:g} %"
        )
    planned = _planned(network, device, search, candidate, pixels_per_cycle)
    return planned if percent is not None else _with_remark(planned, ": none within that was found")


def for_throughput(network: Network, device: Device, fps: float, clock_mhz: float, pixels_per_cycle: int = 1) -> Plan:
    """The cheapest design of at least ``fps`` frames per second at a clock. Raises ``InputError`` if there is none."""
    target = f"{fps:,.10g} frames/s at {clock_mhz:g} MHz"
    try:
        planned = for_initiation_interval(network, device, clock_mhz * 1e6 / fps, pixels_per_cycle)
        return _with_remark(planned, f", for {target}")
    except TooFastError as error:
        raise InputError(f"{network.name}: {target} are too many: {error}") from None
    except TooLargeError as error:
        slower, search = list[str](), FoldingSearch(network, device, pixels_per_cycle)
        with suppress(TooLargeError):
            fastest = search.within_luts(100)
            slower.append(f"at about {clock_mhz * 1e6 / fastest.cycles_per_frame:,.0f} frames/s")
        advice = error.would_fit(search.network, otherwise=slower)
        raise InputError(f"{network.name}: {target} are too many: {error}; {advice}") from None


def for_initiation_interval(network: Network, device: Device, most: float, pixels_per_cycle: int = 1) -> Plan:
    """The cheapest design of at most ``most`` cycles per frame.

    Raises ``TooFastError`` if there is none, and ``TooLargeError`` if it does not fit the device.
    """
    search = FoldingSearch(network, device, pixels_per_cycle)
    target, found = int(most), list[Plan]()
    for _ in range(ATTEMPTS):
        try:
            candidate = search.within_cycles(target)
        except (TooFastError, TooLargeError):
            if found:  # its text would name a target that nobody asked for
                break
            raise
        found.append(_planned(network, device, search, candidate, pixels_per_cycle))
        exact = found[-1].cycles.cycles_per_frame
        if exact <= most:
            return found[-1]
        target = min(target - 1, int(target * most / exact))
    fewest = min(plan.cycles.cycles_per_frame for plan in found)
    raise TooFastError(f"{float(fewest):g} cycles per frame are the fewest that were found, not {most:g}")


def from_file(network: Network, device: Device, path: Path) -> Plan:
    """The folds in a file, with its queue depths or those of the cycle model. Raises ``InputError`` for a bad file."""
    loaded = fold_file.load(path, network)
    try:
        return with_folds(network, device, *loaded)
    except (DeadlockError, InputError) as error:
        raise InputError(f"{path}: {error}") from None


def with_folds(
    network: Network,
    device: Device,
    layers: Mapping[str, LayerFold],
    folding: Folding | None = None,
    pixels_per_cycle: int = 1,
) -> Plan:
    """A plan with given folds, whether they fit the device or not.

    ``folding``: of these folds and pixels per cycle, if the depths of the queues are given too.
    """
    folding, built = (
        folding or cycles.queue_depths(network, layers, pixels_per_cycle),
        with_pixels(network, pixels_per_cycle),
    )
    exact = cycles.simulate(network, folding)
    cost = total_cost(built, folding.layers, device) + edge_cost(built, folding)
    given = Plan(folding, exact, cost, device, _limiting(built, exact))
    return _with_remark(given, ", by the folds that were given")


def _planned(
    network: Network, device: Device, search: FoldingSearch, candidate: Candidate, pixels_per_cycle: int
) -> Plan:
    folding = cycles.queue_depths(network, candidate.layers, pixels_per_cycle)
    exact = cycles.simulate(network, folding)
    limiting = _limiting(search.network, exact)
    faster = None if limiting in NO_LAYERS else _faster(search, candidate, exact.cycles_per_frame)
    cost = candidate.cost + edge_cost(search.network, folding)
    return Plan(folding, exact, cost, device, limiting, faster)


def _with_remark(plan: Plan, why: str) -> Plan:
    """``plan``, with a remark if it is larger than the device, or takes more of it than its default shares.

    ``why``: the end of the remark in the second case.
    """
    cost, device = plan.cost, plan.device
    if short := shortage(cost, device):
        return replace(plan, remark=f"the design does not fit the {device.name}: it takes about {short}")
    for what, taken, usual in (
        ("look-up tables", 100 * cost.lut / device.lut, device.share),
        ("flip-flops", 100 * cost.ff / device.ff, device.ff_share),
    ):
        if taken > usual:
            text = (
                f"the design takes about {taken:.1f} % of the {what} of {device.name}, more than the usual {usual:g} %"
            )
            return replace(plan, remark=f"{text}{why}")
    return plan


def _limiting(network: Network, exact: Cycles) -> str:
    first = {network.layers[index].name for index, _ in network.consumers(INPUT_INDEX)}
    if network.encoder.spikes or exact.bottleneck not in first:
        return exact.bottleneck
    return "pixels" if exact.busy[exact.bottleneck] == arriving_beats(network) else exact.bottleneck


def _faster(search: FoldingSearch, candidate: Candidate, below: Fraction | int) -> Candidate | None:
    """The next candidate of less than ``below`` exact cycles per frame: a candidate's own figure includes slack."""
    for _ in range(ATTEMPTS):
        if candidate.faster is None:
            break
        exact = cycles.least_cycles(search.network, candidate.faster.layers)
        if exact < below:
            return replace(candidate.faster, cycles_per_frame=exact)
        try:
            candidate = search.within_cycles(candidate.faster.cycles_per_frame)
        except TooLargeError:
            break
    return None
