"""Populations of several projections, sums and recurrence, from floats to integers and through the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hwsnn import reference, spec
from hwsnn.errors import InputError
from hwsnn.float_network import (
    AnyFloatNeuron,
    FloatConv,
    FloatIntegrator,
    FloatLayer,
    FloatNetwork,
    FloatPopulation,
)
from hwsnn.quantization.quantize import quantize
from tests.support.float_agreement import assert_agrees, simulated
from tests.support.float_networks import built, neuron
from tests.support.random_float_graphs import PIXEL_BITS, STEPS, random_float_graph

SEEDS = [*range(40), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(40, 500))]
FRAMES = 8


def frames(source: FloatNetwork, seed: int) -> np.ndarray:
    steps = (STEPS,) if source.encoding == "steps" else ()
    return np.random.default_rng(seed).integers(0, 1 << PIXEL_BITS, (FRAMES, *steps, 2, 5, 5), np.uint8)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_graphs_agree_where_all_is_exact(seed: int) -> None:
    source = random_float_graph(seed)
    assert_agrees(source, frames(source, seed), bits=(8, 4)[seed % 2], pixel_bits=PIXEL_BITS)


def test_random_graphs_have_everything_and_fire() -> None:
    kinds, fired = set[str](), list[float]()
    for seed in range(40):
        source = random_float_graph(seed)
        network, _ = quantize(source, pixel_bits=PIXEL_BITS)
        for layer in network.layers:
            kinds.add(layer.kind)
            if isinstance(layer, spec.Population):
                kinds |= {"recurrent"} if layer.recurrent else set()
                kinds |= {"gain" for one in layer.projections if one.gain is not None}
        spikes = simulated(source, network, frames(source, seed)).spikes.values()
        fired += [float((one > 0).mean()) for one in spikes]
    assert kinds == {"population", "maxpool", "sum", "recurrent", "gain"}
    assert 0.2 < np.mean(fired) < 0.8


def test_graphs_of_signs_agree_where_all_is_exact() -> None:
    agreed = 0
    for seed in range(40):
        source = random_float_graph(seed, signs=True)
        _, report = quantize(source, bits=1, pixel_bits=PIXEL_BITS)
        exact = all(layer.weights.exact == layer.weights.channels for layer in report.layers)
        if exact and not any("rounding" in remark for remark in report.remarks):
            assert_agrees(source, frames(source, seed), bits=1, pixel_bits=PIXEL_BITS)
            agreed += 1
    assert agreed >= 10


def test_most_spikes_agree_where_nothing_is_exact() -> None:
    differ, fired = [], []
    for seed in range(30):
        source = random_float_graph(seed, exact=False)
        integers, _ = quantize(source, pixel_bits=PIXEL_BITS)
        values = frames(source, seed)
        expected = simulated(source, integers, values).spikes
        for name, spikes in reference.run(integers, values, trace=True).spikes.items():
            differ.append(float((spikes != expected[name]).mean()))
            fired.append(float((spikes > 0).mean()))
    assert 0.1 < np.mean(fired) < 0.9
    assert np.mean(differ) < 0.015


def of_layers(*layers: FloatLayer) -> FloatNetwork:
    return FloatNetwork("net", (1, 1, 1), layers)


def one(name: str, source: str = "pixels", its_neuron: AnyFloatNeuron | None = None) -> FloatPopulation:
    weights = (FloatConv(name, np.ones((1, 1, 1, 1)), source=source),)
    return FloatPopulation(
        name, weights, np.zeros(1), neuron(0.1, reset="subtract") if its_neuron is None else its_neuron
    )


@pytest.mark.parametrize(
    ("source", "options", "pattern"),
    [
        (of_layers(one("a"), spec.Sum("both", ("a", "pixels"))), {}, r"layer 'both': the last layer must have weights"),
        (
            of_layers(one("a"), spec.Sum("both", ("a", "pixels")), one("last", "both")),
            {"encoding": "direct"},
            r"layers that take pixels must have weights under direct encoding, not be 'both', a sum",
        ),
        (
            of_layers(one("a"), spec.Sum("both", ("a", "pixels")), one("last", "both")),
            {"encoding": "steps", "mean": 0.5},
            r"layer 'both': a layer that takes mean, std or input scale must have weights",
        ),
        (
            of_layers(one("a"), spec.Sum("both", ("a", "pixels")), one("last", "both")),
            {"encoding": "steps"},
            r"the sum 'both' must be at most 15, not 256",
        ),
        (
            of_layers(
                one("a"), one("b", its_neuron=FloatIntegrator(1.0)), spec.Sum("both", ("a", "b")), one("last", "both")
            ),
            {},
            r"layer 'b' must fire: only the last layer may integrate without firing",
        ),
        (of_layers(one("a"), one("last")), {}, r"layer 'a' must feed another layer"),
        (of_layers(one("a"), one("last")), {"encoding": "steps"}, r"layer 'a' must feed another layer"),
        (of_layers(one("last", "b"), one("b")), {}, r"the source of layer 'last' must come before it, not be 'b'"),
    ],
)
def test_graphs_that_cannot_be_built(source: FloatNetwork, options: dict[str, Any], pattern: str) -> None:
    with pytest.raises(InputError, match=pattern) as caught:
        built(source, **options)
    assert "\n" not in str(caught.value)
