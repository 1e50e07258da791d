"""Scales and integer weights against the section "From floats" of docs/numerics.md, number by number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hwsnn.errors import InputError
from hwsnn.float_network import FloatIntegrator
from hwsnn.quantization.rows import best_scales
from tests.support.float_networks import built, dense, fires, network, neuron, only_layer

weights = st.floats(0.001, 10) | st.floats(-10, -0.001) | st.just(0.0)
rows = st.lists(weights, min_size=1, max_size=12).filter(any)


@settings(deadline=None)
@given(rows, st.integers(2, 8))
def test_a_weight_is_its_scale_rounded_or_clipped(row: list[float], bits: int) -> None:
    source = network(dense([row]), shape=(1, 1, len(row)))
    integers, report = built(source, bits=bits)
    scale, largest = report.layers[0].weights.smallest_scale, 2 ** (bits - 1) - 1
    for weight, quantized in zip(row, integers.layers[0].projection.weight.ravel(), strict=True):  # type: ignore[union-attr]
        if abs(weight) * scale <= largest:
            assert abs(weight - quantized / scale) <= 0.5 / scale * (1 + 1e-9)
        else:
            assert quantized == largest * np.sign(weight)


def in_steps(row: list[float], largest: int) -> int:
    """The smallest number of steps from 0 to the peak of which every weight is a multiple; 0 for none."""
    peak = max(map(abs, row))
    for steps in range(1, largest + 1):
        counts = [weight / peak * steps for weight in row]
        if all(abs(count - round(count)) <= 1e-4 for count in counts):
            return steps
    return 0


@settings(deadline=None)
@given(rows, st.integers(2, 8))
def test_no_candidate_for_the_scale_is_better(row: list[float], bits: int) -> None:
    largest = 2 ** (bits - 1) - 1
    assume(not in_steps(row, largest))
    source = network(dense([row]), shape=(1, 1, len(row)))
    scale = built(source, bits=bits)[1].layers[0].weights.smallest_scale
    weights = np.array(row)
    peak = np.abs(weights).max()

    def error(candidate: float) -> float:
        restored = [min(max(round(float(w) * candidate), -largest), largest) / candidate for w in weights]
        return float((((np.array(restored) - weights) / peak) ** 2).sum())

    candidates = [largest / (peak * (1 - 0.5 * i / 39)) for i in range(40)]
    assert min(abs(scale / candidate - 1) for candidate in candidates) < 1e-12
    assert error(scale) <= min(map(error, candidates)) * (1 + 1e-6) + 1e-15


def test_of_equal_scales_the_one_that_clips_least_is_taken() -> None:
    """With weights of -1, 0 and 1 as much is lost at full scale, all but 1 made 0, as at half scale, all made 1/2."""
    row = [1.0, 11 / 32, 11 / 32, 10 / 32]
    at_full = sum(weight**2 for weight in row[1:])
    at_half = sum((weight - 0.5) ** 2 for weight in row)
    assert at_full == at_half
    assert best_scales(np.array([row]), 1).tolist() == [1.0]


STEPS = st.sampled_from([1.0, 0.1, 1 / 3, 2.0**-6, 0.7071, float(np.float32(0.1))])


@settings(deadline=None)
@given(st.lists(st.integers(-127, 127), min_size=1, max_size=12).filter(any), STEPS, st.integers(2, 8), st.booleans())
def test_multiples_of_one_step_are_kept(counts: list[int], step: float, bits: int, single: bool) -> None:
    """Whatever the error search would choose; as they are after training in single precision, too."""
    largest = 2 ** (bits - 1) - 1
    divisor = int(np.gcd.reduce(counts))
    assume(max(map(abs, counts)) <= largest * divisor)
    row = [float(np.float32(count * step)) if single else count * step for count in counts]
    source = network(dense([row], its_neuron=neuron(beta=0.5)), shape=(1, 1, len(row)))
    integers, report = built(source, bits=bits)
    parts = largest // max(abs(count) // divisor for count in counts)
    halvings = parts.bit_length() - 1
    quantized = integers.layers[0].projection.weight.ravel()  # type: ignore[union-attr]
    assert quantized.tolist() == [(count // divisor) << halvings for count in counts]
    assert report.layers[0].weights.rms_error < 1e-4
    assert report.layers[0].weights.clipped == 0


@pytest.mark.parametrize(
    ("weight", "options", "bias", "expected"),
    [
        # Nothing else is rounded: the step itself.
        ([6, -4], {"beta": 1.0}, 0, [3, -2]),
        ([6, -4], {"beta": 0.0}, 4, [3, -2]),
        # A threshold matters to subtraction alone; any other is compared with, rounded upwards.
        ([6, -4], {"beta": 1.0, "theta": 5.0}, 0, [3, -2]),
        ([6, -4], {"beta": 1.0, "theta": 5.0, "reset": "subtract"}, 0, [6, -4]),
        ([6, -4], {"beta": 1.0, "theta": 5.0}, 0.5, [12, -8]),
        ([6, -4], {"beta": 1.0, "theta": 0.25, "reset": "subtract"}, 0.5, [24, -16]),
        # Floors of a leak want a fine unit: 3 * 32 is the most below 127.
        ([6, -4], {"beta": 0.5}, 0, [96, -64]),
        ([6, -4], {"beta": 0.9}, 2 / 3, [9 * 8, -6 * 8]),
        # Nothing makes it an integer: the finest unit there is.
        ([6, -4], {"beta": 1.0}, 0.1234567, [126, -84]),
        # 127 leaves no choice.
        ([127, -4], {"beta": 0.5}, 0.3, [127, -4]),
    ],
)
def test_a_step_is_divided_where_something_else_asks_for_it(
    weight: list[int], options: dict[str, Any], bias: float, expected: list[int]
) -> None:
    layer = only_layer(network(dense([weight], bias=[bias], its_neuron=neuron(**options))))
    assert layer.projection.weight.ravel().tolist() == expected


def test_an_integrator_keeps_multiples_of_one_step_for_all_channels() -> None:
    source = network(dense([[1.5, -0.5], [0.25, 0]], its_neuron=FloatIntegrator(1.0)))
    assert only_layer(source).projection.weight[:, 0, 0].tolist() == [[6, -2], [1, 0]]


def test_one_stray_weight_is_clipped() -> None:
    """Where most weights are small, rounding them finely is worth cutting the largest."""
    row = [1.5, *np.linspace(0.11, 0.13, 60)]
    integers, report = built(network(dense([row]), shape=(1, 1, 61)), bits=4)
    weights = report.layers[0].weights
    assert weights.clipped == 1
    assert weights.largest > 1
    assert integers.layers[0].projection.weight.max() == 7  # type: ignore[union-attr]


def test_every_channel_has_its_own_scale() -> None:
    layer = only_layer(network(dense([[1, -0.5037], [0.01, 0.005037]])))
    np.testing.assert_array_equal(layer.projection.weight[:, 0, 0], [[127, -64], [127, 64]])
    assert fires(layer).threshold.tolist() == [128, 12701]


def test_a_channel_without_weights_keeps_its_bias_and_threshold() -> None:
    """Any scale keeps its weights: it takes the one that its bias and threshold would have as weights."""
    empty = [[0, 0]] * 4
    theta = [1.0, 1.0, 3.0, 1.0, 0.7071]
    source = dense(
        [[1, 0.5037], *empty], bias=[0, 1, 1, 0.3, 0.2345], its_neuron=neuron(theta, compare="greater_equal")
    )
    layer = only_layer(network(source))
    assert layer.bias[1:4].tolist() == [1, 1, 3]
    assert fires(layer).threshold[1:4].tolist() == [1, 3, 10]
    assert (layer.bias[4], fires(layer).threshold[4]) == (42, 127)


def test_a_channel_of_hardly_any_weight_does_not_widen_the_others() -> None:
    source = network(dense([[1, 0.5037], [1e-9, 0], [1 / 512, 0.49 / 512]]))
    integers, report = built(source)
    np.testing.assert_array_equal(integers.layers[0].projection.weight[:, 0, 0], [[127, 64], [0, 0], [64, 31]])  # type: ignore[union-attr]
    assert report.layers[0].weights.capped == 2
    assert report.layers[0].weights.largest_scale == 127 * 256
    assert "2 channels of hardly any weight" in str(report)


def test_a_coarse_step_takes_no_bits_from_other_channels() -> None:
    """A single weight is a multiple of itself, and needs an integer of 1; the others go on with theirs."""
    rng = np.random.default_rng(0)
    rough = rng.normal(0, 0.05, (3, 9))
    alone = [1.0, *[0.0] * 8]
    source = network(dense([alone, *rough], its_neuron=neuron(np.ones(4))), shape=(1, 1, 9))
    integers, report = built(source)
    quantized = integers.layers[0].projection.weight[:, 0, 0]  # type: ignore[union-attr]
    assert quantized[0].tolist() == [1, *[0] * 8]
    assert (np.abs(quantized[1:]).max(axis=1) == 127).all()
    assert report.layers[0].weights.capped == 0


def test_thresholds_that_are_infinite_in_integers_are_refused_in_silence() -> None:
    source = network(dense([[1e-20, 0]], its_neuron=neuron(1e300, reset="subtract")))
    with pytest.raises(InputError, match=r"a threshold becomes 1e\+320|a threshold becomes inf"):
        built(source)


def test_exact_channels_stay_within_the_span() -> None:
    """128 parts of its step, as the leak would have them, are too many beside the others, and 2 are not."""
    source = network(dense([[64, 0.0], [1 / 8, 0]], its_neuron=neuron(np.ones(2), beta=0.5)))
    integers, report = built(source)
    np.testing.assert_array_equal(integers.layers[0].projection.weight[:, 0, 0], [[64, 0], [32, 0]])  # type: ignore[union-attr]
    assert report.layers[0].weights.rms_error == 0


def test_channels_of_an_integrator_share_one_scale() -> None:
    """Their membranes are compared: each must mean the same."""
    source = network(dense([[1.0, -0.5037], [0.25, 0.125]], its_neuron=FloatIntegrator(1.0)))
    np.testing.assert_array_equal(only_layer(source).projection.weight[:, 0, 0], [[127, -64], [32, 16]])
