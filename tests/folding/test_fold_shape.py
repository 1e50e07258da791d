"""The PEs, folds and sections of a layer, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hwsnn.folding.fold_shape import FoldShape, fold_shape
from hwsnn.folding.folding import LayerFold
from hwsnn.spec import Integrator, NoLeak, Population
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
        assert fold_shape(layer, LayerFold(cin_par, cout_par)) == shape
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
    assert fold_shape(_conv(20, 15, 5), LayerFold(cin_par, cout_par)) == shape
    assert shape.section_sets == sets


@pytest.mark.parametrize(("cout_par", "folds"), [(1, 32), (5, 7), (8, 4), (32, 1)])
def test_depthwise(cout_par: int, folds: int) -> None:
    expected = FoldShape(cout_par, 1, folds, 1, 32, cout_par)
    assert fold_shape(_conv(32, 32, 32), LayerFold(32, cout_par)) == expected
