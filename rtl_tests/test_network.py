"""Whole networks: the generated Verilog equals the reference at every layer boundary, and the checker sees errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwsnn.cycles import queue_depths, simulate
from hwsnn.data import load, random_images
from hwsnn.folding.folding import Folding, LayerFold
from hwsnn.model_file.by_name import load_model
from hwsnn.model_file.integer_file import model_hash
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import for_utilization
from hwsnn.rtl.network import Pipeline
from hwsnn.sim.network_bench import run_network
from hwsnn.spec import (
    Encoder,
    EncoderKind,
    Layer,
    MaxPool,
    MultiplyLeak,
    Network,
    Neuron,
    NoLeak,
    Population,
    ShiftLeak,
)
from hwsnn.verilog.emit import to_verilog
from tests.support.layers import conv_layer, dense_layer, with_weights

DEVICE = DEVICES["lfe5u-85"]


@pytest.mark.parametrize(("kind", "t_par"), [("direct", 1), ("poisson", 5)])
def test_256_time_steps(kind: EncoderKind, t_par: int) -> None:
    rng = np.random.default_rng(256)
    conv = conv_layer(
        "conv",
        rng.integers(-1, 2, (3, 2, 2, 3)),
        np.array([0, 5, -3]),
        weight_bits=2,
        neuron=Neuron(np.array([90, 40, 300]), ShiftLeak(3), "subtract", 16, np.array([89, 40, 301])),
        stride=(2, 1),
        padding=(1, 0),
    )
    pool = MaxPool("pool", (1, 2), (1, 2), "winner")
    dense = dense_layer(
        "dense", rng.integers(-7, 8, (4, 3, 2, 1)), np.zeros(4, int), 4, Neuron(np.full(4, 6), NoLeak(), "zero", 12)
    )
    network = Network("long", (2, 3, 5), 8, Encoder(kind, 77), 256, (conv, pool, dense), "count")
    folding = queue_depths(network, {"conv": LayerFold(1, 2, t_par), "dense": LayerFold(3, 4)})
    result = run_network(network, folding, random_images(network, 3, 1))
    assert result.mismatches == 0, result.first_mismatch


def test_digits_equal_reference_on_100_images() -> None:
    network = load_model("digits")
    folding = for_utilization(network, DEVICE).folding
    result = run_network(network, folding, load("digits", network, 100).images)
    assert result.frames == 100
    assert result.mismatches == 0, result.first_mismatch


def _two_convolutions() -> Network:
    """Folded fully at two steps per cycle, its convolutions take 600 and 594 cycles per frame."""
    rng = np.random.default_rng(0)

    def conv(name: str, outputs: int, inputs: int, threshold: int) -> Population:
        neuron = Neuron(np.full(outputs, threshold), NoLeak(), "subtract", 20, np.full(outputs, threshold - 1))
        return conv_layer(name, rng.integers(-7, 8, (outputs, inputs, 3, 3)), np.zeros(outputs, int), 4, neuron)

    pool, last = MaxPool("pool", (2, 2), (2, 2), "or"), rng.integers(-7, 8, (2, 11, 3, 3))
    counts = Neuron(np.full(2, 6), NoLeak(), "subtract", 16, np.full(2, 5))
    dense = dense_layer("dense", last, np.zeros(2, int), 4, counts)
    layers = (conv("first", 6, 1, 1500), pool, conv("second", 11, 6, 10), dense)
    return Network("two", (1, 12, 12), 8, Encoder("direct"), 2, layers, "count")


def test_convolutions_work_on_two_frames_at_once() -> None:
    network, fully = _two_convolutions(), LayerFold(1, 1, 2)
    folding = queue_depths(network, {layer.name: fully for _, layer in network.populations()})
    clocks = simulate(network, folding)
    assert (clocks.busy["first"], clocks.busy["second"], clocks.cycles_per_frame) == (600, 594, 600)
    images = random_images(network, 2, 0)
    result = run_network(network, folding, images, stalls=False)
    assert result.mismatches == 0, result.first_mismatch
    assert result.cycles_per_frame == 600
    shallow = Folding(folding.layers, dict.fromkeys(folding.fifo_depths, 2), dict.fromkeys(folding.column_depths, 1))
    slow = run_network(network, shallow, images, stalls=False)
    assert slow.mismatches == 0, slow.first_mismatch
    assert slow.cycles_per_frame == simulate(network, shallow).cycles_per_frame > 1.2 * 600


def _with_layer(network: Network, index: int, layer: Layer) -> Network:
    return replace(network, layers=(*network.layers[:index], layer, *network.layers[index + 1 :]))


def _wrong_weight(network: Network, index: int) -> Network:
    layer = network.layers[index]
    assert isinstance(layer, Population)
    weight = layer.projection.weight.copy()
    largest = np.unravel_index(int(np.abs(weight).argmax()), weight.shape)
    weight[largest] = -weight[largest]
    return _with_layer(network, index, with_weights(layer, weight))


def _wrong_threshold(network: Network, index: int) -> Network:
    layer = network.layers[index]
    assert isinstance(layer, Population)
    assert isinstance(layer.neuron, Neuron)
    threshold = layer.neuron.threshold.copy()
    threshold[0] += max(1, threshold[0] // 4)
    wide = replace(layer.neuron, threshold=threshold, membrane_bits=layer.neuron.membrane_bits + 1)
    return _with_layer(network, index, replace(layer, neuron=wide))


def _wrong_leak(network: Network, index: int) -> Network:
    layer = network.layers[index]
    assert isinstance(layer, Population)
    return _with_layer(network, index, replace(layer, neuron=replace(layer.neuron, leak=MultiplyLeak(5, 8))))


@pytest.mark.parametrize("spoil", [_wrong_weight, _wrong_threshold, _wrong_leak])
def test_checker_sees_wrong_hardware(spoil: object) -> None:
    network = _two_convolutions()
    assert callable(spoil)
    spoiled = spoil(network, 0)
    assert model_hash(spoiled) != model_hash(network)
    folding = queue_depths(network, {layer.name: LayerFold(1, 1, 2) for _, layer in network.populations()})
    verilog = to_verilog(Pipeline(spoiled, folding), model_hash(network))
    result = run_network(network, folding, random_images(network, 3, 0), stalls=False, verilog=verilog)
    assert result.mismatches > 0
    assert result.first_mismatch is not None
    assert result.first_mismatch.startswith("first: frame ")
