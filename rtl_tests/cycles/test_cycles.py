"""The cycle model equals simulated hardware, clock by clock."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwsnn.cycles import Cycles, queue_depths
from hwsnn.folding.folding import Folding, LayerFold
from hwsnn.model_file.by_name import load_model
from hwsnn.spec import Encoder, MaxPool, Network, Neuron, NoLeak
from rtl_tests.support.agreement import require_agreement
from tests.support.layers import conv_layer, dense_layer

FRAMES = 32


def _check(network: Network, folding: Folding) -> Cycles:
    return require_agreement(network, folding, FRAMES, stalls=False)


@pytest.mark.parametrize(("model", "t_par"), [("digits", 1), pytest.param("mnist-small", 3, marks=pytest.mark.long)])
def test_shipped_model(model: str, t_par: int) -> None:
    network = load_model(model)
    layers = {layer.name: LayerFold(layer.projection.weight.shape[1], 8, t_par) for _, layer in network.populations()}
    _check(network, queue_depths(network, layers))


def _bursts() -> Network:
    """Two convolutions of nearly the same cycles per frame, whose outputs come and go in bursts."""
    rng = np.random.default_rng(0)

    def neuron(outputs: int) -> Neuron:
        return Neuron(np.full(outputs, 9), NoLeak(), "subtract", 20, np.full(outputs, 8))

    first = conv_layer("first", rng.integers(-7, 8, (6, 1, 3, 3)), np.zeros(6, int), 4, neuron(6), padding=(1, 1))
    second = conv_layer("second", rng.integers(-7, 8, (11, 6, 3, 3)), np.zeros(11, int), 4, neuron(11))
    last = dense_layer("last", rng.integers(-7, 8, (3, 11, 3, 3)), np.zeros(3, int), 4, neuron(3))
    layers = (first, MaxPool("pool", (2, 2), (2, 2), "or"), second, last)
    return Network("bursts", (1, 10, 10), 8, Encoder("direct"), 2, layers, "count")


def test_depths_that_are_just_enough() -> None:
    """One place less in a queue costs clocks; tests/cycles/ has every queue of random networks, by the model alone."""
    network = _bursts()
    layers = {"first": LayerFold(1, 1, 2), "second": LayerFold(1, 1, 2), "last": LayerFold(1, 1, 2)}
    enough = queue_depths(network, layers)
    best = _check(network, enough)
    fifo = replace(enough, fifo_depths={**enough.fifo_depths, "first": enough.fifo_depths["first"] - 1})
    column = replace(enough, column_depths={**enough.column_depths, "first": enough.column_depths["first"] - 1})
    assert _check(network, fifo).cycles_per_frame > best.cycles_per_frame
    assert _check(network, column).latency_cycles > best.latency_cycles


@pytest.mark.long
def test_many_steps_per_cycle() -> None:
    network = replace(_bursts(), timesteps=12)
    layers = {"first": LayerFold(1, 6, 12), "second": LayerFold(1, 6, 12), "last": LayerFold(1, 3, 12)}
    _check(network, queue_depths(network, layers))
