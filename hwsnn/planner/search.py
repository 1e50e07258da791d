"""Chooses how parallel each layer is: as cheap as a frame rate allows, or as fast as a share of a device allows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

from hwsnn.folding.folding import LayerFold, Sums
from hwsnn.folding.pipeline_depths import neuron_pipeline
from hwsnn.spec import MaxPool, Network

from .devices import Device
from .resource_estimate import Cost, layer_cost
from .room import TooLargeError, excess

BLOCK_MEMORY = (60, 95)
"""Percent of a device's block memories that a design may take; the second where it has too few look-up tables else."""
MEMORY_PRICE = 0.1
"""What a block memory is worth, of its share of a device's look-up tables: little, as few designs use them up."""
SLACK = 0.9
"""The part of a frame's clocks that layers behind the first may be busy: they catch up after a stall, and end soon."""
MOST_STEPS = 8
"""Time steps a clock, at most."""
CLOCKS_FOR_ALL = 20_000
"""Clocks by which a layer would have to end sooner to be worth all look-up tables: 200 are worth one percent."""
COMPARED = 8
"""Folds of each form of sums and steps whose cost is estimated from the weights, of those that are fast enough."""
LANE = 60
"""About how many look-up tables a lane's neuron takes at each step."""


class TooFastError(ValueError):
    """No fold is fast enough; says which layer is too slow and what it can do."""


@dataclass(frozen=True)
class Candidate:
    """Folds in balance: ``clocks`` a frame of the slowest layer, by arithmetic, and the estimated cost.

    ``limiting``: the layer that takes them, or ``pixels`` where it is the pixels that come one a clock. ``faster``: the
    next faster balance, None where there is none.
    """

    layers: Mapping[str, LayerFold]
    clocks: int
    cost: Cost
    limiting: str
    faster: Candidate | None = None


class FoldingSearch:
    """Folds of a network for a device."""

    def __init__(self, network: Network, device: Device) -> None:
        self._network, self._device = network, device
        self._position_clocks: dict[tuple[int, LayerFold], int] = {}
        self._rough: dict[tuple[int, LayerFold], float] = {}
        self._options = {index: self._folds(index) for index, _ in network.weighted_layers()}
        self._costs: dict[tuple[int, LayerFold | None, int], Cost] = {}

    def within_clocks(self, clocks: int) -> Candidate:
        """The cheapest balance of at most so many clocks a frame.

        Where that does not fit the device, a faster one that takes less of what is short, of a few. Raises
        ``TooFastError`` where there is none, and ``TooLargeError`` where none that was looked at fits.
        """
        try:
            balance = self._fitting([clocks])
        except TooLargeError:
            faster = [target for target in self._targets() if target < clocks][::-1]
            balance = self._fitting([clocks, *(faster[(1 << power) - 1] for power in range(len(faster).bit_length()))])
        return self._with_faster(balance)

    def within_luts(self, percent: float, *, strictly: bool = False) -> Candidate:
        """The fastest balance within a share of the device's look-up tables; the smallest there is, if none is.

        Where that is larger than the device in something else, a slower one, or else, but for ``strictly``, a faster
        one of a larger share, of those that were looked at. Raises ``TooLargeError`` where none of them fits.
        """
        targets = self._targets()
        low, high, tried = 0, len(targets) - 1, list[int]()
        while low < high:
            middle = (low + high) // 2
            tried.append(middle)
            if self._balance(targets[middle]).cost.lut * 100 <= percent * self._device.lut:
                high = middle
            else:
                low = middle + 1
        slower = [low, *sorted(index for index in tried if index > low)]
        faster = [] if strictly else sorted((index for index in tried if index < low), reverse=True)
        return self._with_faster(self._fitting([targets[index] for index in (*slower, *faster)]))

    def smallest(self) -> Candidate:
        """The balance of the most clocks, whether it fits or not."""
        return self._balance(self._targets()[-1])

    def _fitting(self, targets: Iterable[int]) -> Candidate:
        """The first balance of those for ``targets`` that fits the device."""
        closest: Candidate | None = None
        for target in targets:
            balance = self._balance(target)
            if excess(balance.cost, self._device) <= 1:
                return balance
            if closest is None or excess(balance.cost, self._device) < excess(closest.cost, self._device):
                closest = balance
        assert closest is not None  # there is at least one target
        raise TooLargeError(self._device, closest.cost, closest.layers)

    def _with_faster(self, balance: Candidate) -> Candidate:
        targets = [clocks for clocks in self._targets() if clocks < balance.clocks]
        faster = self._balance(targets[-1]) if targets else None
        if faster is not None and excess(faster.cost, self._device) > 1:
            faster = None
        return Candidate(balance.layers, balance.clocks, balance.cost, balance.limiting, faster)

    def _targets(self) -> list[int]:
        """Clocks a frame that some layer can take and all can keep."""
        bound = max(self._arriving(0), *(min(c for _, c in options) for options in self._options.values()))
        return sorted(
            {bound} | {clocks for options in self._options.values() for _, clocks in options if clocks > bound}
        )

    def _arriving(self, index: int) -> int:
        """Beats of pixels, padding included, that come to the first layer; nothing is faster than that."""
        extent = self._network.layers[index].window.padded(self._network.shapes[index][1:])
        return prod(extent) * self._network.encoded_steps

    def _folds(self, index: int) -> list[tuple[LayerFold, int]]:
        """Every sensible fold of a layer, with the clocks a frame that it needs, slack included."""
        network, layer = self._network, self._network.weighted(index)
        steps = sorted({t for t in (1, 2, 4, network.timesteps) if t <= min(network.timesteps, MOST_STEPS)})
        folds = [
            LayerFold(cin, cout, t_par, sums, logic_steps)
            for cin in _parts(layer.in_channels)
            for cout in _parts(layer.out_channels)
            for t_par in steps
            for sums in self._device.sums
            for logic_steps in range(1 if network.takes_pixels(index) or sums != "block" else t_par)
        ]
        first = index == next(self._network.weighted_layers())[0]
        membrane = {t_par: membrane_clocks(network, index, t_par) for t_par in steps}
        for fold in folds:
            self._position_clocks[index, fold] = position_clocks(network, index, fold, membrane[fold.t_par])
            self._rough[index, fold] = self._roughly(index, fold)
        return [(fold, needed_clocks(network, index, self._position_clocks[index, fold], first)) for fold in folds]

    def _balance(self, target: int) -> Candidate:
        network = self._network
        clocks, limiting = self._arriving(0), "pixels"
        if clocks > target:
            raise TooFastError(f"{clocks} pixels come in, one a clock: {target} clocks a frame are too few")
        chosen: dict[str, LayerFold] = {}
        for index, layer in network.weighted_layers():
            chosen[layer.name] = self._cheapest(index, target)
        usual, most = BLOCK_MEMORY
        chosen, total = self._within_memory(target, cheapest := chosen, usual)
        if excess(total, self._device) > 1:
            other = self._within_memory(target, cheapest, most)
            if excess(other[1], self._device) < excess(total, self._device):
                chosen, total = other
        for index, layer in network.weighted_layers():
            needed = dict(self._options[index])[chosen[layer.name]]
            if needed > clocks:
                clocks, limiting = needed, layer.name
        return Candidate(chosen, clocks, total, limiting)

    def _within_memory(
        self, target: int, chosen: Mapping[str, LayerFold], percent: float
    ) -> tuple[dict[str, LayerFold], Cost]:
        """Folds that take no more than so much of the block memories, where there are such, and their cost."""
        spared = dict(chosen)
        costs = self._costs_of(spared)
        room = self._device.bram18 * percent / 100
        while (total := sum(costs, Cost())).bram18 > room:
            move = self._spare_memory(target, spared, costs, total.bram18 - room)
            if move is None:
                break
            spared |= move
            costs = self._costs_of(spared)
        # What is left of the room may make a layer cheaper again.
        for index, layer in self._network.weighted_layers():
            left = room - total.bram18 + costs[index].bram18
            within = [fold for fold, _ in self._compared(index, target)]
            fitting = [fold for fold in within if self._cost(index, fold, fold.t_par).bram18 <= left]
            if fitting:
                spared[layer.name] = min(fitting, key=lambda fold: self._price(index, fold))
                costs = self._costs_of(spared)
                total = sum(costs, Cost())
        return spared, total

    def _costs_of(self, chosen: Mapping[str, LayerFold]) -> list[Cost]:
        """What each layer costs; its window depends on the steps in the beats of the layer before."""
        costs, steps = list[Cost](), 1
        for index, layer in enumerate(self._network.layers):
            fold = chosen.get(layer.name)
            costs.append(self._cost(index, fold, steps))
            steps = steps if fold is None else min(fold.t_par, self._network.timesteps)
        return costs

    def _spare_memory(
        self, target: int, chosen: Mapping[str, LayerFold], costs: list[Cost], excess: float
    ) -> dict[str, LayerFold] | None:
        """Another fold for the layer where fewer block memories, up to ``excess``, cost least; None where none is."""
        best: tuple[float, str, LayerFold] | None = None
        for index, layer in self._network.weighted_layers():
            for fold, _ in self._compared(index, target):
                cost = self._cost(index, fold, fold.t_par)
                spared = costs[index].bram18 - cost.bram18
                if spared > 0:
                    price = (cost.lut - costs[index].lut) / min(spared, excess)
                    if best is None or price < best[0]:
                        best = price, layer.name, fold
        return None if best is None else {best[1]: best[2]}

    def _cheapest(self, index: int, target: int) -> LayerFold:
        """The fold of the fewest look-up tables within ``target`` clocks, and of not too late an end."""
        return min((fold for fold, _ in self._compared(index, target)), key=lambda fold: self._price(index, fold))

    def _price(self, index: int, fold: LayerFold) -> tuple[float, int]:
        """What folds are compared by: look-up tables, block memories and how late they end, then registers."""
        cost = self._cost(index, fold, fold.t_par)
        memories = cost.bram18 * MEMORY_PRICE * self._device.lut / self._device.bram18
        return cost.lut + memories + self._late(index, fold), cost.ff

    def _compared(self, index: int, target: int) -> list[tuple[LayerFold, int]]:
        """The folds within ``target`` clocks that look cheapest, of each form of sums and number of steps a clock."""
        within = [(fold, clocks) for fold, clocks in self._options[index] if clocks <= target]
        if not within:
            fastest = min(clocks for _, clocks in self._options[index])
            name = self._network.layers[index].name
            raise TooFastError(f"layer {name!r} takes {fastest} clocks a frame at least: {target} are too few")
        alike: dict[tuple[Sums, int, int], list[tuple[LayerFold, int]]] = {}
        for option in within:
            fold = option[0]
            alike.setdefault((fold.sums, fold.t_par, fold.logic_steps), []).append(option)
        return [
            option
            for options in alike.values()
            for option in sorted(options, key=lambda option: self._rough[index, option[0]])[:COMPARED]
        ]

    def _late(self, index: int, fold: LayerFold) -> float:
        """The look-up tables that it would be worth if the layer ended with its last input."""
        return self._position_clocks[index, fold] * self._device.lut / CLOCKS_FOR_ALL

    def _roughly(self, index: int, fold: LayerFold) -> float:
        """What orders folds of one form of sums before their weights are looked at."""
        layer, network = self._network.weighted(index), self._network
        t_par = min(fold.t_par, network.timesteps)
        synapses = fold.cin_par * layer.taps * (network.pixel_bits if network.takes_pixels(index) else t_par)
        return fold.cout_par * (2 * synapses + LANE * t_par) + self._late(index, fold)

    def _cost(self, index: int, fold: LayerFold | None, steps: int) -> Cost:
        key = (index, fold, steps)
        if key not in self._costs:
            self._costs[key] = layer_cost(self._network, index, fold or LayerFold(1, 1), steps, self._device)
        return self._costs[key]


def membrane_clocks(network: Network, index: int, t_par: int) -> int:
    """Clocks, at least, from one pass of ``t_par`` steps to the next of its position; 0 where there is none."""
    layer = network.layers[index]
    assert not isinstance(layer, MaxPool)
    saturates, timesteps = network.can_saturate(index), network.timesteps
    # How many groups there are matters to a single pass alone.
    return neuron_pipeline(layer.neuron, groups=1, timesteps=timesteps, t_par=t_par, saturates=saturates).rest


def position_clocks(network: Network, index: int, fold: LayerFold, membrane: int) -> int:
    """Clocks that layer ``index`` is busy with a position: how late its outputs follow its last input.

    ``membrane``: of ``membrane_clocks``.
    """
    layer = network.weighted(index)
    channels, outputs = layer.in_channels, layer.out_channels
    slices = -(-outputs // min(fold.cout_par, outputs)) * -(-channels // min(fold.cin_par, channels))
    t_par = min(fold.t_par, network.timesteps)
    rest = max(slices, membrane)
    return (-(-network.timesteps // t_par) - 1) * rest + slices


def needed_clocks(network: Network, index: int, a_position: int, first: bool = True) -> int:
    """The fewest clocks a frame at which layer ``index`` keeps up, by arithmetic; with slack behind the first layer.

    ``a_position``: of ``position_clocks``.

    ``hwsnn.cycles`` has the exact figure, of all layers together.
    """
    layer, extent = network.weighted(index), network.shapes[index][1:]
    positions = prod(network.shapes[index + 1][1:] if layer.sliding else extent)
    busy = positions * a_position
    return max(busy if first else int(busy / SLACK), prod(layer.window.padded(extent)))


def _parts(channels: int) -> list[int]:
    """The parallelisms worth having: the smallest for each number of passes over the channels."""
    return sorted({-(-channels // passes) for passes in range(1, channels + 1)})
