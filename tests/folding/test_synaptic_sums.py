"""A layer's sums in numbers: what is refused, and widths; ``rtl_tests/compute/test_synapses.py`` has what they mean."""

from __future__ import annotations

import numpy as np
import pytest

from hwsnn.folding.folding import LayerFold, Sums
from hwsnn.folding.pipeline_depths import engine_depths
from hwsnn.folding.synaptic_sums import SynapticSums, synaptic_sums
from hwsnn.spec import Encoder, Integrator, Network, Neuron, NoLeak
from tests.support.layers import conv_layer, dense_layer

WEIGHTS, BIAS = np.ones((2, 2, 3, 4, 5), np.int64), np.zeros((2, 4), np.int64)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (([[1]], BIAS, 1, "lut5"), "weights must be an integer array, not list"),
        ((WEIGHTS * 0.5, BIAS, 1, "lut5"), "weights must be an integer array, not ndarray"),
        ((WEIGHTS, None, 1, "lut5"), "bias must be an integer array, not NoneType"),
        ((WEIGHTS[0], BIAS, 1, "lut5"), r"weights must be a non-empty array of 5 dimensions, not of .*\(2, 3, 4, 5\)"),
        ((WEIGHTS[:0], BIAS, 1, "lut5"), r"weights must be a non-empty array .* not of shape \(0, 2, 3, 4, 5\)"),
        ((WEIGHTS, BIAS.T, 1, "lut5"), r"bias must have the shape \(2, 4\), not \(4, 2\)"),
        ((WEIGHTS, BIAS, 256, "lut5"), "largest input must be an integer from 1 to 255, not 256"),
        ((WEIGHTS, BIAS, 1, "lut5", 1, 9), "fraction bits must be an integer from 0 to 8, not 9"),
        ((WEIGHTS, BIAS, 1, "lut4"), "sums must be one of lut5, lut6, block, adders, not 'lut4'"),
        ((WEIGHTS, BIAS, 1, "lut5", 0), "sections must be an integer from 1 to 4, not 0"),
        ((WEIGHTS, BIAS, 1, "lut5", 3), "sections must divide the 4 lanes, not 3"),
    ],
)
def test_refused(parameters: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        SynapticSums(*parameters)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("largest", "fraction_bits", "ends"),
    [(1, 0, (-5, 3)), (15, 0, (2 - 15 * 7, 2 + 15)), (9, 0, (2 - 9 * 7, 2 + 9)), (9, 3, (2 - 8 * 9 * 7, 2 + 8 * 9))],
)
def test_currents(largest: int, fraction_bits: int, ends: tuple[int, int]) -> None:
    """Weights 1 and -7 of two folds, a bias of 2 at a first fold alone."""
    weights = np.array([1, -7]).reshape(1, 1, 2, 1, 1)
    currents = SynapticSums(weights, np.array([[2]]), largest, "lut5", 1, fraction_bits).currents
    assert (currents.low, currents.high) == ends


@pytest.mark.parametrize(("fraction_bits", "whole", "fractions"), [(0, [-5, 3], [0, 0]), (2, [-2, 0], [3, 3])])
def test_a_bias_has_bits_below_the_unit(fraction_bits: int, whole: list[int], fractions: list[int]) -> None:
    sums = SynapticSums(np.ones((1, 1, 1, 2, 1), int), np.array([[-5, 3]]), 1, "lut5", 1, fraction_bits)
    assert sums.whole_bias.tolist() == [whole]
    assert sums.fractions.tolist() == [fractions]


def depthwise() -> Network:
    """One of 3x3 with 32 channels, all of whose weights are ones, and a last layer."""
    fires = Neuron(np.full(32, 5), NoLeak(), "zero", 16)
    deep = conv_layer("deep", np.ones((32, 1, 3, 3), int), np.zeros(32, int), 4, fires, groups=32)
    last = dense_layer("last", np.ones((2, 32, 2, 2), int), np.zeros(2, int), 4, Integrator(NoLeak(), 16))
    return Network("net", (32, 4, 4), 1, Encoder("uniform"), 3, (deep, last), "membrane")


@pytest.mark.parametrize(
    ("lanes", "form", "bits"),
    [
        (32, "lut5", [5, 4]),
        (32, "lut6", [6, 3]),
        (32, "block", [9]),
        # 4 output folds take 2 bits of an address, 32 take 5.
        (8, "lut5", [3, 3, 3]),
        (8, "block", [7, 2]),
        (1, "lut6", [1] * 9),
    ],
)
def test_a_depthwise_layer_sums_its_real_synapses(lanes: int, form: Sums, bits: list[int]) -> None:
    """32 x 9 weights, in tables and adders of a channel each."""
    network, fold = depthwise(), LayerFold(32, lanes, 1, form)
    ((sums,),) = synaptic_sums(network, 0, fold)
    assert sums.weights.size == 32 * 9
    assert sums.weights.all()
    assert sums.slice_bits == lanes * 9
    assert [len(table.bits) for table in sums.tables] == lanes * bits
    assert [table.lanes.tolist() for table in sums.tables] == [[lane] for lane in range(lanes) for _ in bits]
    assert np.concatenate([table.bits for table in sums.tables]).tolist() == list(range(lanes * 9))
    # The least sums are 0, and so are the biases: no bases.
    assert sums.levels == (len(bits) - 1).bit_length()
    assert engine_depths(network, 0, fold).pass_clocks == 32 // lanes


def test_lanes_of_a_section_share_its_tables() -> None:
    """Two sections of two lanes; an input that weighs nothing in one section does in the other."""
    weights = np.arange(1, 13).reshape(1, 1, 1, 4, 3)
    weights[..., :2, 1] = 0
    sums = SynapticSums(weights, np.array([[0, 0, 0, 7]]), 1, "lut5", 2)
    assert [(table.lanes.tolist(), table.bits.tolist()) for table in sums.tables] == [
        ([0, 1], [0, 2]),
        ([2, 3], [3, 4, 5]),
    ]
    assert sums.tables[0].weights.tolist() == [[[1, 3], [4, 6]]]
    assert [sums.section(lane) for lane in range(4)] == [0, 0, 1, 1]
    assert sums.levels == 1  # a table and a bias


@pytest.mark.parametrize(
    ("groups", "form", "tables"),
    [
        # One row in logic: the bits in the order of the slice.
        (1, "lut5", [([0, 1, 2, 3, 4], 0), ([5, 6, 7, 8], 0)]),
        (1, "block", [([0, 3, 6, 1, 4, 7, 2, 5, 8], 0)]),
        (4, "lut5", [([0, 3, 6], 0), ([1, 4, 7], 1), ([2, 5, 8], 2)]),
        (8, "lut6", [([0, 3, 6], 0), ([1, 4, 7], 1), ([2, 5, 8], 2)]),
        # Five bits and four.
        (16, "block", [([0, 3, 6, 1, 4], 0), ([7, 2, 5, 8], 1)]),
    ],
)
def test_bits_of_equal_weight_share_tables(groups: int, form: Sums, tables: list[tuple[list[int], int]]) -> None:
    """Three pixels of three bits; the weights in a table are in units of its lowest bit's."""
    weights = np.full((1, groups, 1, 1, 3), 5)
    sums = SynapticSums(weights, np.zeros((groups, 1), int), 7, form)
    assert [(table.bits.tolist(), table.shift) for table in sums.tables] == tables
    for table in sums.tables:
        assert table.weights[0, 0].tolist() == [5 << bit % 3 >> table.shift for bit in table.bits]


def test_gates_are_of_a_lanes_own_inputs() -> None:
    weights = np.ones((1, 129, 1, 2, 4), int)
    one, two = (SynapticSums(weights, np.zeros((129, 2), int), 1, "lut5", sections) for sections in (1, 2))
    assert (one.slice_bits, two.slice_bits) == (4, 8)
    assert one.levels == two.levels == 2
