"""Firing of neurons against a count, neuron by neuron, on the spikes of the oracle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from hwsnn.data import random_images
from hwsnn.reference import traces
from hwsnn.reference.firing import Firing, measure
from hwsnn.spec import Encoder, Network, Neuron, NoLeak, Population
from tests.support import oracle
from tests.support.layers import dense_layer
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_network

SEEDS = range(30)


def by_hand(network: Network, images: np.ndarray) -> dict[str, Firing]:
    values = [oracle.run(network, image)[2] for image in images]
    found = {}
    for index, layer in enumerate(network.layers):
        reads_membranes = index == len(network.layers) - 1 and network.readout in ("membrane", "sum", "max")
        if not isinstance(layer, Population) or reads_membranes:
            continue
        trains = [
            [step[c, y, x] for of_image in values for step in of_image[layer.name]]
            for c, y, x in product(*map(range, network.shapes[index + 1]))
        ]
        found[layer.name] = Firing(
            neurons=len(trains),
            ever=sum(any(train) for train in trains) / len(trains),
            always=sum(all(train) for train in trains) / len(trains),
            rate=sum(map(sum, trains)) / sum(map(len, trains)),
        )
    return found


@pytest.mark.parametrize("network_of", [random_network, random_graph])
@pytest.mark.parametrize("seed", SEEDS)
def test_random_networks(network_of: Callable[[int], Network], seed: int) -> None:
    network = network_of(seed)
    images = random_images(network, 3, seed)
    assert measure(network, images) == by_hand(network, images)


def test_the_random_networks_cover_what_matters() -> None:
    networks = [random_network(seed) for seed in SEEDS]
    found = [(network, by_hand(network, random_images(network, 3, seed))) for seed, network in enumerate(networks)]
    populations = {layer.name: layer for network in networks for _, layer in network.populations()}
    assert any(len(firing) < len(network.layers) for network, firing in found)
    assert any(layer.pool is not None for layer in populations.values())
    for figure in ("ever", "always"):
        shares = {getattr(firing, figure) for _, layers in found for firing in layers.values()}
        assert any(0 < share < 1 for share in shares)
        assert 0 in shares


def one_layer(thresholds: list[int], spikes_per_step: int = 1) -> Network:
    """A pixel that goes to every neuron, whose membranes are set to 0 by a spike, for two steps."""
    theta = np.array(thresholds, np.int32)
    further = np.array([theta + n for n in range(1, spikes_per_step)]) if spikes_per_step > 1 else None
    neuron = Neuron(theta, NoLeak(), "zero", 16, further=further)
    weight = np.ones((len(thresholds), 1, 1, 1), np.int8)
    layer = dense_layer("dense", weight, np.zeros(len(thresholds), np.int32), 8, neuron)
    return Network("net", (1, 1, 1), 8, Encoder("direct"), 2, (layer,), "count")


def pixels(*values: int) -> np.ndarray:
    return np.array(values, np.uint8).reshape(-1, 1, 1, 1)


def test_in_numbers() -> None:
    """Images of 1 and 2, two steps each, at thresholds of 1 to 5: 4, 3, 1, 1 and 0 spikes in 4 steps."""
    network = one_layer([1, 2, 3, 4, 5])
    assert measure(network, pixels(1, 2)) == {"dense": Firing(5, ever=4 / 5, always=1 / 5, rate=9 / 20)}


def test_several_spikes_a_step() -> None:
    network = one_layer([2], spikes_per_step=3)
    assert measure(network, pixels(9)) == {"dense": Firing(1, ever=1.0, always=1.0, rate=3.0)}


@pytest.mark.parametrize(
    ("ever", "always", "expected"),
    [
        (0.0, 0.0, "dead"),
        (0.0099, 0.0, "dead"),
        (0.01, 0.0, None),
        (1.0, 0.5, None),
        (1.0, 0.501, "saturated"),
    ],
)
def test_verdicts(ever: float, always: float, expected: str | None) -> None:
    assert Firing(1000, ever, always, 0.1).verdict == expected


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(5)
    images = random_images(network, 7, seed=0)
    whole = measure(network, images)
    monkeypatch.setattr(traces, "TRACE_BYTES", 3 * network.timesteps * sum(map(np.prod, network.shapes)))
    done = list[int]()
    assert measure(network, images, progress=done.append) == whole
    assert (sum(done), len(done) >= 3) == (7, True)


def test_a_last_layer_whose_membranes_are_read() -> None:
    network = replace(one_layer([1]), readout="membrane")
    assert isinstance(network.layers[0], Population)
    assert measure(network, pixels(1)) == {}


def test_no_images() -> None:
    with pytest.raises(ValueError, match="images must be at least one, not none"):
        measure(one_layer([1]), np.zeros((0, 1, 1, 1), np.uint8))
