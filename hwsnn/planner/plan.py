"""From a wish, a frame rate or a share of a device, to a whole folding with its exact clocks."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, prod
from pathlib import Path

from hwsnn import cycles
from hwsnn.errors import InputError
from hwsnn.folding import file as fold_file
from hwsnn.folding.folding import Folding, LayerFold, column_queues
from hwsnn.spec import Network

from . import Candidate, Cost, FoldingSearch, TooFastError, TooLargeError, shortage, total_cost
from .devices import Device

ATTEMPTS = 8
"""How often folds are chosen anew, for fewer clocks each time, where the exact model finds them to miss the target."""
NO_LAYERS = ("pixels", "encoder", "readout")
"""What may limit a design beside its layers, and no fold makes faster."""


@dataclass(frozen=True)
class Plan:
    """A folding, what it does and what it costs.

    ``clocks``: of the exact cycle model. ``cost``: estimated, of ``device``. ``limiting``: the layer that takes most
    clocks, ``encoder`` or ``readout``; or ``pixels``, where the first layer takes them as they come, one a clock.
    ``faster``: the next faster balance, its clocks exact too; None where there is none that fits, or where the folds
    were given. ``remark``: where it is larger than the device, or than is usual and nobody said how large it may be; in
    a line.
    """

    folding: Folding
    clocks: cycles.Cycles
    cost: Cost
    device: Device
    limiting: str
    faster: Candidate | None = None
    remark: str | None = None


def for_utilization(network: Network, device: Device, percent: float | None = None) -> Plan:
    """The fastest design within ``percent`` of the device's look-up tables (``device.share`` where that is None).

    Where not even the smallest design is that small, that one; but ``InputError`` where ``percent`` is given, and where
    none fits the device.
    """
    chooser, share = FoldingSearch(network, device), device.share if percent is None else percent
    try:
        balance = chooser.within_luts(share, strictly=percent is not None)
    except TooLargeError as error:
        larger = []
        if percent is not None:
            with suppress(TooLargeError):
                cost = chooser.within_luts(percent).cost
                larger.append(f"within {ceil(100 * cost.lut / device.lut)} % of the look-up tables")
        advice = error.would_fit(network, percent or 100, larger)
        raise InputError(f"{network.name}: {error}; {advice}") from None
    taken = 100 * balance.cost.lut / device.lut
    if percent is not None and taken > percent:
        raise InputError(
            f"{network.name}: its smallest design takes about {taken:.2f} % of the look-up tables of {device.name}, "
            f"not {percent:g} %"
        )
    planned = _planned(network, device, chooser, balance)
    return planned if percent is not None else _with_remark(planned, ": none that is smaller fits")


def for_throughput(network: Network, device: Device, frames_a_second: float, clock_mhz: float) -> Plan:
    """The cheapest design of at least so many frames a second at a clock. Raises ``InputError`` where there is none."""
    wish = f"{frames_a_second:,.10g} frames/s at {clock_mhz:g} MHz"
    try:
        return _with_remark(
            for_initiation_interval(network, device, clock_mhz * 1e6 / frames_a_second), f", for {wish}"
        )
    except TooFastError as error:
        raise InputError(f"{network.name}: {wish} are too many: {error}") from None
    except TooLargeError as error:
        slower = list[str]()
        with suppress(TooLargeError):
            fastest = FoldingSearch(network, device).within_luts(100)
            slower.append(f"at about {clock_mhz * 1e6 / fastest.clocks:,.0f} frames/s")
        advice = error.would_fit(network, otherwise=slower)
        raise InputError(f"{network.name}: {wish} are too many: {error}; {advice}") from None


def for_initiation_interval(network: Network, device: Device, clocks: float) -> Plan:
    """The cheapest design of at most so many clocks a frame.

    Raises ``TooFastError`` where there is none, and ``TooLargeError`` where it does not fit the device.
    """
    chooser, target, found = FoldingSearch(network, device), int(clocks), list[Plan]()
    for _ in range(ATTEMPTS):
        try:
            balance = chooser.within_clocks(target)
        except (TooFastError, TooLargeError):
            if found:  # its text would be about a target that nobody asked for
                break
            raise
        found.append(_planned(network, device, chooser, balance))
        exact = found[-1].clocks.cycles_per_frame
        if exact <= clocks:
            return found[-1]
        target = min(target - 1, int(target * clocks / exact))
    fewest = min(plan.clocks.cycles_per_frame for plan in found)
    raise TooFastError(f"{float(fewest):g} clocks a frame are the fewest that were found, not {clocks:g}")


def from_file(network: Network, device: Device, path: Path) -> Plan:
    """The folds in a file; queues as deep as it says, or as the cycle model finds. Raises ``InputError``."""
    layers, folding = fold_file.load(path, network)
    return with_folds(network, device, layers, folding)


def with_folds(
    network: Network, device: Device, layers: Mapping[str, LayerFold], folding: Folding | None = None
) -> Plan:
    """A plan of folds that are given, whether they fit the device or not."""
    folding = folding or cycles.queue_depths(network, layers)
    exact, cost = cycles.simulate(network, folding), total_cost(network, folding.layers, device)
    given = Plan(folding, exact, cost, device, _limiting(network, exact))
    return _with_remark(given, ", by the folds that were given")


def _planned(network: Network, device: Device, chooser: FoldingSearch, balance: Candidate) -> Plan:
    folding = cycles.queue_depths(network, balance.layers)
    exact = cycles.simulate(network, folding)
    limiting = _limiting(network, exact)
    faster = None if limiting in NO_LAYERS else _faster(network, chooser, balance, exact.cycles_per_frame)
    return Plan(folding, exact, balance.cost, device, limiting, faster)


def _with_remark(plan: Plan, why: str) -> Plan:
    """``plan``, with its remark where it is larger than the device, or takes more look-up tables than is usual.

    ``why``: the end of that remark in the second case.
    """
    cost, device = plan.cost, plan.device
    taken, remark = 100 * cost.lut / device.lut, None
    if short := shortage(cost, device):
        remark = f"the design does not fit the {device.name}: it takes about {short}"
    elif taken > device.share:
        remark = (
            f"the design takes about {taken:.1f} % of the look-up tables of {device.name}, more than the usual "
            f"{device.share:g} %{why}"
        )
    return replace(plan, remark=remark)


def _limiting(network: Network, exact: cycles.Cycles) -> str:
    first = network.layers[0]
    if not network.takes_pixels(0) or exact.bottleneck != first.name:
        return exact.bottleneck
    coming = prod(first.window.padded(network.input_shape[1:]))
    return "pixels" if exact.busy[first.name] == coming else first.name


def _faster(network: Network, chooser: FoldingSearch, balance: Candidate, clocks: Fraction | int) -> Candidate | None:
    """The next balance of really less than so many clocks a frame: those of a balance have slack in them."""
    for _ in range(ATTEMPTS):
        if balance.faster is None:
            break
        exact = _least_clocks(network, balance.faster.layers)
        if exact < clocks:
            return replace(balance.faster, clocks=exact)
        try:
            balance = chooser.within_clocks(balance.faster.clocks)
        except TooLargeError:
            break
    return None


def _least_clocks(network: Network, layers: Mapping[str, LayerFold]) -> int:
    """The clocks a frame of these folds with queues that are deep enough: those of the slowest part by itself."""
    shallow = Folding(layers, {layer.name: 1 for layer in network.layers}, dict.fromkeys(column_queues(network), 1))
    return max(cycles.simulate(network, shallow).busy.values())
