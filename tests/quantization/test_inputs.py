"""What a value of the input counts as: scale, mean and standard deviation in the first layer, and what it pads with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hwsnn import spec
from hwsnn.errors import InputError
from hwsnn.float_network import FloatIntegrator, FloatNetwork
from tests.support.float_networks import built, dense, fires, network, neuron, only_layer
from tests.support.layers import float_conv_layer, float_dense_layer

IMAGE = (2, 3, 3)


def convolution(padding: int = 1, groups: int = 1) -> FloatNetwork:
    conv = float_conv_layer(
        "conv1",
        np.full((2, 2 // groups, 3, 3), 1.0),
        np.ones(2),
        neuron([1.0, 1.0]),
        padding=(padding, padding),
        groups=groups,
    )
    last = float_dense_layer("last", np.ones((2, *conv.output_shape(IMAGE))), np.zeros(2), FloatIntegrator(1.0))
    return FloatNetwork("net", IMAGE, (conv, last))


def test_values_count_as_themselves_in_steps() -> None:
    source = network(dense([[127, 1]], bias=[1.0], its_neuron=neuron(2.0)))
    layer = only_layer(source, "steps")
    assert (layer.bias[0], fires(layer).threshold[0]) == (1, 3)
    layer = only_layer(source, "steps", input_scale=1 / 255)
    assert (layer.bias[0], fires(layer).threshold[0]) == (255, 511)
    layer = only_layer(replace(source, input_scale=0.5), "direct")
    assert (layer.bias[0], fires(layer).threshold[0]) == (2, 5)


def test_a_row_that_changes_with_time_becomes_channels_of_one_pixel() -> None:
    """So a mean per value can be given, and the file's own holds for each; still images and convolutions stay rows."""
    source = replace(network(dense([[127, 3]])), mean=np.array([0.5]))
    integers, _ = built(source, "steps")
    assert integers.input_shape == (2, 1, 1)
    assert integers.population(0).projection.weight.reshape(-1).tolist() == [127, 3]
    assert integers.population(0).bias.tolist() == [-65]
    integers, report = built(source, "steps", mean=[1.0, 0.0])
    assert integers.population(0).bias.tolist() == [-127]
    assert "input: (value * 1 - 1, 0) / 1, folded" in str(report)
    assert built(source, "direct")[0].input_shape == (1, 1, 2)
    conv = float_conv_layer("conv1", np.ones((1, 1, 1, 2)), np.zeros(1), neuron([1.0]))
    assert built(network(conv), "steps")[0].input_shape == (1, 1, 2)


def test_deviations_and_scales_beyond_floats_are_refused() -> None:
    with pytest.raises(InputError, match=r"weight of layer 'dense1' must be finite.*mean and std are too far from 1"):
        built(network(dense([[127, 2]])), "direct", std=1e-320)
    with pytest.raises(InputError, match=r"input scale must be at least 1e-308, not 1e-320"):
        built(network(dense([[127, 2]])), "direct", input_scale=1e-320)


def test_mean_and_deviation_are_folded_into_weights_and_bias() -> None:
    """(p / 255 - mean) / std, twice 9 weights of 1 on it: the bias less 9 * (0.5 / 0.5 + 0.1 / 0.25)."""
    source = replace(convolution(0), mean=np.array([0.5, 0.1]), std=np.array([0.5, 0.25]))
    integers, report = built(source, "direct")
    layer = integers.population(0)
    assert layer.projection.weight[0, :, 0, 0].tolist() == [1, 2]
    unit = report.layers[0].weights.smallest_scale * 255
    np.testing.assert_array_equal(layer.bias, np.rint((1 - 9 * 1.4) * unit))
    assert report.input is not None
    assert (report.input.mean, report.input.std, report.input.padding) == ((0.5, 0.1), (0.5, 0.25), None)
    assert "input: (value * 0.00392157 - 0.5, 0.1) / 0.5, 0.25, folded into the first layer\n" in str(report)


def test_channels_of_groups_have_their_own() -> None:
    source = replace(convolution(0, groups=2), mean=np.array([0.0, 1.0]))
    layer = built(source, "direct")[0].population(0)
    unit = 255 * int(layer.projection.weight.max())
    assert layer.bias.tolist() == [unit, unit * (1 - 9)]


def test_padding_is_what_a_normalized_0_was() -> None:
    integers, report = built(convolution(), "direct", mean=(0.4914, 0.2), std=0.5)
    projection = integers.population(0).projection
    assert isinstance(projection, spec.Conv)
    assert projection.padding_values is not None
    assert projection.padding_values.tolist() == [125, 51]  # 125.307, and 51 exactly
    assert report.input is not None
    assert report.input.padding == (125, 51)
    assert report.input.padding_missed == pytest.approx(0.307 / 255 / 0.5)
    assert "the first layer pads with 125, 51, which is 0 within 0.0024" in str(report)
    assert integers.population(1).projection.settings == {}


def test_padding_of_zeros_is_no_other_padding() -> None:
    projection = built(convolution(), "direct", mean=0.0, std=2.0)[0].population(0).projection
    assert isinstance(projection, spec.Conv)
    assert projection.padding_values is None


@pytest.mark.parametrize(
    ("source", "options", "pattern"),
    [
        (convolution(), {"mean": -0.1}, r"layer 'conv1': pads with what normalizes to 0, which is -25.5 in channel 0"),
        (convolution(), {"mean": (0.5, 1.1)}, r"which is 280.5 in channel 1, outside the values from 0 to 255"),
        (convolution(), {"mean": (0.1, 0.2, 0.3)}, r"mean must have one number, or one per channel, 2, not 3"),
        (convolution(), {"mean": 0.5, "encoding": "uniform"}, r"mean, std and input scale are of values.* 'uniform'"),
        (
            network(spec.MaxPool("pool1", (1, 1), (1, 1), "or"), dense([[1, 2]])),
            {"input_scale": 0.5, "encoding": "steps", "pixel_bits": 1},
            r"layer 'pool1': a layer that takes mean, std or input scale must have weights",
        ),
    ],
)
def test_what_cannot_be_normalized(source: FloatNetwork, options: dict[str, Any], pattern: str) -> None:
    with pytest.raises(InputError, match=pattern) as caught:
        built(source, **({"encoding": "direct"} | options))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "pattern"),
    [
        ({"std": 0.0}, "std must be positive"),
        ({"mean": float("nan")}, "mean must be finite"),
        ({"input_scale": 0.0}, "input scale must be positive and finite, not 0.0"),
    ],
)
def test_numbers_that_mean_nothing(options: dict[str, Any], pattern: str) -> None:
    with pytest.raises(ValueError, match=pattern):
        built(convolution(), "direct", **options)
