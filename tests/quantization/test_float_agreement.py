"""From floats to integers and through the reference: spikes, membranes and answers of a simulation in floats.

Weights, decays and all else are exact in the integers, so that every difference is a mistake.
"""

from __future__ import annotations

from itertools import product
from typing import Any, get_args

import numpy as np
import pytest

from hwsnn import reference, spec
from hwsnn.float_network import (
    AnyFloatNeuron,
    Compare,
    FloatArray,
    FloatIntegrator,
    FloatNetwork,
    FloatNeuron,
)
from hwsnn.quantization.quantize import quantize
from hwsnn.spec.neurons import ONCE, SEVERAL
from tests.support.float_agreement import assert_agrees
from tests.support.float_simulation import simulate
from tests.support.layers import float_conv_layer, float_dense_layer

STEPS, FRAMES, QUARTER = 3, 24, 0.25
"""So few steps that 8 bits hold whatever three quarters of a quarter become within them."""
LEAKS: dict[str, Any] = {"none": 1.0, "half": 0.5, "no memory": 0.0, "channels": np.array([0.5, 0.75, 1.0, 0.0])}
SYNAPSES: dict[str, Any] = {"no synapse": None, "ramp": 1.0, "half": 0.5, "channels": np.array([1.0, 0.25, 0.0, 0.5])}
KINDS = [
    *[(reset, 1, False) for reset in get_args(spec.Reset)],
    *[(reset, 3, False) for reset in SEVERAL],
    *[(reset, 1, True) for reset in ONCE],
]
CASES = [
    (*kind, leak, synapse)
    for kind, leak, synapse in product(KINDS, LEAKS, SYNAPSES)
    if kind[0] != "late-zero" or synapse != "no synapse"
]


def quarters(rng: np.random.Generator, low: int, high: int, count: int) -> FloatArray:
    return np.asarray(rng.integers(low, high, count, endpoint=True) * QUARTER)


def ternary(rng: np.random.Generator, *shape: int) -> FloatArray:
    weight = rng.integers(-1, 2, shape).astype(np.float64)
    weight.reshape(shape[0], -1)[:, 0] = 1.0  # no channel without weights
    return weight


def neuron(rng: np.random.Generator, kind: tuple[Any, ...], typical: int) -> FloatNeuron:
    """Neurons of four channels; ``kind``: reset, spikes per step, once, leak and synapse."""
    reset, spikes, once, leak, synapse = kind
    compare: Compare = "greater" if rng.random() < 0.5 else "greater_equal"
    return FloatNeuron(
        quarters(rng, 2, 4 * typical, 4),
        LEAKS[leak],
        compare,
        reset,
        SYNAPSES[synapse],
        4 * quarters(rng, -2, 2, 4) if rng.random() < 0.5 else None,
        -quarters(rng, 0, 8, 4) if rng.random() < 0.5 else None,
        spikes,
        once,
    )


def network(rng: np.random.Generator, kind: tuple[Any, ...], readout: spec.Readout, **fields: Any) -> FloatNetwork:
    """A convolution with a pool of currents, and a last layer, both of the kind, on two channels of 5x5 values."""
    pool = spec.Window((2, 2), (1, 1)) if rng.random() < 0.5 else None
    first = float_conv_layer(
        "first", ternary(rng, 4, 2, 3, 3), quarters(rng, -4, 8, 4), neuron(rng, kind, 6), (2, 1), (1, 0), pool=pool
    )
    shape = first.output_shape((2, 5, 5))
    last = float_dense_layer("last", ternary(rng, 4, *shape), quarters(rng, -4, 4, 4), neuron(rng, kind, 3))
    return FloatNetwork("net", (2, 5, 5), (first, last), readout=readout, encoding="steps", **fields)


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(map(str, case)))
def test_every_neuron(case: tuple[Any, ...]) -> None:
    fired = []
    for seed, readout in enumerate(get_args(spec.Readout)):
        rng = np.random.default_rng(seed)
        source = network(rng, case, readout=readout)
        fired.append(
            assert_agrees(source, rng.integers(0, 3, (FRAMES, STEPS, 2, 5, 5), dtype=np.uint8), timesteps=STEPS)
        )
    assert 0.02 < np.mean(fired) < 0.9


@pytest.mark.parametrize(("leak", "synapse"), list(product(LEAKS, SYNAPSES)))
def test_integrators(leak: str, synapse: str) -> None:
    for seed, readout in enumerate(("membrane", "sum", "max")):
        rng = np.random.default_rng(seed)
        its: AnyFloatNeuron = FloatIntegrator(
            LEAKS[leak], SYNAPSES[synapse], 4 * quarters(rng, -2, 2, 4), -quarters(rng, 0, 8, 4)
        )
        layer = float_dense_layer("last", ternary(rng, 4, 2, 5, 5), quarters(rng, -4, 4, 4), its)
        source = FloatNetwork("net", (2, 5, 5), (layer,), readout=readout, encoding="steps")  # type: ignore[arg-type]
        assert_agrees(source, rng.integers(0, 3, (FRAMES, STEPS, 2, 5, 5), dtype=np.uint8), timesteps=STEPS)


def test_normalized_input_and_its_padding() -> None:
    """Padding is what a normalized 0 was before: 2 of the first channel, 4 of the second."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        source = network(
            rng,
            ("subtract", 1, False, "none", "no synapse"),
            readout="count",
            mean=np.array([0.5, 1.0]),
            std=np.array([0.5, 0.25]),
            input_scale=0.25,
        )
        assert_agrees(source, rng.integers(0, 8, (FRAMES, STEPS, 2, 5, 5), dtype=np.uint8), timesteps=STEPS)


def test_signs() -> None:
    """Weights of one magnitude in every channel are exact in 1 bit."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        sizes = rng.choice([0.25, 0.5, 1.0], 4)
        its = FloatNeuron(sizes * rng.integers(1, 12, 4), 1.0, "greater_equal", "subtract")
        signs = rng.choice([-1.0, 1.0], (4, 2, 3, 3))
        first = float_conv_layer("first", signs * sizes[:, None, None, None], sizes * rng.integers(-2, 3, 4), its)
        last = float_dense_layer("last", rng.choice([-0.5, 0.5], (4, 4, 3, 3)), np.zeros(4), FloatIntegrator(1.0))
        source = FloatNetwork("net", (2, 5, 5), (first, last), encoding="steps")
        assert_agrees(source, rng.integers(0, 3, (FRAMES, STEPS, 2, 5, 5), dtype=np.uint8), timesteps=STEPS, bits=1)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: " ".join(map(str, kind)))
def test_most_spikes_agree_where_nothing_is_exact(kind: tuple[Any, ...]) -> None:
    """Weights of a normal distribution in 8 bits, and decays that are no multiples of 1/256."""
    reset, spikes, once = kind
    differ, fired = [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        its = FloatNeuron(
            rng.uniform(2, 6, 8), np.array([0.9, 0.95, 0.3, 0.7] * 2), "greater", reset, 0.6, None, None, spikes, once
        )
        layer = float_dense_layer("last", rng.normal(size=(8, 2, 5, 5)), rng.normal(size=8), its)
        source = FloatNetwork("net", (2, 5, 5), (layer,), encoding="steps")
        values = rng.integers(0, 3, (FRAMES, 8, 2, 5, 5), dtype=np.uint8)
        integers, _ = quantize(source, timesteps=8)
        expected = simulate(source, values.astype(np.float64)).spikes["last"]
        differ.append(float((reference.run(integers, values, trace=True).spikes["last"] != expected).mean()))
        fired.append(float((expected > 0).mean()))
    assert 0.03 < np.mean(fired) < 0.9
    assert np.mean(differ) < 0.01
