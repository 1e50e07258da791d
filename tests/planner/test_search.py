"""The folds that are chosen: fast enough, within what a device has, and never slower for more of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pytest

from hwsnn.cycles import least_cycles
from hwsnn.folding.folding import LayerFold
from hwsnn.model_file.by_name import load_model
from hwsnn.planner import Candidate, FoldingSearch, TooFastError
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.layer_cycles import arrival_cycles, needed_cycles, neurons_of, position_cycles
from hwsnn.planner.search import input_parts, output_parts, step_counts
from hwsnn.rtl.compute.engine import Engine
from hwsnn.spec import Encoder, Integrator, Layer, MaxPool, Network, Neuron, NoLeak, Population, ShiftLeak, Window
from tests.support.layers import conv_layer, dense_layer
from tests.support.random_networks import random_folds, random_network

RANDOM_NETWORKS = 15
LARGE, SMALL = DEVICES["xczu9eg"], DEVICES["lfe5u-85"]
ANY = LayerFold(1, 1)
TOO_FAST = re.compile(
    r"\d+ pixels arrive, one per cycle: \d+ cycles per frame at least, not \d+"
    r"|layer '\w+' takes at least \d+ cycles per frame, not \d+"
)


def _network(timesteps: int = 3) -> Network:
    """Its first convolution makes 6x6 positions, the second one."""
    rng = np.random.default_rng(0)
    neuron = Neuron(np.full(12, 20), NoLeak(), "subtract", 16, np.full(12, 19))
    first = conv_layer("conv1", rng.integers(-7, 8, (12, 1, 3, 3)), np.zeros(12, int), 4, neuron)
    pool = MaxPool("pool1", (2, 2), (2, 2), "or")
    last = conv_layer("conv2", rng.integers(-7, 8, (4, 12, 3, 3)), np.zeros(4, int), 4, Integrator(NoLeak(), 16))
    return Network("small", (1, 8, 8), 8, Encoder("direct"), timesteps, (first, pool, last), "membrane")


def _needed(network: Network, layers: Mapping[str, LayerFold]) -> dict[str, int]:
    """The cycles per frame of each layer, by arithmetic."""
    first = next(index for index, _ in network.populations())
    cycles = {}
    for index, layer in network.populations():
        fold = layers[layer.name]
        busy = position_cycles(network, index, fold, neurons_of(network, index, fold))
        cycles[layer.name] = needed_cycles(network, index, fold, busy, first=index == first)
    return cycles


def _ever_faster(search: FoldingSearch) -> Iterator[tuple[int, Candidate]]:
    """Candidates for fewer and fewer cycles, each with its target, until there is none."""
    target, refusal = 10**9, None
    while refusal is None:
        try:
            candidate = search.within_cycles(target)
        except TooFastError as error:
            refusal = str(error)
        else:
            yield target, candidate
            target = candidate.cycles_per_frame * 2 // 3
    assert TOO_FAST.fullmatch(refusal)
    assert refusal.endswith(f" not {target}")


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("seed", range(RANDOM_NETWORKS))
def test_every_layer_keeps_up(seed: int, device: str) -> None:
    network = random_network(seed)
    candidates = list(_ever_faster(FoldingSearch(network, DEVICES[device])))
    assert candidates
    for target, candidate in candidates:
        needed = _needed(network, candidate.layers)
        assert candidate.layers.keys() == needed.keys()
        assert max(needed.values()) <= candidate.cycles_per_frame <= target
        if candidate.limiting != "pixels":
            assert needed[candidate.limiting] == candidate.cycles_per_frame


@pytest.mark.parametrize("model", ["digits", "mnist-small"])
def test_faster_is_faster_and_the_next(model: str) -> None:
    search = FoldingSearch(load_model(model), SMALL)
    for _, candidate in _ever_faster(search):
        if candidate.faster is None:
            with pytest.raises(TooFastError):
                search.within_cycles(candidate.cycles_per_frame - 1)
        else:
            assert candidate.faster.cycles_per_frame < candidate.cycles_per_frame
            assert search.within_cycles(candidate.cycles_per_frame - 1).layers == candidate.faster.layers


@pytest.mark.parametrize("model", ["digits", "mnist-small"])
def test_more_look_up_tables_are_never_slower(model: str) -> None:
    search = FoldingSearch(load_model(model), SMALL)
    smallest = search.within_luts(0)
    least = 100 * smallest.cost.lut / SMALL.lut
    clocks = [smallest.cycles_per_frame]
    for percent in np.linspace(least, 40, 7):
        candidate = search.within_luts(percent)
        assert candidate.cost.lut <= percent * SMALL.lut / 100 + 1e-6
        assert candidate.limiting == "pixels" or candidate.limiting in candidate.layers
        clocks.append(candidate.cycles_per_frame)
    assert clocks == sorted(clocks, reverse=True)
    assert clocks[-1] < clocks[0]


def test_what_is_next_does_not_fit() -> None:
    search = FoldingSearch(load_model("mnist-small"), SMALL)
    for percent in (5, 8, 11):
        candidate = search.within_luts(percent)
        assert candidate.faster is not None
        assert candidate.faster.cost.lut > percent * SMALL.lut / 100


@pytest.mark.parametrize("memories", [40, 80])
def test_block_memories_are_left(memories: int) -> None:
    """Of many memories it would take more than these few."""
    network = load_model("mnist-small")
    clocks = 2 * FoldingSearch(network, LARGE).within_luts(100).cycles_per_frame
    assert FoldingSearch(network, LARGE).within_cycles(clocks).cost.bram18 > memories
    candidate = FoldingSearch(network, replace(LARGE, bram18=memories)).within_cycles(clocks)
    assert candidate.cost.bram18 <= 0.6 * memories
    assert candidate.cycles_per_frame <= clocks


def test_block_memories_instead_of_look_up_tables() -> None:
    """Beyond the usual share of look-up tables a design takes more block memories, as far as the device may."""
    network, most = load_model("mnist"), 28 * 28 // 2
    few, many = (
        FoldingSearch(network, replace(LARGE, bram_share=share), 2).within_cycles(most).cost for share in (60, 95)
    )
    assert few.bram18 <= 0.6 * LARGE.bram18 < many.bram18 <= 0.95 * LARGE.bram18
    assert many.lut < few.lut


def test_too_fast() -> None:
    with pytest.raises(TooFastError, match=r"^64 pixels arrive, one per cycle: 64 cycles per frame at least, not 63$"):
        FoldingSearch(_network(), SMALL).within_cycles(63)
    neuron = Neuron(np.full(2, 20), NoLeak(), "subtract", 16, np.full(2, 19))
    first, second = (conv_layer(f"conv{n}", np.ones((2, n, 1, 1), int), np.zeros(2, int), 4, neuron) for n in (1, 2))
    last = dense_layer("last", np.ones((2, 2, 8, 8), int), np.zeros(2, int), 4, neuron)
    network = Network("small", (1, 8, 8), 8, Encoder("direct"), 3, (first, second, last), "count")
    with pytest.raises(TooFastError, match=r"^layer 'conv2' takes at least \d+ cycles per frame, not 64$"):
        FoldingSearch(network, SMALL).within_cycles(64)


def _position(network: Network, fold: LayerFold, membrane: int) -> int:
    """Cycles of a position of the last layer, if its membranes take ``membrane`` cycles."""
    return position_cycles(network, 2, fold, replace(neurons_of(network, 2, fold), min_interval=membrane))


def test_cycles_of_a_convolution_of_spikes() -> None:
    network = _network()
    # 3 steps, each with 4 outputs and 12 inputs one at a time.
    assert _position(network, LayerFold(1, 1), 4) == 3 * 4 * 12
    # 4 outputs two at a time, 12 inputs five at a time, the last fold padded; two passes wait for the membranes.
    assert _position(network, LayerFold(5, 2), 9) == 9 + 9 + 2 * 3
    # Two passes of two steps each, the last one padded.
    assert _position(network, LayerFold(12, 1, 2), 0) == 2 * 4
    # One position of 144 cycles; a tenth of them are slack, unless it is the first layer.
    assert needed_cycles(network, 2, ANY, 144, first=True) == 144
    assert needed_cycles(network, 2, ANY, 144, first=False) == 160
    # Hardly folded, the 3x3 pixels that arrive, one per cycle, take longest.
    assert needed_cycles(network, 2, ANY, 1, first=True) == 9
    # 36 positions.
    assert needed_cycles(network, 0, ANY, 5, first=True) == 180


def _padded(timesteps: int) -> Network:
    """Three padded convolutions of four channels on 8x8 pixels, and a fully connected layer."""
    rng, layers = np.random.default_rng(0), list[Layer]()
    neuron = Neuron(np.full(4, 20), NoLeak(), "subtract", 16, np.full(4, 19))
    for number, before in enumerate((1, 4, 4)):
        weight = rng.integers(-7, 8, (4, before, 3, 3))
        layers.append(conv_layer(f"conv{number}", weight, np.zeros(4, int), 4, neuron, padding=(1, 1)))
    last = rng.integers(-7, 8, (3, 4, 8, 8))
    layers.append(dense_layer("last", last, np.zeros(3, int), 4, Integrator(NoLeak(), 16)))
    return Network("padded", (1, 8, 8), 8, Encoder("direct"), timesteps, tuple(layers), "membrane")


def test_cycles_in_which_windows_arrive() -> None:
    network = _padded(8)
    # 100 pixels, padding included: of the network's input each is one beat.
    assert arrival_cycles(network, 0, ANY, 1, [1]) == 100
    # Spikes of eight steps in four beats, or in two where the layer joins beats to those of its passes.
    assert arrival_cycles(network, 1, ANY, 1, [2]) == 400
    assert arrival_cycles(network, 1, LayerFold(1, 1, 4), 1, [2]) == 200
    # 64 positions of 10 cycles, and 36 pixels of padding, of which one beat each is in the slack.
    assert arrival_cycles(network, 1, ANY, 10, [2]) == 640 + 36 * 3


@pytest.mark.parametrize("target", [150, 300, 400])
def test_padding_between_layers_of_few_steps_is_in_time(target: int) -> None:
    """Each pixel of the padding is as many beats as the others: by the exact cycles, layers keep up all the same."""
    network = _padded(8)
    folds = FoldingSearch(network, LARGE).within_cycles(target).layers
    assert any(fold.t_par < 8 for fold in folds.values())
    assert least_cycles(network, folds) <= target


def test_cycles_of_a_pool_of_currents() -> None:
    network = _network()
    first, pool, last = network.layers
    assert isinstance(last, Population)
    weight, neuron = last.projection.weight, last.neuron
    widened = conv_layer("conv2", weight, last.bias, 4, neuron, padding=(1, 1), pool=Window((2, 2), (2, 2)))
    pooled = replace(network, layers=(first, pool, widened))
    assert pooled.shapes[3] == (4, 1, 1)
    assert _position(pooled, LayerFold(5, 2), 9) == 4 * _position(network, LayerFold(5, 2), 0)


def _over_time(channels: int, hidden: int, timesteps: int) -> Network:
    """Values of one bit that change with time, and two fully connected layers."""
    rng = np.random.default_rng(0)
    neuron = Neuron(np.full(hidden, 60), ShiftLeak(4), "subtract", 16, np.full(hidden, 60))
    first = dense_layer("first", rng.integers(-7, 8, (hidden, channels, 1, 1)), np.zeros(hidden, int), 4, neuron)
    last = rng.integers(-7, 8, (20, hidden, 1, 1))
    dense = dense_layer("last", last, np.zeros(20, int), 4, Integrator(ShiftLeak(4), 16))
    return Network("time", (channels, 1, 1), 1, Encoder("steps"), timesteps, (first, dense), "membrane")


@pytest.mark.parametrize("timesteps", [25, 100, 256])
def test_values_that_change_with_time(timesteps: int) -> None:
    """A slower target makes a smaller design; a design that is not slowed by its steps takes few of them at once."""
    network = _over_time(140, 32, timesteps)
    search = FoldingSearch(network, LARGE)
    targets = [timesteps * each for each in (5, 20, 80, 320)]
    candidates = [search.within_cycles(target) for target in targets]
    sizes = [candidate.cost.lut for candidate in candidates]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 2 * sizes[-1]
    for target, candidate in zip(targets, candidates, strict=True):
        assert max(_needed(network, candidate.layers).values()) <= candidate.cycles_per_frame <= target
    assert {fold.t_par for fold in candidates[-1].layers.values()} == {1}
    with pytest.raises(TooFastError, match=f"^{timesteps} pixels arrive, one per cycle"):
        search.within_cycles(timesteps - 1)


def _grouped(groups: int) -> Network:
    """The same with a second convolution in groups, of 8 outputs."""
    network = _network()
    first, pool, _ = network.layers
    weight = np.ones((8, 12 // groups, 3, 3), int)
    second = conv_layer("conv2", weight, np.zeros(8, int), 4, Integrator(NoLeak(), 16), groups=groups)
    return replace(network, layers=(first, pool, second))


def test_cycles_of_a_convolution_in_groups() -> None:
    network = _grouped(4)
    # 3 steps, each with 8 outputs and the 3 inputs of their group one at a time.
    assert _position(network, LayerFold(1, 1), 4) == 3 * 8 * 3
    # 2 inputs at a time, then 1; 4 outputs at a time, which are 2 groups.
    assert _position(network, LayerFold(2, 4), 0) == 3 * 2 * 2
    # 3 groups at a time, then 1; all inputs of a group; two passes.
    assert _position(network, LayerFold(12, 7, 2), 0) == 2 * 2


@pytest.mark.parametrize(
    ("groups", "inputs", "outputs"),
    [
        (1, {1, 2, 3, 4, 6, 12}, {1, 2, 3, 4, 8}),
        (2, {1, 2, 3, 6}, {1, 2, 4, 8}),
        (4, {1, 2, 3}, {1, 2, 4, 8}),
    ],
)
def test_folds_are_of_the_channels_of_a_group(groups: int, inputs: set[int], outputs: set[int]) -> None:
    """The smallest numbers of input channels and of outputs for each number of folds."""
    layer = _grouped(groups).population(2)
    assert set(input_parts(layer)) == inputs
    assert set(output_parts(layer)) == outputs


def test_cycles_of_a_fully_connected_layer_are_those_of_its_pixels() -> None:
    network = load_model("digits")
    index = len(network.layers) - 1
    _, height, width = network.shapes[index]
    assert needed_cycles(network, index, ANY, 10, first=True) == 10 * height * width


@pytest.mark.parametrize("seed", range(40))
def test_membranes_take_as_long_as_in_the_hardware(seed: int) -> None:
    network = random_network(seed)
    for index, layer in network.populations():
        fold = random_folds(network, seed)[layer.name]
        engine = Engine(network, index, fold, [1 if network.inputs(index)[0].held else network.timesteps], 1)
        assert neurons_of(network, index, fold).min_interval == engine.min_interval


def test_a_pool_has_no_cycles() -> None:
    with pytest.raises(ValueError, match="must have weights"):
        position_cycles(_network(), 1, ANY, neurons_of(_network(), 0, ANY))
    with pytest.raises(ValueError, match="must have weights"):
        needed_cycles(_network(), 1, ANY, 1, first=True)


@pytest.mark.parametrize(
    ("timesteps", "counts"),
    [
        (1, [1]),
        (3, [1, 2, 3]),
        (10, [1, 2, 4, 5, 10]),
        (11, [1, 2, 4, 11]),
        (64, [1, 2, 4, 8, 16, 32, 64]),
        (256, [1, 2, 4, 8, 64, 128, 256]),
    ],
)
def test_steps_per_cycle_that_are_tried(timesteps: int, counts: list[int]) -> None:
    assert step_counts(timesteps) == counts


def test_all_of_many_steps_per_cycle() -> None:
    """In one pass, in which no membrane is waited for, each layer keeps up with one pixel per cycle."""
    assert FoldingSearch(_network(16), LARGE).within_cycles(64).layers["conv1"].t_par == 16
