"""The PEs, folds and sections of a layer, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hwsnn.folding.fold_shape import FoldShape, fold_shapes
from hwsnn.folding.folding import LayerFold
from hwsnn.spec import Conv, Integrator, Neuron, NoLeak, Population
from tests.support.layers import conv_layer, dense_layer

NEURON = Integrator(NoLeak(), 20)


def _conv(outputs: int, channels: int, groups: int) -> Population:
    weight = np.ones((outputs, channels // groups, 3, 3), int)
    return conv_layer("conv", weight, np.zeros(outputs, int), 4, NEURON, groups=groups)


@pytest.mark.parametrize(
    ("cin_par", "cout_par", "shape"),
    [
        (1, 1, FoldShape(1, 1, 7, 5, 1, 1)),
        (2, 3, FoldShape(3, 2, 3, 3, 1, 1)),
        (5, 7, FoldShape(7, 5, 1, 1, 1, 1)),
        (64, 64, FoldShape(7, 5, 1, 1, 1, 1)),
    ],
)
def test_one_group(cin_par: int, cout_par: int, shape: FoldShape) -> None:
    dense = dense_layer("dense", np.ones((7, 5, 2, 2), int), np.zeros(7, int), 4, NEURON)
    for layer in (_conv(7, 5, 1), dense):
        assert fold_shapes(layer, LayerFold(cin_par, cout_par)) == (shape,)
    assert shape.section_sets == 1


@pytest.mark.parametrize(
    ("cin_par", "cout_par", "shape", "sets"),
    [
        # 5 groups of 3 channels to 4 outputs. Lanes in a group: divisors of 4. The slices of a group are repeated.
        (1, 1, FoldShape(1, 1, 20, 3, 5, 1), 5),
        (2, 2, FoldShape(2, 2, 10, 2, 5, 1), 5),
        (2, 3, FoldShape(2, 2, 10, 2, 5, 1), 5),
        (3, 4, FoldShape(4, 3, 5, 1, 5, 1), 5),
        # Whole groups; the last of three folds has one group and another's surplus lanes.
        (1, 7, FoldShape(4, 1, 5, 3, 5, 1), 5),
        (4, 8, FoldShape(8, 3, 3, 1, 5, 2), 3),
        (15, 11, FoldShape(8, 3, 3, 1, 5, 2), 3),
        (3, 19, FoldShape(16, 3, 2, 1, 5, 4), 2),
        (3, 20, FoldShape(20, 3, 1, 1, 5, 5), 1),
        (99, 99, FoldShape(20, 3, 1, 1, 5, 5), 1),
    ],
)
def test_groups(cin_par: int, cout_par: int, shape: FoldShape, sets: int) -> None:
    assert fold_shapes(_conv(20, 15, 5), LayerFold(cin_par, cout_par)) == (shape,)
    assert shape.section_sets == sets


@pytest.mark.parametrize(("cout_par", "folds"), [(1, 32), (5, 7), (8, 4), (32, 1)])
def test_depthwise(cout_par: int, folds: int) -> None:
    expected = FoldShape(cout_par, 1, folds, 1, 32, cout_par)
    assert fold_shapes(_conv(32, 32, 32), LayerFold(32, cout_par)) == (expected,)


def _joined(*convs: Conv) -> Population:
    outputs = convs[0].out_channels
    return Population("conv", convs, np.zeros(outputs, int), NEURON)


def _projection(outputs: int, channels: int, groups: int = 1, source: str | None = None) -> Conv:
    weight = np.ones((outputs, channels // groups, 1, 1), int)
    return Conv("conv", weight, 4, groups=groups, source=source)


@pytest.mark.parametrize(
    ("cin_par", "input_folds"),
    [
        # 7 channels, 3, and depthwise 1: the widest gives the folds, the others take as many or fewer.
        (1, [(1, 7), (1, 3), (1, 1)]),
        (2, [(2, 4), (1, 3), (1, 1)]),
        (3, [(3, 3), (1, 3), (1, 1)]),
        (4, [(4, 2), (2, 2), (1, 1)]),
        (9, [(7, 1), (3, 1), (1, 1)]),
    ],
)
def test_the_widest_projection_gives_the_input_folds(cin_par: int, input_folds: list[tuple[int, int]]) -> None:
    layer = _joined(_projection(6, 7), _projection(6, 3, source="a"), _projection(6, 6, 6, "b"))
    shapes = fold_shapes(layer, LayerFold(cin_par, 6))
    assert [(shape.cin_par, shape.input_folds) for shape in shapes] == input_folds


@pytest.mark.parametrize(
    ("cout_par", "lanes", "sections"),
    [
        # Groups of 6 and of 4 outputs of 24: whole groups or a divisor, of both.
        (1, 1, (1, 1, 1)),
        (3, 2, (1, 1, 1)),
        (5, 2, (1, 1, 1)),
        (11, 2, (1, 1, 1)),
        (12, 12, (1, 2, 3)),
        (23, 12, (1, 2, 3)),
        (24, 24, (1, 4, 6)),
        (99, 24, (1, 4, 6)),
    ],
)
def test_lanes_fit_the_groups_of_all_projections(cout_par: int, lanes: int, sections: tuple[int, ...]) -> None:
    layer = _joined(_projection(24, 5), _projection(24, 8, 4, "a"), _projection(24, 6, 6, "b"))
    shapes = fold_shapes(layer, LayerFold(5, cout_par))
    assert {(shape.lanes, shape.output_folds) for shape in shapes} == {(lanes, 24 // lanes)}
    assert tuple(shape.sections for shape in shapes) == sections
    assert all(shape.output_folds % shape.section_sets == 0 for shape in shapes)


def test_a_recurrent_layer_has_one_step_per_cycle() -> None:
    own = Conv("conv", np.ones((6, 1, 1, 1), int), 4, groups=6, source="conv", delay=1)
    fires = Neuron(np.full(6, 3), NoLeak(), "zero", 8)
    layer = Population("conv", (_projection(6, 7), own), np.zeros(6, int), fires)
    assert fold_shapes(layer, LayerFold(7, 4, 1))[1] == FoldShape(4, 1, 2, 1, 6, 4)
    with pytest.raises(ValueError, match=r"^t_par of the recurrent layer 'conv' must be 1, not 2$"):
        fold_shapes(layer, LayerFold(7, 4, 2))
