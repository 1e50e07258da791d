"""Fraction bits: how many, and what they are for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwsnn import reference, spec
from hwsnn.float_network import FloatIntegrator, FloatNetwork, FloatNeuron
from hwsnn.quantization.fractions import fraction_bits
from hwsnn.quantization.quantize import quantize
from tests.support.float_networks import built, dense, network, neuron
from tests.support.float_simulation import simulate
from tests.support.layers import float_dense_layer

ROUGH = [[1, 0.5037], [0.3, 1]]


@pytest.mark.parametrize(
    ("share", "error", "exact", "bits"),
    [
        (0.0, 0.0, None, 0),
        # No weight is rounded: 0.25 % of the threshold, times 2, and times 128.
        (0.0025, 0.0, None, 0),  # small enough as it is
        (0.0026, 0.0, None, 1),
        (0.005, 0.0, None, 1),
        (0.0051, 0.0, None, 2),
        (0.3, 0.0, None, 7),
        # Some are: 1 %, or a quarter of what they are rounded by.
        (0.01, 0.001, None, 0),
        (0.011, 0.04, None, 1),
        (0.3, 0.001, None, 5),
        (0.3, 0.4, None, 2),
        (9.0, 0.0, None, 8),  # no more than there are
        (0.3, 0.0, 3, 3),
        (0.3, 0.0, 8, 8),
        (0.002, 0.0, 4, 4),
        (0.005, 0.0, 5, 5),
        (0.002, 0.0, 5, 0),  # not worth it
        (0.005, 0.0, 6, 1),
        (9.0, 0.0, 9, 8),
    ],
)
def test_how_many(share: float, error: float, exact: int | None, bits: int) -> None:
    assert fraction_bits(share / np.exp2(np.arange(9, dtype=np.float64)), error, exact) == bits


def test_what_single_precision_leaves_is_no_rounding() -> None:
    """Of 0.3 times integers, as a framework has them: as fine as of the integers."""
    rng = np.random.default_rng(0)
    integers = rng.integers(-7, 8, (2, 4))
    integers[:, 0] = 7
    fractions = []
    for weight, step in ((integers.astype(float), 1.0), ((integers * np.float32(0.3)).astype(np.float32), 0.3)):
        its = neuron([13.7 * step] * 2, beta=0.9)
        layer = built(network(dense(weight, its_neuron=its), shape=(1, 1, 4)), bits=4)
        fractions.append(layer[0].population(0).fraction_bits)
    assert layer[1].layers[0].weights.rms_error > 0
    assert fractions == [6, 6]


def ternary(seed: int, beta: float, compare: str = "greater_equal") -> FloatNetwork:
    rng = np.random.default_rng(seed)

    def weights(*shape: int) -> np.ndarray:
        return rng.integers(-1, 2, shape).astype(np.float64)

    def its(count: int, theta: float) -> FloatNeuron:
        return FloatNeuron(np.full(count, theta), beta, compare, "subtract")  # type: ignore[arg-type]

    layers = (
        float_dense_layer("first", weights(30, 12, 1, 1), np.zeros(30), its(30, 2.0)),
        float_dense_layer("second", weights(20, 30, 1, 1), np.zeros(20), its(20, 3.0)),
        float_dense_layer("last", weights(5, 20, 1, 1), np.zeros(5), FloatIntegrator(beta)),
    )
    return FloatNetwork("net", (12, 1, 1), layers, encoding="steps", timesteps=8)


@pytest.mark.parametrize("compare", ["greater", "greater_equal"])
@pytest.mark.parametrize("bits", [2, 3, 8])
def test_eight_steps_of_halves_lose_nothing(bits: int, compare: str) -> None:
    """Nor do they in 2 bits, whose weights have no halves."""
    for seed in range(5):
        source = ternary(seed, 0.5, compare)
        values = np.random.default_rng(seed).integers(0, 2, (40, 8, 12, 1, 1), dtype=np.uint8)
        integers, _ = quantize(source, bits=bits)
        result, expected = reference.run(integers, values, trace=True), simulate(source, values.astype(float))
        for name, spikes in result.spikes.items():
            np.testing.assert_array_equal(spikes, expected.spikes[name])
        np.testing.assert_array_equal(
            result.scores / result.scores.max(),
            expected.scores("last", "membrane") / expected.scores("last", "membrane").max(),
        )


def test_narrow_weights_and_a_leak_that_is_not_exact() -> None:
    """Nine of ten answers that floors would change stay as they are."""
    wrong = {True: 0, False: 0}
    for seed in range(10):
        source = ternary(seed, 0.9)
        values = np.random.default_rng(seed).integers(0, 2, (100, 8, 12, 1, 1), dtype=np.uint8)
        expected = simulate(source, values.astype(float)).scores("last", "membrane").argmax(axis=1)
        integers, report = quantize(source, bits=2)
        assert min(layer.fraction.bits for layer in report.layers if layer.fraction) >= 3
        without = tuple(
            replace(layer, fraction_bits=0, bias=layer.bias, neuron=_coarse(layer))
            for _, layer in integers.populations()
        )
        for finer, one in ((True, integers), (False, replace(integers, layers=without))):
            wrong[finer] += int((reference.run(one, values).predictions != expected).sum())
    assert wrong[False] > 50
    assert wrong[True] < 0.2 * wrong[False]


def _coarse(layer: spec.Population) -> spec.AnyNeuron:
    """Its neuron in whole units of a weight."""
    neuron, unit = layer.neuron, 1 << layer.fraction_bits
    if not isinstance(neuron, spec.Neuron):
        return neuron
    assert neuron.sub is not None
    return replace(neuron, threshold=-(-neuron.threshold // unit), sub=neuron.sub // unit)


def test_eight_bits_need_none() -> None:
    integers, report = built(network(dense(ROUGH, its_neuron=neuron([1.0, 1.0], beta=0.5))))
    assert integers.population(0).fraction_bits == 0
    assert "fraction  no bits: floors of the leak move a membrane by 0." in str(report)


def test_no_leak_needs_none() -> None:
    for beta in (0.0, 1.0):
        integers, report = built(network(dense([[1, -1]], its_neuron=neuron(beta=beta))), bits=2)
        assert integers.population(0).fraction_bits == 0
        assert report.layers[0].fraction is None


@pytest.mark.parametrize(
    ("bias", "theta", "reset", "bits"),
    [
        (0.0, 3.0, "subtract", 0),
        (2.0, 3.0, "subtract", 0),
        # As many as make them integers, where few do.
        (0.5, 3.0, "zero", 1),
        (0.75, 3.0, "zero", 2),
        (0.0, 2.625, "subtract", 3),
        # A third is missed by a third of a unit in each of four steps: by 1.3 of 100, and by 0.17 with three bits.
        (1 / 3, 100.0, "zero", 3),
        (1 / 3, 1000.0, "zero", 0),
        # A reset amount is missed by as much, but once.
        (0.0, 100 + 1 / 3, "subtract", 1),
        # Nor is a threshold missed that no spike takes off: membranes are integers, and it is the next one.
        (0.0, 2.625, "zero", 0),
        (0.0, 100 + 1 / 3, "none", 0),
    ],
)
def test_what_is_rounded_beside_exact_weights(bias: float, theta: float, reset: spec.Reset, bits: int) -> None:
    its = neuron(theta, 1.0, "greater_equal", reset)
    integers, report = built(network(dense([[1, -1]], bias=[bias], its_neuron=its)), bits=2)
    assert integers.population(0).fraction_bits == bits
    assert report.remarks == ()


def test_rounding_does_not_matter_beside_rounded_weights() -> None:
    its = neuron([1.1, 1.3], reset="subtract")
    integers, report = built(network(dense(ROUGH, bias=[0.1, 0.2], its_neuron=its)), bits=3)
    assert integers.population(0).fraction_bits == 0
    assert report.layers[0].fraction is None


def test_fraction_bits_bring_spikes_back_that_rounding_changes() -> None:
    """Ternary weights beside what batch norm leaves of biases and thresholds."""
    rng = np.random.default_rng(0)
    weight = rng.integers(-1, 2, (40, 30, 1, 1)).astype(np.float64)
    its = FloatNeuron(rng.uniform(2.0, 5.0, 40), 1.0, "greater_equal", "subtract")
    source = FloatNetwork(
        "net", (30, 1, 1), (float_dense_layer("only", weight, rng.normal(size=40), its),), timesteps=8
    )
    values = rng.integers(0, 2, (50, 8, 30, 1, 1), dtype=np.uint8)
    expected = simulate(source, values.astype(float)).spikes["only"]
    differ = {}
    for membrane_bits in (9, None):
        integers, _ = quantize(source, bits=2, encoding="steps", membrane_bits=membrane_bits)
        spikes = reference.run(integers, values, trace=True).spikes["only"]
        differ[integers.population(0).fraction_bits] = float((spikes != expected).mean())
    coarse, fine = min(differ), max(differ)
    assert coarse == 0 < fine
    assert differ[coarse] > 0.05
    assert differ[fine] < 0.1 * differ[coarse]


def test_channels_without_floors_do_not_speak_for_the_others() -> None:
    """Of three channels one has a leak with memory: as many bits as if all had it."""
    rows = [[1, -1], [1, 1], [-1, 1]]
    alone = dense(rows, its_neuron=neuron([1.0, 1.0, 1.0], beta=0.9))
    for others in (0.0, 1.0):
        mixed = FloatNeuron(np.ones(3), np.array([others, 0.9, others]), "greater", "zero")
        integers, report = built(network(dense(rows, its_neuron=mixed)), bits=2)
        assert integers.population(0).fraction_bits > 3
        assert report.layers[0].fraction is not None
        same = built(network(alone), bits=2)[0].population(0).fraction_bits
        assert integers.population(0).fraction_bits == same


def test_a_leak_of_the_synaptic_current_needs_them_too() -> None:
    its = FloatNeuron(np.ones(1), 1.0, "greater", "subtract", alpha=0.9)
    assert built(network(dense([[1, -1]], its_neuron=its)), bits=2)[0].population(0).fraction_bits > 3


def test_all_is_in_the_finer_unit() -> None:
    its = FloatNeuron(np.array([1.5]), 0.9, "greater", "subtract", initial=np.array([0.5]), floor=np.array([-2.0]))
    integers, report = built(network(dense([[1, -1]], bias=[0.25], its_neuron=its)), bits=2)
    layer = integers.population(0)
    unit, built_neuron = 1 << layer.fraction_bits, layer.neuron
    assert unit > 16
    assert isinstance(built_neuron, spec.Neuron)
    assert layer.bias.tolist() == [unit / 4]
    assert {name: values.tolist() for name, values in built_neuron.constants.items()} == {
        "threshold": [1.5 * unit + 1],
        "sub": [1.5 * unit],
        "initial": [unit / 2],
        "floor": [-2 * unit],
    }
    fraction = report.layers[0].fraction
    assert fraction is not None
    # Four steps take off half a unit each, and nothing is rounded; without fraction bits the bias is, by 0.25 a step,
    # and the reset amount and the initial membrane are, by 0.5.
    memory = (1843 / 2048) ** np.arange(4)
    assert fraction.share_built == pytest.approx(0.5 * memory.sum() / 1.5 / unit)
    moved = 0.75 * memory.sum() + 1.0 * (1843 / 2048) ** 4
    assert fraction.share_without == pytest.approx(moved / 1.5)
    assert fraction.membrane_bits_added >= 5
    assert f"fraction  {layer.fraction_bits} bits: floors and rounding beside the weights move a membrane by" in str(
        report
    )
    assert f"membranes are {fraction.membrane_bits_added} bits wider" in str(report)


def test_a_threshold_near_no_float_at_all_has_all_bits() -> None:
    integers, report = built(network(dense([[1, -1]], its_neuron=neuron(1e-320, beta=0.9))), bits=2)
    assert integers.population(0).fraction_bits == spec.MAX_FRACTION_BITS
    assert report.layers[0].fraction is not None
    assert np.isfinite(report.layers[0].fraction.share_without)


def test_integrators_have_no_threshold_in_the_report() -> None:
    _, report = built(network(dense([[1, -1]], its_neuron=FloatIntegrator(0.9))), bits=2, readout="membrane")
    (line,) = (line for line in report.layers[0].lines() if "fraction" in line)
    assert "of the size of its weights, not" in line


def test_membrane_bits_leave_room_for_few() -> None:
    source = network(dense([[1, -1]], its_neuron=neuron(beta=0.9)))
    asked, narrow = (built(source, bits=2, membrane_bits=bits)[0].population(0) for bits in (None, 4))
    assert asked.fraction_bits > narrow.fraction_bits > 0
    assert narrow.neuron.membrane_bits <= 4
    assert built(source, bits=2, membrane_bits=3)[0].population(0).fraction_bits == 0
