"""The clock rule holds in whole networks that have every kind of component between them."""

from __future__ import annotations

import numpy as np
import pytest

from hwsnn import cycles
from hwsnn.build.analysis.clock_rule import LIMIT, TimedPath, longest_paths, synthesize
from hwsnn.folding.column_pairs import PairPool, as_built
from hwsnn.folding.folding import Folding, LayerFold
from hwsnn.model_file.integer_file import model_hash
from hwsnn.rtl.network import Pipeline
from hwsnn.spec import (
    AnyNeuron,
    ChannelLeak,
    Encoder,
    EncoderKind,
    Integrator,
    Leak,
    MaxPool,
    MultiplyLeak,
    Network,
    Neuron,
    NoLeak,
    Population,
    Readout,
    ShiftLeak,
    SynapticCurrent,
    Window,
)
from hwsnn.verilog.emit import TOP, to_verilog
from tests.support.grouped_networks import grouped_model
from tests.support.layers import conv_layer, dense_layer


def every_layer(encoding: EncoderKind, readout: Readout) -> Network:
    """Convolutions with and without padding, both pools, every leak, membranes that saturate, a dense layer."""
    rng = np.random.default_rng(1)

    def conv(name: str, inputs: int, outputs: int, kernel: int, padding: int, neuron: Neuron) -> Population:
        weight = rng.integers(-7, 8, (outputs, inputs, kernel, kernel))
        return conv_layer(name, weight, rng.integers(-9, 9, outputs), 4, neuron, (1, 1), (padding, padding))

    def neuron(outputs: int, threshold: int, leak: Leak, bits: int) -> Neuron:
        return Neuron(np.full(outputs, threshold), leak, "subtract", bits, np.full(outputs, threshold - 1))

    first = neuron(3, 40, ShiftLeak(3), 9) if encoding == "direct" else neuron(3, 10, ShiftLeak(3), 5)
    second = Neuron(np.array([5, 9, 12, 7]), MultiplyLeak(11, 4), "zero", 8)
    weight, bias = rng.integers(-7, 8, (3, 4, 2, 2)), np.zeros(3, int)
    last = neuron(3, 6, NoLeak(), 9) if readout == "count" else Integrator(NoLeak(), 20)
    layers = (
        conv("first", 1, 3, 3, 1, first),
        MaxPool("or_pool", (2, 2), (1, 1), "or"),
        conv("second", 3, 4, 2, 0, second),
        MaxPool("winner_pool", (2, 2), (2, 2), "winner"),
        dense_layer("last", weight, bias, 4, last),
    )
    return Network("every_layer", (1, 6, 6), 4, Encoder(encoding), 3, layers, readout)


FOLDS = {
    "full": [LayerFold(1, 3, interleave=9), LayerFold(3, 4, interleave=8), LayerFold(4, 3)],
    "steps": [LayerFold(1, 3), LayerFold(3, 4, 3, "lut6"), LayerFold(2, 3, 2)],
    "folded": [LayerFold(1, 1), LayerFold(1, 1), LayerFold(1, 1)],
    "block": [LayerFold(1, 2, 1, "block"), LayerFold(2, 3, 1, "block"), LayerFold(2, 1, 1, "block")],
}


@pytest.mark.parametrize(
    ("encoding", "readout", "folds"),
    [
        ("direct", "count", "full"),
        ("uniform", "membrane", "folded"),
        ("latency", "membrane", "steps"),
    ],
)
def test_clock_rule(encoding: EncoderKind, readout: Readout, folds: str) -> None:
    """The fourth, "poisson" with the folds "block", is in the accelerator of rtl_tests/axi/test_axi_netlist.py."""
    network = every_layer(encoding, readout)
    assert network.saturating(0)
    weighted = [layer.name for _, layer in network.populations()]
    folding = cycles.queue_depths(network, dict(zip(weighted, FOLDS[folds], strict=True)))
    assert _too_long(network, folding) == []


def test_clock_rule_in_groups() -> None:
    """Several output folds per group, of several slices, in several passes: the window register has all its sources."""
    network = grouped_model("poisson")
    folds = [LayerFold(1, 1, 3), LayerFold(1, 1, 2), LayerFold(12, 3, 4)]
    weighted = [layer.name for _, layer in network.populations()]
    assert _too_long(network, cycles.queue_depths(network, dict(zip(weighted, folds, strict=True)))) == []


def every_neuron(readout: Readout) -> Network:
    """Several spikes and a floor; a late reset of synaptic currents, of leaks per channel; an undelayed one."""
    rng = np.random.default_rng(2)

    def layer(name: str, shape: tuple[int, ...], neuron: AnyNeuron) -> Population:
        return dense_layer(name, rng.integers(-7, 8, shape), rng.integers(-9, 9, shape[0]), 4, neuron)

    further, floor = np.array([[30, 40, 50], [60, 40, 50]]), np.array([-20, -9, -40])
    several = Neuron(
        np.array([20, 25, 30]), ShiftLeak(2), "subtract", 9, np.array([9, 20, 15]), floor=floor, further=further
    )
    synapse = SynapticCurrent(ChannelLeak(np.array([250, 31, 128, 77]), 8), 5)
    late = Neuron(np.array([9, 12, 20, 15]), ChannelLeak(np.array([3, 15, 16, 9]), 4), "late-zero", 7, synapse=synapse)
    thresholds, amounts, initial = np.array([11, 5, 7]), np.array([11, 4, 9]), np.array([5, 0, 8])
    last = Neuron(thresholds, MultiplyLeak(11, 4), "undelayed-subtract", 5, amounts, initial=initial)
    layers = (
        layer("several", (3, 1, 3, 3), several),
        layer("late", (4, 3, 1, 1), late),
        layer("last", (3, 4, 1, 1), last),
    )
    return Network("every_neuron", (1, 3, 3), 4, Encoder("direct"), 3, layers, readout)


@pytest.mark.parametrize(
    ("readout", "folds"),
    [
        ("max", [LayerFold(1, 1, 2), LayerFold(3, 2), LayerFold(4, 2, 2)]),
        ("first", [LayerFold(1, 3), LayerFold(3, 2, 3), LayerFold(4, 1, 3)]),
        ("sum", [LayerFold(1, 2, 3), LayerFold(3, 4, 2), LayerFold(2, 3)]),
    ],
)
def test_clock_rule_of_every_neuron(readout: Readout, folds: list[LayerFold]) -> None:
    network = every_neuron(readout)
    assert [network.saturating(index) for index in range(3)] == [{"v"}, {"s"}, {"v"}]
    weighted = [layer.name for _, layer in network.populations()]
    assert _too_long(network, cycles.queue_depths(network, dict(zip(weighted, folds, strict=True)))) == []


@pytest.mark.parametrize("cout_par", [1, 4])
def test_clock_rule_of_a_pool_of_currents(cout_par: int) -> None:
    """Of one output fold, whose ring is one place, and of four; with padding, gains and fraction bits."""
    rng = np.random.default_rng(0)
    fires = Neuron(np.full(4, 200), ShiftLeak(3), "subtract", 16, np.full(4, 200))
    conv = conv_layer(
        "conv",
        rng.integers(-7, 8, (4, 2, 3, 3)),
        rng.integers(-99, 100, 4),
        4,
        fires,
        padding=(1, 1),
        gain=rng.integers(1, 9, 4),
        padding_values=np.array([3, 1]),
        fraction_bits=2,
        pool=Window((2, 2), (2, 2)),
    )
    last = dense_layer("last", rng.integers(-7, 8, (3, 4, 2, 2)), np.zeros(3, int), 4, Integrator(NoLeak(), 20))
    network = Network("pooled", (2, 4, 4), 2, Encoder("steps"), 4, (conv, last), "membrane")
    folds = {"conv": LayerFold(2, cout_par, 2), "last": LayerFold(4, 3, 1)}
    assert _too_long(network, cycles.queue_depths(network, folds)) == []


def _too_long(network: Network, folding: Folding) -> list[TimedPath]:
    verilog = to_verilog(Pipeline(network, folding), model_hash(network))
    paths = longest_paths(synthesize(verilog, TOP), verilog)
    assert len(paths) > 300
    return [path for path in paths if path.length > LIMIT]


def test_clock_rule_of_pairs_of_columns() -> None:
    """Two pixels per cycle, with an odd border, and a pool that drops the column at the end of odd rows."""
    rng = np.random.default_rng(5)
    fires = Neuron(np.full(3, 40), ShiftLeak(3), "subtract", 12, np.full(3, 39))
    first = conv_layer("first", rng.integers(-7, 8, (3, 1, 2, 4)), np.zeros(3, int), 4, fires, (1, 1), (0, 1))
    last = dense_layer("last", rng.integers(-7, 8, (3, 3, 2, 3)), np.zeros(3, int), 4, Integrator(NoLeak(), 20))
    pool = MaxPool("pool", (2, 2), (2, 2), "winner")
    network = Network("pairs", (1, 6, 8), 4, Encoder("direct"), 3, (first, pool, last), "membrane")
    folds = {"first": LayerFold(2, 6), "last": LayerFold(3, 3)}
    folding = cycles.queue_depths(network, folds, 2)
    (built,) = [layer for layer in as_built(network, folding).layers if isinstance(layer, PairPool)]
    assert built.window.unused
    assert _too_long(network, folding) == []
