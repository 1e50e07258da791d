"""Chooses the fold of each layer: the cheapest for a frame rate, or the fastest within a share of a device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from math import ceil

import numpy as np
import numpy.typing as npt

from hwsnn.folding.column_pairs import with_pixels
from hwsnn.folding.fold_shape import fold_of_adders, fold_shapes
from hwsnn.folding.folding import Folding, LayerFold, Sums
from hwsnn.folding.input_beats import arriving_beats
from hwsnn.folding.interleaving import least_interleave
from hwsnn.folding.pipeline_depths import NeuronPipeline
from hwsnn.folding.shared_adders import has_solver
from hwsnn.spec import INPUT_INDEX, ChannelLeak, Network, Population

from .devices import Device
from .layer_cycles import arrival_cycles, needed_cycles, neurons_of, pass_cycles, position_cycles
from .resource_estimate import Cost, layer_cost
from .room import TooLargeError, excess

BLOCK_MEMORY, MOST_MEMORY = 60, 95
"""Percent of a device's block memories that a design may take; the second where it would otherwise not fit."""
MEMORY_PRICE = 0.1
"""Price of a block memory, relative to its share of a device's look-up tables: low, as few designs use them up."""
FEW_STEPS, FEW_PASSES = 8, 4
"""Steps per cycle that are tried: up to the first, and more where a pixel then takes at most the second in passes."""
CYCLES_FOR_ALL = 20_000
"""Cycles by which a layer would have to end sooner to be worth all look-up tables: 200 are worth one percent."""
COMPARED = 8
"""How many of the folds that are fast enough, of each form of sums and steps, are estimated from the weights."""
LANE = 60
"""Approximate look-up tables of a lane's neuron, per time step."""


class TooFastError(ValueError):
    """No fold is fast enough. The text names the layer that is too slow, and its fewest cycles per frame."""


@dataclass(frozen=True)
class Candidate:
    """A fold for each layer, all about equally fast.

    ``cycles_per_frame``: of the slowest layer, by arithmetic. ``cost``: estimated. ``limiting``: the slowest layer, or
    ``pixels`` if nothing is slower than one pixel per cycle. ``faster``: the next faster candidate, None if there is
    none.
    """

    layers: Mapping[str, LayerFold]
    cycles_per_frame: int
    cost: Cost
    limiting: str
    faster: Candidate | None = None


@dataclass(frozen=True, eq=False)
class _Alike:
    """Options of a layer of the same form of sums and the same steps per cycle.

    ``places``: among all options of the layer, in their order. ``needed``: cycles per frame. ``by_price``: the numbers
    of these options by their rough price.
    """

    places: npt.NDArray[np.int64]
    needed: npt.NDArray[np.int64]
    by_price: npt.NDArray[np.int64]


class FoldingSearch:
    """Folds of a network for a device; ``network``: as it is built for so many pixels per cycle.

    Raises ``InputError`` where it cannot take as many.
    """

    def __init__(self, network: Network, device: Device, pixels_per_cycle: int = 1) -> None:
        self.network = self._network = with_pixels(network, pixels_per_cycle)
        self._device = device
        self._arriving = "pixels" if pixels_per_cycle == 1 else "pairs of pixels"
        self._position_cycles: dict[tuple[int, LayerFold], int] = {}
        self._rough: dict[tuple[int, LayerFold], float] = {}
        self._options = {index: self._folds(index) for index, _ in network.populations()}
        self._needed = {(index, fold): needed for index, each in self._options.items() for fold, needed in each}
        self._groups: dict[int, list[_Alike]] = {}
        self._arrivals: dict[tuple[int, LayerFold, tuple[int, ...]], int] = {}
        self._costs: dict[tuple[int, LayerFold | None, tuple[int, ...]], Cost] = {}

    def within_cycles(self, most: int) -> Candidate:
        """The cheapest candidate of at most ``most`` cycles per frame.

        If it does not fit the device, a few faster ones are tried, which may take less of what is short. Raises
        ``TooFastError`` if there is none, and ``TooLargeError`` if none that was tried fits.
        """
        try:
            candidate = self._fitting([most])
        except TooLargeError:
            faster = [target for target in self._targets() if target < most][::-1]
            candidate = self._fitting([most, *(faster[(1 << power) - 1] for power in range(len(faster).bit_length()))])
        return self._with_faster(candidate)

    def within_shares(self) -> Candidate:
        """The fastest candidate within the device's default shares, as ``within_luts``."""
        return self._fastest(self._device.share, self._device.ff_share)

    def within_luts(self, percent: float, *, strictly: bool = False) -> Candidate:
        """The fastest candidate within a share of the device's look-up tables, or the smallest if none is within.

        If the device is too small for it in another resource, a slower one of those that were tried, or, unless
        ``strictly``, a faster one with a larger share. Raises ``TooLargeError`` if none of them fits.
        """
        return self._fastest(percent, 100, strictly=strictly)

    def _fastest(self, lut_percent: float, ff_percent: float, *, strictly: bool = False) -> Candidate:
        targets = self._targets()
        low, high, tried = 0, len(targets) - 1, list[int]()
        while low < high:
            middle = (low + high) // 2
            tried.append(middle)
            cost, device = self._candidate(targets[middle]).cost, self._device
            if cost.lut * 100 <= lut_percent * device.lut and cost.ff * 100 <= ff_percent * device.ff:
                high = middle
            else:
                low = middle + 1
        slower = [low, *sorted(index for index in tried if index > low)]
        faster = [] if strictly else sorted((index for index in tried if index < low), reverse=True)
        return self._with_faster(self._fitting([targets[index] for index in (*slower, *faster)]))

    def smallest(self) -> Candidate:
        """The slowest candidate, whether it fits or not."""
        return self._candidate(self._targets()[-1])

    def _fitting(self, targets: Iterable[int]) -> Candidate:
        """Of the candidates for ``targets``, the first that fits the device."""
        closest: Candidate | None = None
        for target in targets:
            candidate = self._candidate(target)
            if excess(candidate.cost, self._device) <= 1:
                return candidate
            if closest is None or excess(candidate.cost, self._device) < excess(closest.cost, self._device):
                closest = candidate
        assert closest is not None  # there is at least one target
        raise TooLargeError(self._device, closest.cost, closest.layers)

    def _with_faster(self, candidate: Candidate) -> Candidate:
        targets = [target for target in self._targets() if target < candidate.cycles_per_frame]
        faster = self._candidate(targets[-1]) if targets else None
        if faster is not None and excess(faster.cost, self._device) > 1:
            faster = None
        return replace(candidate, faster=faster)

    def _targets(self) -> list[int]:
        """Every number of cycles per frame that is exact for some layer and enough for all."""
        fastest = [min(needed for _, needed in options) for options in self._options.values()]
        bound = max(arriving_beats(self._network), *fastest)
        return sorted(
            {bound} | {needed for options in self._options.values() for _, needed in options if needed > bound}
        )

    def _folds(self, index: int) -> list[tuple[LayerFold, int]]:
        """Every sensible fold of a layer, with the cycles per frame that it needs, slack included."""
        network, layer = self._network, self._network.population(index)
        first = index == next(self._network.populations())[0]
        by_channel = any(isinstance(leak, ChannelLeak) for leak in layer.neuron.leaks)
        neurons, options = dict[tuple[int, int], NeuronPipeline](), list[tuple[LayerFold, int]]()
        for fold in self._alone(index):
            alike = fold.t_par, fold.cout_par if by_channel else 0
            if alike not in neurons:
                neurons[alike] = neurons_of(network, index, fold)
            for each in (fold, *self._in_turns(index, fold, neurons[alike])):
                busy = position_cycles(network, index, each, neurons[alike])
                self._position_cycles[index, each] = busy
                self._rough[index, each] = self._roughly(index, each)
                options.append((each, needed_cycles(network, index, each, busy, first=first)))
        return options

    def _alone(self, index: int) -> Iterator[LayerFold]:
        """Every sensible fold of a layer whose output pixels do not take turns."""
        network, layer = self._network, self._network.population(index)
        steps = [1] if layer.recurrent else step_counts(network.timesteps)
        held = all(inputs.held for inputs in network.inputs(index))
        for cin, cout in product(input_parts(layer), output_parts(layer)):
            for t_par, sums in product(steps, self._device.sums):
                for logic_steps in range(0, 1 if held or sums != "block" else t_par, ceil(t_par / FEW_STEPS)):
                    yield LayerFold(cin, cout, t_par, sums, logic_steps)
        shared = fold_of_adders(layer)
        pixels = all(inputs.bits > 1 for inputs in network.inputs(index))  # for spikes, tables take less
        if shared is not None and pixels and has_solver():
            yield from (replace(shared, t_par=t_par) for t_par in steps)

    def _in_turns(self, index: int, fold: LayerFold, neurons: NeuronPipeline) -> list[LayerFold]:
        """The fold with as many positions in turn as hide the membranes' feedback, if any do."""
        layer, network = self._network.population(index), self._network
        if layer.recurrent:
            return []
        passes = -(-network.timesteps // min(fold.t_par, network.timesteps))
        turns = least_interleave(network, index, passes, pass_cycles(layer, fold), neurons.min_interval)
        return [replace(fold, interleave=turns)] if turns > 1 else []

    def _candidate(self, target: int) -> Candidate:
        network = self._network
        slowest, limiting = arriving_beats(network), "pixels"
        if slowest > target:
            raise TooFastError(
                f"{slowest} {self._arriving} arrive, one per cycle: {slowest} cycles per frame at least, not {target}"
            )
        chosen: dict[str, LayerFold] = {}
        for index, layer in network.populations():
            chosen[layer.name] = min(self._in_time(index, target, chosen), key=lambda fold: self._price(index, fold))
        chosen, total = self._within_memory(target, cheapest := chosen, BLOCK_MEMORY)
        large, short = total.lut * 100 > self._device.share * self._device.lut, excess(total, self._device)
        if short > 1 or large:
            other = self._within_memory(target, cheapest, MOST_MEMORY if short > 1 else self._device.bram_share)
            left = excess(other[1], self._device)
            if left < short if short > 1 else left <= 1 and other[1].lut < total.lut:
                chosen, total = other
        for index, layer in network.populations():
            needed = self._needed[index, chosen[layer.name]]
            if needed > slowest:
                slowest, limiting = needed, layer.name
        return Candidate(chosen, slowest, total, limiting)

    def _within_memory(
        self, target: int, chosen: Mapping[str, LayerFold], percent: float
    ) -> tuple[dict[str, LayerFold], Cost]:
        """Folds within ``percent`` of the block memories, if there are any, and their cost."""
        moved = dict(chosen)
        costs = self._costs_of(moved)
        room = self._device.bram18 * percent / 100
        while (total := sum(costs, Cost())).bram18 > room:
            move = self._spare_memory(target, moved, costs, total.bram18 - room)
            if move is None:
                break
            moved |= move
            costs = self._costs_of(moved)
        # The room that is left may make a layer cheaper again.
        for index, layer in self._network.populations():
            left = room - total.bram18 + costs[index].bram18
            within = self._in_time(index, target, moved)
            fitting = [fold for fold in within if self._usual_cost(index, fold).bram18 <= left]
            if fitting:
                moved[layer.name] = min(fitting, key=lambda fold: self._price(index, fold))
                costs = self._costs_of(moved)
                total = sum(costs, Cost())
        return moved, total

    def _costs_of(self, chosen: Mapping[str, LayerFold]) -> list[Cost]:
        """The cost of each layer; its windows depend on the time steps per beat of the layers before."""
        network, folding = self._network, Folding(chosen, {}, {})
        return [
            self._cost(index, chosen.get(layer.name), folding.steps_in(network, index))
            for index, layer in enumerate(network.layers)
        ]

    def _spare_memory(
        self, target: int, chosen: Mapping[str, LayerFold], costs: list[Cost], excess: float
    ) -> dict[str, LayerFold] | None:
        """The change of one fold that saves block memories, up to ``excess``, at the lowest price, if any does."""
        best: tuple[float, str, LayerFold] | None = None
        for index, layer in self._network.populations():
            for fold in self._in_time(index, target, chosen):
                cost = self._usual_cost(index, fold)
                spared = costs[index].bram18 - cost.bram18
                if spared > 0:
                    price = (cost.lut - costs[index].lut) / min(spared, excess)
                    if best is None or price < best[0]:
                        best = price, layer.name, fold
        return None if best is None else {best[1]: best[2]}

    def _in_time(self, index: int, target: int, chosen: Mapping[str, LayerFold]) -> list[LayerFold]:
        """The compared folds for which windows arrive within ``target`` cycles, here and at the others in ``chosen``.

        All of them where there are none: then only the exact cycles tell.
        """
        network = self._network
        name = network.layers[index].name
        others = [other for other, layer in network.populations() if layer.name in chosen and other != index]
        folds = [fold for fold, _ in self._compared(index, target)]
        by_steps = {fold.t_par: {**chosen, name: fold} for fold in folds}
        few = {t for t, each in by_steps.items() if all(self._arrival(other, each) <= target for other in others)}
        within = [
            fold for fold in folds if fold.t_par in few and self._arrival(index, {**chosen, name: fold}) <= target
        ]
        return within or folds

    def _arrival(self, index: int, chosen: Mapping[str, LayerFold]) -> int:
        """The cycles per frame in which a layer's windows arrive, by the steps of the layers before."""
        network, folding = self._network, Folding(chosen, {}, {})
        fold = chosen[network.layers[index].name]
        steps = tuple(1 if edge.delay else folding.beat_steps(network, edge.source) for edge in network.edges[index])
        if (index, fold, steps) not in self._arrivals:
            busy = self._position_cycles[index, fold]
            self._arrivals[index, fold, steps] = arrival_cycles(network, index, fold, busy, steps)
        return self._arrivals[index, fold, steps]

    def _price(self, index: int, fold: LayerFold) -> tuple[float, int]:
        """The price of a fold: look-up tables, block memories and how late it ends; then, on a tie, registers."""
        cost = self._usual_cost(index, fold)
        memories = cost.bram18 * MEMORY_PRICE * self._device.lut / self._device.bram18
        return cost.lut + memories + self._late(index, fold), cost.ff

    def _compared(self, index: int, target: int) -> list[tuple[LayerFold, int]]:
        """The roughly cheapest folds within ``target`` cycles per frame, for each form of sums and steps per cycle."""
        fastest = min(int(group.needed.min()) for group in self._alike(index))
        if fastest > target:
            name = self._network.layers[index].name
            raise TooFastError(f"layer {name!r} takes at least {fastest} cycles per frame, not {target}")
        chosen = list[tuple[int, list[int]]]()
        for group in self._alike(index):
            enough = group.needed <= target
            if enough.any():
                cheapest = group.places[group.by_price[enough[group.by_price]][:COMPARED]]
                chosen.append((int(group.places[enough.argmax()]), cheapest.tolist()))
        return [self._options[index][place] for _, places in sorted(chosen) for place in places]

    def _alike(self, index: int) -> list[_Alike]:
        """The options of a layer by their form of sums and steps per cycle."""
        if index not in self._groups:
            options = self._options[index]
            places: dict[tuple[Sums, int, int], list[int]] = {}
            for place, (fold, _) in enumerate(options):
                places.setdefault((fold.sums, fold.t_par, fold.logic_steps), []).append(place)
            self._groups[index] = [
                _Alike(
                    np.array(each),
                    np.array([options[place][1] for place in each]),
                    np.argsort([self._rough[index, options[place][0]] for place in each], kind="stable"),
                )
                for each in places.values()
            ]
        return self._groups[index]

    def _late(self, index: int, fold: LayerFold) -> float:
        """How many look-up tables it would be worth to end the layer with its last input.

        Where the steps of a position come one after the other, only its last pass follows them.
        """
        network = self._network
        passes = -(-network.timesteps // min(fold.t_par, network.timesteps)) if network.encoder.timed else 1
        return self._position_cycles[index, fold] * fold.interleave / passes * self._device.lut / CYCLES_FOR_ALL

    def _roughly(self, index: int, fold: LayerFold) -> float:
        """A rough price, which needs no weights, to order the folds of one form of sums."""
        layer, t_par = self._network.population(index), min(fold.t_par, self._network.timesteps)
        synapses = 0
        for projection, shape, inputs in zip(
            layer.projections, fold_shapes(layer, fold), self._network.inputs(index), strict=True
        ):
            synapses += shape.cin_par * projection.taps * inputs.bits * (1 if inputs.held else t_par)
        turns = 2 * synapses if fold.interleave > 1 else 0
        return fold.cout_par * (2 * synapses + LANE * t_par) + turns + self._late(index, fold)

    def _usual_cost(self, index: int, fold: LayerFold) -> Cost:
        """The cost where the layers before have as many steps per beat; the beats of the network's input have one."""
        sources = [edge.source for edge in self._network.edges[index]]
        return self._cost(index, fold, tuple(1 if source == INPUT_INDEX else fold.t_par for source in sources))

    def _cost(self, index: int, fold: LayerFold | None, steps: tuple[int, ...]) -> Cost:
        key = (index, fold, steps)
        if key not in self._costs:
            self._costs[key] = layer_cost(self._network, index, fold or LayerFold(1, 1), steps, self._device)
        return self._costs[key]


def step_counts(timesteps: int) -> list[int]:
    """The useful numbers of time steps per cycle: those that divide all of them, and a few others.

    Of the larger divisors those that leave a pixel few passes: so much hardware should not wait for membranes.
    """
    divisors = [t for t in range(1, timesteps + 1) if timesteps % t == 0]
    few = {t for t in divisors if t <= FEW_STEPS or timesteps // t <= FEW_PASSES}
    return sorted(few | {t for t in (1, 2, 4) if t <= timesteps})


def output_parts(layer: Population) -> list[int]:
    """The useful numbers of output channels per cycle: the smallest for each number of output folds."""
    parts = dict[int, int]()
    for cout_par in range(1, layer.out_channels + 1):
        shape = fold_shapes(layer, LayerFold(1, cout_par))[0]
        parts.setdefault(shape.output_folds, shape.lanes)
    return sorted(parts.values())


def input_parts(layer: Population) -> list[int]:
    """The useful numbers of input channels per cycle, of a group: the smallest for each number of input folds."""
    channels = max(int(projection.weight.shape[1]) for projection in layer.projections)
    return sorted({-(-channels // folds) for folds in range(1, channels + 1)})
