"""What a layer is estimated to cost: counted by hand in small cases, and what must hold of larger ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwsnn.folding.folding import LayerFold, Sums
from hwsnn.folding.shared_adders import has_solver
from hwsnn.model_file.by_name import load_model
from hwsnn.planner import Cost, layer_cost
from hwsnn.planner.devices import DEVICES, Device
from hwsnn.planner.resource_estimate import QUEUE
from hwsnn.spec import (
    Encoder,
    Integrator,
    MaxPool,
    Network,
    Neuron,
    NoLeak,
    PoolMode,
    Population,
    ShiftLeak,
    Window,
)
from tests.support.layers import conv_layer, dense_layer, with_weights

SIX, FOUR = DEVICES["xczu9eg"], DEVICES["lfe5u-85"]
"""Devices with look-up tables of six and of four inputs."""


def _dense(weights: list[list[int]], pixels: int = 1, encoder: str = "uniform", bits: int = 16) -> Network:
    """Integrating outputs that see ``pixels`` pixels of spikes; ``weights`` are those of each, alike for all pixels."""
    weight = np.array(weights)[:, :, None, None] * np.ones((1, pixels), int)
    layer = dense_layer("dense", weight, np.zeros(len(weights), int), 8, Integrator(NoLeak(), bits))
    kind = Encoder("direct") if encoder == "direct" else Encoder("uniform")
    return Network("one", weight.shape[1:], 1, kind, 1, (layer,), "membrane")


def _cost(network: Network, fold: LayerFold, device: Device = SIX, steps: int = 1) -> Cost:
    return layer_cost(network, 0, fold, (steps,), device)


def test_costs_add_up() -> None:
    assert Cost(1, 2, 3) + Cost(10, 20, 30) == Cost(11, 22, 33)
    assert Cost(1, 2, 3).times(4) == Cost(4, 8, 12)


@pytest.mark.parametrize(
    ("weights", "sums", "cost"),
    [
        # A table of 5 inputs for sums to 5, of 3 bits, a look-up each. Then the base: the sum and its sign, 4 bits.
        # Flip-flops: the table's 3 and its 5 address bits, the base's 4, the window's 5.
        ([[1] * 5], "lut5", Cost(3 + 4, 3 + 5 + 4 + 5)),
        # The sign of a weight does not matter: the base takes it.
        ([[1, -1, 1, -1, 1]], "lut5", Cost(3 + 4, 3 + 5 + 4 + 5)),
        # Two tables of 3 bits and an adder of 4, with its register; sums to 10 are of 4 bits, and the sign.
        ([[1] * 10], "lut5", Cost(2 * 3 + 4 + 5, 2 * (3 + 5) + 4 + 5 + 10)),
        # Three tables of 3, 3 and 2 bits: 15 inputs of 6, 6 and 3; adders to 12 (4 bits), then to 15 (4 bits), while 3
        # (2 bits) waits; a base of 5.
        ([[1] * 15], "lut6", Cost(3 + 3 + 2 + 4 + 4 + 5, 8 + 3 * 6 + (4 + 2) + 4 + 5 + 15)),
        # One table of 9 inputs in a block memory: sums to 9.
        ([[1] * 9], "block", Cost(5, 4 + 9 + 5 + 9, 1)),
        # 10 outputs of 4 bits side by side need two memories of 36 bits.
        ([[1] * 9] * 10, "block", Cost(10 * 5, 10 * 4 + 9 + 10 * 5 + 9, 2)),
        # Inputs that weigh nothing cost nothing but their place in the window.
        ([[1, 0, 0, 0, 1]], "lut5", Cost(2 + 3, 2 + 5 + 3 + 5)),
    ],
)
def test_tables_adders_and_base(weights: list[list[int]], sums: Sums, cost: Cost) -> None:
    fold, queue = LayerFold(len(weights[0]), len(weights), sums=sums), Cost(QUEUE, len(weights))
    assert _cost(_dense(weights), fold) == queue + cost


@pytest.mark.skipif(not has_solver(), reason="needs da4ml")
def test_shared_adders() -> None:
    """Two outputs of one sum: an adder of a bit and its carry, then one of two bits for each bias.

    Flip-flops: behind the two inputs and each adder, and the window's two. Where an output has a third input too, that
    waits for the first sum, and the second takes two bits and a carry.
    """
    queue = Cost(QUEUE, 2)
    assert _cost(_dense([[1, 1], [1, 1]]), LayerFold(2, 2, sums="adders")) == queue + Cost(1 + 2 * 2, 2 + 2 + 2 * 2 + 2)
    three = _cost(_dense([[1, 1, 0], [1, 1, 2]]), LayerFold(3, 2, sums="adders"))
    # The low bit of the sum to 4 is the first sum's, the high one a carry. The third input and first sum wait a cycle.
    assert three == queue + Cost(1 + 1 + 2 + 3, 3 + 1 + 2 + 2 + 3 + 2 + 3 + 3)


def test_wide_tables_take_several_narrow_look_ups() -> None:
    """Five address bits are two look-ups of four; adders are the same."""
    network = _dense([[1] * 10])
    assert _cost(network, LayerFold(10, 1), FOUR) == _cost(network, LayerFold(10, 1), SIX) + Cost(lut=2 * 3)
    assert _cost(network, LayerFold(10, 1, sums="lut6"), FOUR) == _cost(network, LayerFold(10, 1, sums="lut6")) + Cost(
        lut=3 * (3 + 3)
    )


def test_every_step_in_a_clock_has_its_synapses() -> None:
    network = replace(_dense([[1] * 10]), timesteps=2)
    one, two = (_cost(network, LayerFold(10, 1, t_par), steps=2) for t_par in (1, 2))
    tables_and_base = 2 * 3 + 4 + 5
    # Step by step, the window of 20 bits turns; an adder for the second step is there either way.
    assert two.lut - one.lut == tables_and_base - 20
    pixels = replace(_dense([[1] * 10], encoder="direct"), timesteps=2)
    assert _cost(pixels, LayerFold(10, 1, 2)).lut < two.lut


def test_steps_may_differ_in_where_their_tables_lie() -> None:
    network = replace(_dense([[1] * 18] * 4), timesteps=3)
    memories = [_cost(network, LayerFold(18, 4, 3, "block", steps), steps=3).bram18 for steps in (0, 1, 2)]
    assert memories == [6, 4, 2]
    luts = [_cost(network, LayerFold(18, 4, 3, "block", steps), steps=3).lut for steps in (0, 1, 2)]
    assert luts == sorted(luts)
    assert luts[0] < luts[-1]


def test_an_accumulator_for_folds_and_two_for_positions() -> None:
    # Two slices of 5: two rows leave a table 4 input bits. Sums of 4 and 1; in all 10, with the sign 5 bits. The window
    # of 10 bits turns.
    folded = _cost(_dense([[1] * 10]), LayerFold(5, 1))
    assert folded.lut == QUEUE + 10 + 3 + 1 + 3 + 2 * 5
    # Two positions have two rows of weights as well; their ring of sums counts twice.
    over_positions = _cost(_dense([[1] * 5], pixels=2), LayerFold(5, 1))
    assert over_positions.lut == QUEUE + 3 + 1 + 3 + 3 * 5


def test_many_rows_lie_in_block_memory_in_any_case() -> None:
    network = _dense([[3] * 64], pixels=4)
    logic = _cost(network, LayerFold(8, 1))  # 32 rows
    block = _cost(network, LayerFold(4, 1))  # 64 rows
    assert logic.bram18 == 0
    assert block.bram18 > 0
    assert _cost(network, LayerFold(4, 1, sums="block")) == block


def test_weights_that_are_fetched() -> None:
    """Of 256 rows on, the weights lie in a memory and meet their spikes in gates: two bits of each, eight inputs."""
    network = _dense([[3] * 8], pixels=256)
    cost = _cost(network, LayerFold(8, 1))
    assert cost.bram18 == 1
    # Gates are part of the adders: four of 3 bits, two of 4, one of 5; the sum of 256 * 24 and its sign thrice.
    assert cost.lut == QUEUE + 4 * 3 + 2 * 4 + 5 + 3 * 14


def _conv(channels: int, width: int, kernel: int, timesteps: int = 1) -> Network:
    weight = np.ones((2, channels, kernel, kernel), int)
    neuron = Neuron(np.array([3, 3]), ShiftLeak(2), "subtract", 12, np.array([3, 3]))
    first = conv_layer("conv", weight, np.zeros(2, int), 8, neuron)
    side = width - kernel + 1
    last = dense_layer("last", np.ones((2, 2, side, side), int), np.zeros(2, int), 8, Integrator(NoLeak(), 16))
    return Network("conv", (channels, width, width), 1, Encoder("uniform"), timesteps, (first, last), "membrane")


def test_line_buffers_lie_in_block_memory_where_rows_are_long() -> None:
    short, long = _conv(8, 30, 3), _conv(8, 300, 3)
    fold = LayerFold(8, 2)
    assert layer_cost(short, 0, fold, (1,), SIX).bram18 == 0
    # Two rows of 8 bits: one memory of 36. The look-ups of the short ones: two of 14 bits, 32 words each.
    assert layer_cost(long, 0, fold, (1,), SIX).bram18 == 1
    assert layer_cost(short, 0, fold, (1,), SIX).lut - layer_cost(long, 0, fold, (1,), SIX).lut == 2 * 8
    # Ten steps, each a beat of its own, make them longer, unless the layer joins them.
    slow = replace(short, timesteps=10)
    assert layer_cost(slow, 0, LayerFold(8, 2, 1), (1,), SIX).bram18 == 1
    assert layer_cost(slow, 0, LayerFold(8, 2, 10), (1,), SIX).bram18 == 0


def test_beats_of_a_step_are_joined_to_those_of_a_pass() -> None:
    """In a register and two of a skid buffer, of five inputs; an integrator's steps are all there is besides."""
    network = replace(_dense([[1] * 5]), timesteps=4)
    joined, alike = (_cost(network, LayerFold(5, 1, 2), steps=steps) for steps in (1, 2))
    assert (joined.lut - alike.lut, joined.ff - alike.ff) == (2 * 10, 3 * 10)
    whole, two = (_cost(replace(network, timesteps=5), LayerFold(5, 1, t_par), steps=1) for t_par in (2, 1))
    assert whole.ff - two.ff > 3 * 25


def test_inputs_of_several_bits() -> None:
    """Each bit has a place in the window and in a table, and weighs twice as much as the one before."""
    spikes = _dense([[1] * 5])
    values = replace(spikes, pixel_bits=2, encoder=Encoder("steps"))
    # Sums to 5 and a base of 4 bits; 10 bits that weigh 1 or 2: in tables of 5, sums to 7 and 8, and an adder to 15.
    assert _cost(spikes, LayerFold(5, 1)).lut == QUEUE + 3 + 4
    assert _cost(values, LayerFold(5, 1)).lut == QUEUE + 3 + 4 + 4 + 4
    assert _cost(values, LayerFold(5, 1)).ff - _cost(spikes, LayerFold(5, 1)).ff == 5 + (3 + 4 + 10 - 3 - 5) + 4


def test_a_pool_of_currents_keeps_the_largest() -> None:
    conv, _ = _conv(8, 10, 3).layers
    assert isinstance(conv, Population)
    pooled = replace(conv, pool=Window((2, 2), (2, 2)))
    last = dense_layer("last", np.ones((2, 2, 4, 4), int), np.zeros(2, int), 8, Integrator(NoLeak(), 16))
    network = Network("pooled", (8, 10, 10), 1, Encoder("uniform"), 1, (pooled, last), "membrane")
    plain, largest = (_cost(each, LayerFold(8, 2)) for each in (_conv(8, 10, 3), network))
    # 72 inputs of one of four windows: a look-up table each. Sums to 72 and a sign are 8 bits, of two lanes: compared
    # and chosen. A line more for windows of 4 by 4 inputs.
    assert largest.lut - plain.lut == 72 + 2 * 2 * 8 + 8 * (-(-24 // 14) - -(-16 // 14))
    assert largest.ff > plain.ff


def _in_groups(channels: int, groups: int) -> Network:
    """Eight outputs that see 3x3 pixels of 8 / ``groups`` channels each, all with a weight of 1."""
    weight = np.ones((8, channels // groups, 3, 3), int)
    neuron = Neuron(np.full(8, 3), NoLeak(), "zero", 12)
    first = conv_layer("conv", weight, np.zeros(8, int), 8, neuron, groups=groups)
    last = dense_layer("last", np.ones((2, 8, 2, 2), int), np.zeros(2, int), 8, Integrator(NoLeak(), 16))
    return Network("groups", (channels, 4, 4), 1, Encoder("uniform"), 1, (first, last), "membrane")


def test_a_depthwise_layer_costs_what_its_own_synapses_do() -> None:
    """Eight lanes of nine ones, whether of one channel or of eight: more lines, and every lane has its addresses."""
    one, eight = (_cost(_in_groups(channels, channels), LayerFold(1, 8)) for channels in (1, 8))
    lines = [8 * -(-2 * channels // 14) for channels in (1, 8)]
    registers = [(9 + 3 + 9 + 10) * channels for channels in (1, 8)]  # window, column, slices, addresses of two tables
    assert eight.lut - one.lut == lines[1] - lines[0]
    assert eight.ff - one.ff == registers[1] - registers[0]


def test_tables_of_different_groups_are_in_different_block_memories() -> None:
    # Sums to 9 are 4 bits: eight lanes that share their inputs are 32 bits wide.
    for channels, groups, memories in ((1, 1, 1), (2, 2, 2), (8, 8, 8)):
        assert _cost(_in_groups(channels, groups), LayerFold(1, 8, sums="block")).bram18 == memories


def test_the_window_of_several_groups_turns_where_they_take_turns() -> None:
    whole, half = (_cost(_in_groups(8, 8), LayerFold(1, lanes)) for lanes in (8, 4))
    # Two rows of weights leave tables of 4, 4 and 1 inputs; half as many lanes have sums of 3, 3 and 1 bits, adders of
    # 4 each and 5 for the base, instead of 3, 3, 4 and 5; and the window of 72 bits turns. A lane's neuron has 12 bits
    # for the comparison.
    assert half.lut - whole.lut == 4 * (3 + 3 + 1 + 4 + 4 + 5 + 12) - 8 * (3 + 3 + 4 + 5 + 12) + 72


@pytest.mark.parametrize("mode", ["or", "winner"])
def test_pools(mode: PoolMode) -> None:
    network = _conv(4, 6, 3, timesteps=3)
    conv, last = network.layers
    assert isinstance(last, Population)
    pool = MaxPool("pool", (2, 2), (2, 2), mode)
    network = replace(network, layers=(conv, pool, with_weights(last, last.projection.weight[:, :, :2, :2])))
    cost = [layer_cost(network, 1, LayerFold(1, 1), (steps,), SIX) for steps in (1, 3)]
    assert cost[0].lut < cost[1].lut
    if mode == "or":
        # A line of two channels: eight look-ups. An "or" of four inputs is one look-up, a channel and step.
        assert cost[0] == Cost(QUEUE + 8 + 2, 2 + 2 * 2 * 2 + 2 * 2 + 2)
        assert cost[1].lut == QUEUE + 8 + 6
    assert layer_cost(network, 1, LayerFold(99, 99), (1,), SIX) == cost[0]


def test_neurons() -> None:
    """Of a lane of 12 bits, what firing, leaking and waiting cost."""
    network, fold = _conv(4, 6, 3, timesteps=4), LayerFold(4, 2)
    conv = network.layers[0]
    assert isinstance(conv, Population)
    assert isinstance(conv.neuron, Neuron)

    def lut(network: Network, neuron: Neuron, t_par: int = 1) -> int:
        changed = replace(network, layers=(replace(conv, neuron=neuron), *network.layers[1:]))
        return layer_cost(changed, 0, replace(fold, t_par=t_par), (t_par,), SIX).lut

    # An adder less a lane.
    assert lut(network, conv.neuron) - lut(network, replace(conv.neuron, leak=NoLeak())) == 2 * 12
    narrow = replace(conv.neuron, membrane_bits=6)
    assert lut(network, narrow) < lut(network, conv.neuron)
    # Of a single step, nothing leaks.
    once = replace(network, timesteps=1)
    assert lut(once, conv.neuron) == lut(once, replace(conv.neuron, leak=NoLeak()))


@pytest.mark.parametrize("model", ["digits", "mnist-small"])
@pytest.mark.parametrize("device", DEVICES)
def test_more_lanes_of_shipped_models_take_more(model: str, device: str) -> None:
    network = load_model(model)
    for index, layer in network.populations():
        inputs, outputs = layer.projection.weight.shape[1], layer.projection.weight.shape[0]
        registers = [
            layer_cost(network, index, LayerFold(inputs, lanes), (1,), DEVICES[device]).ff
            for lanes in (-(-outputs // 4), -(-outputs // 2), outputs)
        ]
        assert registers == sorted(registers)
        assert registers[0] < registers[-1]


def test_the_same_every_time() -> None:
    network = load_model("digits")
    for index, _ in network.populations():
        fold = LayerFold(2, 3, 2, "lut6")
        assert layer_cost(network, index, fold, (1,), SIX) == layer_cost(network, index, fold, (1,), SIX)
