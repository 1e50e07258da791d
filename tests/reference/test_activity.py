"""Activity against a count synapse by synapse, on the spikes of the oracle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any, get_args

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.data import random_images
from hwsnn.reference import traces
from hwsnn.reference.activity import Activity, fan_out, measure
from hwsnn.spec import Conv, EncoderKind, Integrator, Network, NoLeak, Population, Readout, Shape, Window
from hwsnn.spec.projections import Projection
from tests.support import oracle
from tests.support.layers import conv_layer
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_network

SEEDS = range(40)
IMAGES = 3


def synapses(projection: Projection, shape: Shape) -> Iterator[tuple[int, int, int]]:
    """The input of every synapse on inputs of ``shape``: one entry for each weight of each window."""
    (sy, sx), (py, px) = projection.window.stride, projection.window.padding
    outputs, inputs = projection.weight.shape[:2]
    for o, y, x in product(*map(range, projection.output_shape(shape))):
        for c, i, j in product(*map(range, projection.weight.shape[1:])):
            row, column = y * sy + i - py, x * sx + j - px
            if 0 <= row < shape[1] and 0 <= column < shape[2]:
                yield o * shape[0] // (outputs * inputs) * inputs + c, row, column


def by_hand(network: Network, images: np.ndarray) -> Activity:
    last = network.population(len(network.layers) - 1)
    reads_membranes = network.readout in ("membrane", "sum", "max")
    seen = replace(network, readout="count") if last.recurrent and reads_membranes else network
    values = [oracle.run(seen, image)[2] for image in images]
    names = ["encoder", *(layer.name for layer in network.layers)]
    takes_values = network.encoder.kind in ("direct", "steps")
    firing = names[takes_values : len(names) - (reads_membranes and not last.recurrent)]
    operations, multiply_adds = dict[str, int](), dict[str, int]()
    for index, layer in network.populations():
        for projection, edge in zip(layer.projections, network.edges[index], strict=True):
            source = names[edge.source + 1]
            fed = list(synapses(projection, network.shapes[edge.source + 1]))
            if source == "encoder" and takes_values:
                once = len(fed) * (1 if network.encoder.kind == "direct" else network.timesteps)
                multiply_adds[layer.name] = multiply_adds.get(layer.name, 0) + once
                continue
            steps = [step for of_image in values for step in of_image[source][: network.timesteps - edge.delay]]
            caused = sum(step[entry] for step in steps for entry in fed)
            operations[layer.name] = operations.get(layer.name, 0) + caused
    spikes = {name: sum(sum(step.values()) for v in values for step in v[name]) / len(images) for name in firing}
    means = {name: caused / len(images) for name, caused in operations.items()}
    return Activity(len(images), spikes, means, multiply_adds)


def conv(kernel: int, **how: Any) -> Population:
    weight, bias = np.ones((3, 1, kernel, kernel), np.int64), np.zeros(3, np.int64)
    return conv_layer("conv", weight, bias, 8, Integrator(NoLeak(), 32), **how)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_networks(seed: int) -> None:
    network = random_network(seed)
    images = random_images(network, IMAGES, seed)
    assert measure(network, images) == by_hand(network, images)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_graphs(seed: int) -> None:
    network = random_graph(seed)
    images = random_images(network, IMAGES, seed)
    assert measure(network, images) == by_hand(network, images)


def test_the_random_networks_cover_what_matters() -> None:
    networks = [random_network(seed) for seed in SEEDS]
    populations = [layer for network in networks for _, layer in network.populations()]
    convolutions = [layer.projection for layer in populations if isinstance(layer.projection, Conv)]
    assert {network.encoder.kind for network in networks} == set(get_args(EncoderKind))
    assert {network.readout for network in networks} == set(get_args(Readout))
    assert {conv.stride for conv in convolutions} == {(1, 1), (1, 2), (2, 1), (2, 2)}
    assert {(0, 0), (0, 1), (1, 0), (1, 1)} <= {conv.padding for conv in convolutions}
    assert any(layer.pool is not None for layer in populations)
    assert any(layer.neuron.spikes > 1 for layer in populations[:-1])


@pytest.mark.parametrize(
    ("layer", "extent", "windows"),
    [
        (conv(3), 5, [1, 2, 3, 2, 1]),
        (conv(3, padding=(1, 1)), 5, [2, 3, 3, 3, 2]),
        (conv(3, stride=(2, 2)), 5, [1, 1, 2, 1, 1]),
        (conv(1, stride=(2, 2)), 4, [1, 0, 1, 0]),
        (conv(2, stride=(2, 2)), 5, [1, 1, 1, 1, 0]),
        (conv(2, pool=Window((2, 2), (2, 2))), 4, [1, 2, 2, 1]),
    ],
)
def test_fan_out(layer: Population, extent: int, windows: list[int]) -> None:
    assert fan_out(layer.projection, (1, extent, extent)).tolist() == [[3 * a * b for b in windows] for a in windows]


def test_totals() -> None:
    measured = Activity(7, {"encoder": 1.5, "conv": 2.0}, {"conv": 30.0, "last": 4.5}, {"conv": 9, "last": 2})
    assert (measured.total_spikes, measured.total_synaptic_operations) == (3.5, 34.5)
    assert measured.total_multiply_adds == 11


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(5)
    images = random_images(network, 7, seed=0)
    whole = measure(network, images)
    monkeypatch.setattr(traces, "TRACE_BYTES", 3 * network.timesteps * sum(map(np.prod, network.shapes)))
    traced, done = list[int](), list[int]()

    def run(network: Network, images: np.ndarray, **how: Any) -> reference.Result:
        traced.append(len(images))
        return reference.run(network, images, **how)

    monkeypatch.setattr(traces, "run", run)
    assert measure(network, images, progress=done.append) == whole
    assert (traced, sum(done)) == ([3, 3, 1], 7)


def test_no_images() -> None:
    network = random_network(5)
    with pytest.raises(ValueError, match="images must be at least one, not none"):
        measure(network, np.zeros((0, *network.input_shape), np.uint8))
