"""Populations of several projections against the section "From floats" of docs/numerics.md, number by number."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hwsnn import spec
from hwsnn.errors import InputError
from hwsnn.float_network import (
    FloatArray,
    FloatConv,
    FloatDense,
    FloatIntegrator,
    FloatLayer,
    FloatNetwork,
    FloatPopulation,
)
from hwsnn.quantization.rows import best_scales
from tests.support.float_networks import built, neuron


def joined(*rows: Any, bias: Any = 0.0, its_neuron: Any = None, **first: Any) -> FloatNetwork:
    """A first layer for each of ``rows`` but the first, which are all fed by pixels, and a last one that joins them.

    ``rows``: the weights (channels, inputs) of the projections of the last layer.
    """
    weights = [np.asarray(row, float)[:, :, None, None] for row in rows]
    layers = tuple(
        FloatPopulation(
            f"part{place}",
            (FloatDense(f"part{place}", np.ones((weight.shape[1], 2, 1, 1)), source="pixels"),),
            np.zeros(weight.shape[1]),
            neuron(np.ones(weight.shape[1])),
        )
        for place, weight in enumerate(weights)
    )
    channels = len(weights[0])
    projections = tuple(FloatDense("last", weight, source=f"part{place}") for place, weight in enumerate(weights))
    last = FloatPopulation(
        "last", projections, np.full(channels, bias), its_neuron or neuron(np.ones(channels)), **first
    )
    return FloatNetwork("net", (2, 1, 1), (*layers, last))


def last_of(source: FloatNetwork, **options: Any) -> spec.Population:
    population = built(source, **options)[0].layers[-1]
    assert isinstance(population, spec.Population)
    return population


def integers(population: spec.Population) -> list[list[Any]]:
    return [one.weight[:, :, 0, 0].tolist() for one in population.projections]


def gains(population: spec.Population) -> list[list[int] | None]:
    return [None if one.gain is None else one.gain.tolist() for one in population.projections]


@pytest.mark.parametrize(
    ("rows", "options", "weights", "expected_gains"),
    [
        # A skip of weight 1 beside multiples of 1/8.
        (([[7 / 8, -1 / 8]], [[1.0]]), {"bits": 8}, [[[7, -1]], [[8]]], [None, None]),
        (([[7 / 8, -1 / 8]], [[1.0]]), {"bits": 4}, [[[7, -1]], [[4]]], [None, [2]]),
        (([[1 / 8, -1 / 8]], [[1.0]]), {"bits": 2}, [[[1, -1]], [[1]]], [None, [8]]),
        # A step is divided where a bias asks for it, as long as one projection keeps a gain of 1.
        (([[1, -1]], [[2, 0]]), {"bits": 4, "bias": 0.5}, [[[2, -2]], [[4, 0]]], [None, None]),
        (([[1, -1]], [[2, 0]]), {"bits": 2, "bias": 0.5}, [[[1, -1]], [[1, 0]]], [None, [2]]),
        (([[1, 2, 3]], [[20, 0]]), {"bits": 3, "bias": 0.5}, [[[1, 2, 3]], [[2, 0]]], [None, [10]]),
        # No step is a multiple of the other: both have gains.
        (([[1 / 3, -1 / 3]], [[0.5, 0]]), {"bits": 2}, [[[1, -1]], [[1, 0]]], [[2], [3]]),
        (([[-1 / 3, -1 / 3]], [[0.5, 0.5]]), {"bits": 1}, [[[-1, -1]], [[1, 1]]], [[2], [3]]),
        # A projection of zeros asks for nothing.
        (([[5, -1], [1, 0]], [[0, 0], [10, 30]]), {"bits": 4}, [[[5, -1], [1, 0]], [[0, 0], [5, 6]]], None),
    ],
)
def test_steps_of_all_projections_are_kept(
    rows: Any, options: dict[str, Any], weights: Any, expected_gains: Any
) -> None:
    source = joined(*rows, bias=options.pop("bias", 0.0))
    network, report = built(source, **options)
    population = network.layers[-1]
    assert isinstance(population, spec.Population)
    if expected_gains is not None:
        assert integers(population) == weights
        assert gains(population) == expected_gains
    assert report.layers[-1].weights.exact == len(rows[0])
    for one, row in zip(population.projections, rows, strict=True):
        scale = report.layers[-1].weights.smallest_scale
        np.testing.assert_allclose(one.gained[:, :, 0, 0], np.asarray(row) * scale, rtol=1e-12)


def normal(channels: int, inputs: int, size: float, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(channels, inputs)) * size


@pytest.mark.parametrize("bits", [8, 4, 1])
def test_parts_of_a_concatenation_are_one_tensor(bits: int) -> None:
    whole = normal(6, 300, 0.1)
    apart = last_of(joined(whole[:, :200], whole[:, 200:]), bits=bits)
    together = last_of(joined(whole), bits=bits)
    assert gains(apart) == [None, None]
    assert np.array_equal(np.concatenate([one.weight for one in apart.projections], axis=1), together.projection.weight)
    assert np.array_equal(apart.bias, together.bias)
    assert np.array_equal(apart.neuron.threshold, together.neuron.threshold)  # type: ignore[union-attr]


def errors(population: spec.Population, rows: Sequence[FloatArray], scales: FloatArray) -> list[float]:
    """Of each projection, the root of the mean over the channels of its relative squared error."""
    found = []
    for one, row in zip(population.projections, rows, strict=True):
        off = one.gained[:, :, 0, 0] / scales[:, None] - row
        found.append(float(np.sqrt(((off**2).sum(axis=1) / (row**2).sum(axis=1)).mean())))
    return found


def scales_of(population: spec.Population) -> FloatArray:
    """From the thresholds, which are 1000 in floats and rounded upwards."""
    return np.asarray(population.neuron.threshold / 1000)  # type: ignore[union-attr]


@pytest.mark.parametrize("bits", [8, 4, 3, 2])
def test_weights_of_other_sizes_have_gains(bits: int) -> None:
    """Each loses little more than at a scale of its own, which one scale without gains would not leave it."""
    rows = [normal(8, 600, 0.05), normal(8, 60, 0.3, 1)]
    population = last_of(joined(*rows, its_neuron=neuron(np.full(8, 1000.0))), bits=bits)
    small, large = gains(population)
    assert large is not None
    assert min(large) > 1
    assert small is None
    found = errors(population, rows, scales_of(population))
    largest = 2 ** (bits - 1) - 1
    for row, error in zip(rows, found, strict=True):
        own = best_scales(row, largest)[:, None]
        off = np.clip(np.rint(row * own), -largest, largest) / own - row
        assert error < 1.42 * np.sqrt(((off**2).sum(axis=1) / (row**2).sum(axis=1)).mean())


@pytest.mark.parametrize("bits", [8, 4, 2, 1])
def test_an_identity_beside_rounded_weights_stays_one(bits: int) -> None:
    """Its product with its gain is the unit within a hundredth of what all weights are together."""
    rows = [normal(8, 600, 0.05), np.full((8, 1), 1.0)]
    population = last_of(joined(*rows, its_neuron=neuron(np.full(8, 1000.0))), bits=bits)
    power = (rows[0] ** 2).sum(axis=1) + 1
    off = population.projections[1].gained[:, 0, 0, 0] / scales_of(population) - 1
    assert (off**2 <= 1.01e-4 * power).all()


def test_ratios_of_steps_are_met_where_there_is_no_common_part() -> None:
    """Ternary weights trained with a size for each projection: within a hundredth of what all weights are together."""
    random = np.random.default_rng(3)
    signs = [random.integers(-1, 2, (8, 50)).astype(float) for _ in range(2)]
    rows = [one * size for one, size in zip(signs, (0.07123, 0.2377), strict=True)]
    population = last_of(joined(*rows, its_neuron=neuron(np.full(8, 1000.0))), bits=2)
    power = sum((row**2).sum(axis=1) for row in rows)
    for one, its, row in zip(population.projections, signs, rows, strict=True):
        assert np.array_equal(one.weight[:, :, 0, 0], its)
        off = one.gained[:, :, 0, 0] / scales_of(population)[:, None] - row
        assert ((off**2).sum(axis=1) <= 1.01e-4 * power).all()


def test_values_joined_with_spikes() -> None:
    """A pixel of 255 is 1, as a spike is: what stands for spikes is multiplied, and the unit is that of pixels."""
    ones = (FloatDense("last", np.full((1, 2, 1, 1), 1.0), source="pixels"),)
    first = joined([[1.0, -1.0]]).layers[0]
    last = FloatPopulation(
        "last", (*ones, FloatDense("last", np.array([[-3.0, 1.0]])[:, :, None, None])), np.array([2.0]), neuron(1.0)
    )
    source = FloatNetwork("net", (2, 1, 1), (first, last))
    population = last_of(source, encoding="direct", bits=8)
    pixels, spikes = population.projections
    assert (pixels.weight.ravel().tolist(), pixels.gain) == ([1, 1], None)
    assert spikes.gained.ravel().tolist() == [-765, 255]
    assert spikes.gain is not None
    assert spikes.gain.tolist() == [15]  # 255 = 17 * 15, and 3 * 17 fits 8 bits
    assert (population.bias[0], population.neuron.threshold[0]) == (510, 256)  # type: ignore[union-attr]


def test_hardly_any_weights_beside_others_widen_nothing() -> None:
    """A projection that died in training is rounded to nothing; its scale would be a million times finer."""
    rows = [normal(4, 100, 0.1), normal(4, 100, 1e-7, 1)]
    population = last_of(joined(*rows))
    assert gains(population) == [None, None]
    assert not population.projections[1].weight.any()


def test_membranes_that_are_compared_have_one_scale() -> None:
    rows = [normal(4, 50, 0.1) * np.array([[1], [2], [0.5], [1]]), normal(4, 50, 1.0, 1)]
    source = joined(*rows, its_neuron=FloatIntegrator(1.0), bias=10.0)
    population = last_of(source, bits=4)
    assert len(set(population.bias.tolist())) == 1
    found = gains(population)
    assert found[1] is not None
    assert len(set(found[1])) == 1


def test_weights_too_small_to_scale_are_refused_in_silence() -> None:
    for tiny in (1e-310, 1e-320):
        with pytest.raises(InputError, match=r"layer 'last': its weights are too small to scale"):
            built(joined(normal(3, 20, tiny), normal(3, 20, tiny, 1)))
        assert gains(last_of(joined(normal(3, 20, 1.0), normal(3, 20, tiny, 1)))) == [None, None]


def test_values_that_count_more_than_spikes() -> None:
    """An input scale of 4: a value of 1 is 4, and a spike is a quarter of a value."""
    first = joined([[1.0, -1.0]]).layers[0]
    last = FloatPopulation(
        "last",
        (
            FloatDense("last", np.ones((1, 2, 1, 1)), source="pixels"),
            FloatDense("last", np.array([[-3.0, 1.0]])[:, :, None, None]),
        ),
        np.array([2.0]),
        neuron(1.0),
    )
    population = last_of(FloatNetwork("net", (2, 1, 1), (first, last), input_scale=4.0), encoding="steps")
    assert [one.gained.ravel().tolist() for one in population.projections] == [[4, 4], [-3, 1]]
    assert (population.bias[0], population.neuron.threshold[0]) == (2, 2)  # type: ignore[union-attr]


def test_a_zero_has_no_sign_in_any_projection() -> None:
    source = joined([[1.0, 1.0], [1.0, 1.0]], [[1.0], [0.0]])
    with pytest.raises(InputError, match=r"layer 'last': every weight of channel 1 is zero, and a weight of 1 bit is"):
        built(source, bits=1)


def recurrent(weight: float, spikes: int) -> FloatNetwork:
    """A neuron that an input spike brings to 1.5 times its threshold."""
    its = replace(neuron(1.0, beta=0.0, compare="greater_equal", reset="subtract"), spikes=spikes)
    ones = (
        FloatConv("last", np.full((1, 1, 1, 1), 1.5)),
        FloatConv("last", np.full((1, 1, 1, 1), weight), source="last", delay=1),
    )
    return FloatNetwork("net", (1, 1, 1), (FloatPopulation("last", ones, np.zeros(1), its),))


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        # 1.5 first, then 1.5 + 0.5, then 1.5 + 0.5 * 2; though 3 spikes would go on by 1.5 + 0.5 * 3.
        (0.5, 2),
        (0.25, 1),
        (-1.0, 1),
        (1.0, 15),
    ],
)
def test_spikes_that_come_back_reach_only_what_they_reach(weight: float, expected: int) -> None:
    network, report = built(recurrent(weight, 15), timesteps=8)
    assert network.outputs(0).largest == expected
    assert network.largest_inputs(0) == (1, expected)
    assert not network.saturating(0)
    assert any("15 spikes per step are the most" in remark for remark in report.remarks) == (expected == 15)


def test_the_report_has_each_of_several_projections() -> None:
    rows = [normal(8, 600, 0.05), normal(8, 60, 0.3, 1)]
    network, report = built(joined(*rows), bits=4)
    *_, last = json.loads(json.dumps(report.to_json(), allow_nan=False))["layers"]
    assert [one["source"] for one in last["projections"]] == ["part0", "part1"]
    assert [one["count"] for one in last["projections"]] == [4800, 480]
    assert last["weights"]["count"] == 5280
    assert last["projections"][0]["gains"] == [1, 1]
    gain = network.population(2).projections[1].gain
    assert gain is not None
    assert last["projections"][1]["gains"] == [int(gain.min()), int(gain.max())]
    text = str(report)
    assert f"480 of 4 bits from part1: RMS error {last['projections'][1]['rms_error']:.2%}" in text
    assert "bits effective, gain 1\n" in text
    assert report.layers[0].projections == ()
    _, report = built(recurrent(0.5, 1))
    assert "1 of 8 bits from last, a step late: RMS error" in str(report)


def test_a_row_that_changes_with_time_becomes_channels_for_all_that_take_it() -> None:
    source = joined([[1.0]], [[1.0, 1.0]])
    parts = list[FloatLayer]()
    for layer in source.layers[:2]:
        assert isinstance(layer, FloatPopulation)
        row = replace(layer.projection, weight=layer.projection.weight.reshape(-1, 1, 1, 2))
        parts.append(replace(layer, projections=(row,)))
    source = replace(source, input_shape=(1, 1, 2), layers=(*parts, source.layers[2]), mean=np.array([0.5]))
    network, _ = built(source, "steps")
    assert network.input_shape == (2, 1, 1)
    assert [network.population(place).projection.weight.shape for place in (0, 1)] == [(1, 2, 1, 1), (2, 2, 1, 1)]
    assert [network.population(place).bias.tolist() for place in (0, 1)] == [[-1], [-1, -1]]
    assert built(source, "direct")[0].input_shape == (1, 1, 2)


def test_neurons_that_integrate_give_nothing_back() -> None:
    one = recurrent(0.5, 1).layers[0]
    assert isinstance(one, FloatPopulation)
    with pytest.raises(ValueError, match=r"neurons of the recurrent layer 'last' must fire, not integrate"):
        replace(one, neuron=FloatIntegrator(1.0))
