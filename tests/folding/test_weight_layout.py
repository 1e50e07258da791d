from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwsnn.folding.folding import LayerFold
from hwsnn.folding.weight_layout import folded_parameters
from hwsnn.spec import Dense, Neuron, NoLeak
from tests.support.layers import conv_layer, dense_layer

RNG = np.random.default_rng(5)


def _neuron(channels: int) -> Neuron:
    return Neuron(RNG.integers(1, 100, channels), NoLeak(), "subtract", 16, RNG.integers(0, 100, channels))


def _weights(*shape: int) -> np.ndarray:
    return RNG.integers(-127, 128, shape)


@pytest.mark.parametrize(
    ("outputs", "channels", "kernel", "cin_par", "cout_par"),
    [
        (4, 6, (3, 3), 2, 2),
        (5, 7, (3, 2), 3, 2),
        (1, 1, (5, 5), 1, 1),
        (3, 4, (1, 3), 4, 3),
        (7, 5, (2, 2), 2, 4),
    ],
)
def test_conv_entries(outputs: int, channels: int, kernel: tuple[int, int], cin_par: int, cout_par: int) -> None:
    layer = conv_layer("c", _weights(outputs, channels, *kernel), RNG.integers(-9, 10, outputs), 8, _neuron(outputs))
    (folded,) = folded_parameters(layer, LayerFold(cin_par, cout_par))
    groups, folds = -(-outputs // cout_par), -(-channels // cin_par)
    assert folded.weights.shape == (1, groups, folds, cout_par, kernel[0] * kernel[1] * cin_par)
    assert folded.bias.shape == (groups, cout_par)
    seen = 0
    for g, k, lane, entry in np.ndindex(*folded.weights.shape[1:]):
        tap, d = divmod(entry, cin_par)
        o, c = g * cout_par + lane, k * cin_par + d
        if o < outputs and c < channels:
            assert (
                folded.weights[0, g, k, lane, entry] == layer.projection.weight[o, c, tap // kernel[1], tap % kernel[1]]
            )
            seen += 1
        else:
            assert folded.weights[0, g, k, lane, entry] == 0
    assert seen == layer.projection.weight.size


@pytest.mark.parametrize("cin_par", [1, 2, 3, 8])
@pytest.mark.parametrize("cout_par", [1, 2, 3, 4, 7, 8, 12, 30])
@pytest.mark.parametrize(("groups", "outputs", "channels"), [(2, 8, 6), (3, 12, 9), (5, 5, 5), (6, 12, 6), (4, 12, 4)])
def test_grouped_conv_entries(groups: int, outputs: int, channels: int, cin_par: int, cout_par: int) -> None:
    """Every weight once, where the lane's section of the slice has its input, and no zero of another group."""
    of_group, seen_channels = outputs // groups, channels // groups
    neuron, weight = _neuron(outputs), _weights(outputs, seen_channels, 2, 3)
    layer = conv_layer("c", weight, RNG.integers(1, 10, outputs), 8, neuron, groups=groups)
    (folded,) = folded_parameters(layer, LayerFold(cin_par, cout_par))
    _, folds, input_folds, lanes, entries = folded.weights.shape
    width = min(cin_par, seen_channels)
    assert entries == 6 * width
    assert input_folds == -(-seen_channels // width)
    assert folds == -(-outputs // lanes)
    assert lanes == folded.sections * of_group or (folded.sections == 1 and of_group % lanes == 0)
    seen = 0
    for g, k, lane, entry in np.ndindex(*folded.weights.shape[1:]):
        tap, d = divmod(entry, width)
        o, c = g * lanes + lane, k * width + d
        if o < outputs:
            # The groups of an output fold follow one another, one per section.
            assert o // of_group == g * lanes // of_group + lane * folded.sections // lanes
        if o < outputs and c < seen_channels:
            assert folded.weights[0, g, k, lane, entry] == weight[o, c, tap // 3, tap % 3]
            seen += 1
        else:
            assert folded.weights[0, g, k, lane, entry] == 0
    assert seen == weight.size
    assert folded.bias.reshape(-1).tolist() == [*layer.bias.tolist(), *[0] * (folds * lanes - outputs)]


@pytest.mark.parametrize(
    ("outputs", "channels", "extent", "cin_par", "cout_par"),
    [(10, 6, (3, 2), 3, 5), (10, 5, (2, 4), 2, 3), (3, 8, (1, 1), 3, 2), (1, 1, (1, 1), 1, 1)],
)
def test_dense_entries(outputs: int, channels: int, extent: tuple[int, int], cin_par: int, cout_par: int) -> None:
    layer = dense_layer("d", _weights(outputs, channels, *extent), RNG.integers(-9, 10, outputs), 8, _neuron(outputs))
    (folded,) = folded_parameters(layer, LayerFold(cin_par, cout_par))
    groups, channel_folds = -(-outputs // cout_par), -(-channels // cin_par)
    assert folded.weights.shape == (extent[0] * extent[1], groups, channel_folds, cout_par, cin_par)
    seen = 0
    for pixel, g, fold, lane, d in np.ndindex(*folded.weights.shape):
        o, c = g * cout_par + lane, fold * cin_par + d
        if o < outputs and c < channels:
            assert (
                folded.weights[pixel, g, fold, lane, d]
                == layer.projection.weight[o, c, pixel // extent[1], pixel % extent[1]]
            )
            seen += 1
        else:
            assert folded.weights[pixel, g, fold, lane, d] == 0
    assert seen == layer.projection.weight.size


@pytest.mark.parametrize("dense", [False, True])
def test_weights_are_times_their_gain(dense: bool) -> None:
    weight, gain = _weights(3, 2, 2, 2), np.array([1, 5, 700])
    layer = conv_layer("c", weight, np.arange(3), 8, _neuron(3), gain=gain)
    if dense:
        layer = replace(layer, projections=(Dense("c", weight, 8, gain),))
    gained = replace(layer.projection, weight=np.ones_like(weight))
    plain = replace(layer.projection, gain=None)
    whole, ones, bare = (
        folded_parameters(replace(layer, projections=(projection,)), LayerFold(1, 2))[0].weights
        for projection in (layer.projection, gained, plain)
    )
    assert (whole == ones * bare).all()
    assert set(np.unique(ones)) == {0, 1, 5, 700}


def test_biases_are_padded() -> None:
    layer = conv_layer("c", _weights(3, 1, 1, 1), np.array([-1, 2, -3]), 8, _neuron(3))
    (folded,) = folded_parameters(layer, LayerFold(1, 2))
    assert folded.bias.tolist() == [[-1, 2], [-3, 0]]
    assert {folded.weights.dtype, folded.bias.dtype} == {np.dtype(np.int64)}


def test_numbers_do_not_depend_on_steps_and_tables() -> None:
    layer = conv_layer("c", _weights(3, 4, 2, 2), np.arange(3), 8, _neuron(3))
    (one,), (other,) = folded_parameters(layer, LayerFold(2, 2)), folded_parameters(layer, LayerFold(2, 2, 4, "block"))
    for name in ("weights", "bias"):
        assert np.array_equal(getattr(one, name), getattr(other, name))


def test_parts_are_cut_to_the_channels() -> None:
    layer = conv_layer("c", _weights(3, 2, 3, 3), np.zeros(3, np.int64), 8, _neuron(3))
    assert folded_parameters(layer, LayerFold(64, 64))[0].weights.shape == (1, 1, 1, 3, 18)
