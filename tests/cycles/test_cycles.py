"""The cycle model without hardware: arithmetic that is known, and what must hold of every network."""

from __future__ import annotations

import warnings
from dataclasses import replace
from fractions import Fraction
from math import ceil
from random import Random
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Fragment, Module

from hwsnn.cycles import queue_depths, result_clocks, simulate
from hwsnn.cycles.machine import Machine
from hwsnn.folding.folding import Folding, LayerFold
from hwsnn.spec import Encoder, Integrator, Network, NoLeak, Readout
from tests.support.layers import conv_layer, dense_layer
from tests.support.random_networks import random_folding, random_folds, random_network
from tests.support.wishes import Wishes

RANDOM_NETWORKS = 40


def _all_depths(folding: Folding, depth: int) -> Folding:
    return Folding(
        folding.layers,
        dict.fromkeys(folding.fifo_depths, depth),
        dict.fromkeys(folding.column_depths, depth),
    )


def _one_dense(classes: int, side: int) -> Network:
    """One step, no table with more than a row at full parallelism."""
    weight = np.ones((classes, 1, side, side), np.int64)
    layer = dense_layer("dense", weight, np.zeros(classes, np.int64), 2, Integrator(NoLeak(), 16))
    return Network("dense", (1, side, side), 1, Encoder("direct"), 1, (layer,), "membrane")


def test_pixels_come_one_a_clock() -> None:
    cycles = simulate(_one_dense(3, 20), Folding({"dense": LayerFold(1, 3)}, {"dense": 1}, {}))
    assert cycles.cycles_per_frame == cycles.busy["dense"] == 400
    assert cycles.bottleneck == "dense"


def test_output_groups_take_a_clock_each() -> None:
    cycles = simulate(_one_dense(3, 20), Folding({"dense": LayerFold(1, 1)}, {"dense": 1}, {}))
    assert cycles.cycles_per_frame == cycles.busy["dense"] == 1200


def test_the_readout_may_be_slowest() -> None:
    cycles = simulate(_one_dense(50, 2), Folding({"dense": LayerFold(1, 50)}, {"dense": 40}, {}))
    assert ceil(cycles.cycles_per_frame) == cycles.busy["readout"] > cycles.busy["dense"] == 4
    assert cycles.bottleneck == "readout"


@pytest.mark.parametrize("readout", ["count", "first", "sum", "max"])
def test_timing_warns_of_no_component_that_it_leaves_unused(readout: Readout) -> None:
    """Amaranth warns once anything was elaborated: ``hwsnn verify`` writes Verilog before it times the network."""
    network = random_network(1, Wishes(readout=readout))
    Fragment.get(Module(), None)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        simulate(network, random_folding(network, 1))
    assert not found


def test_an_encoder_takes_a_clock_a_step() -> None:
    network = replace(_one_dense(3, 20), encoder=Encoder("uniform"), timesteps=7)
    cycles = simulate(network, Folding({"dense": LayerFold(1, 3, 7)}, {"dense": 8}, {}))
    assert cycles.busy["encoder"] == cycles.cycles_per_frame == 2800
    assert cycles.bottleneck == "encoder"


def test_padding_takes_its_zeros() -> None:
    integrator = Integrator(NoLeak(), 16)
    conv = conv_layer("conv", np.ones((2, 1, 20, 30), np.int64), np.zeros(2, np.int64), 2, integrator, padding=(5, 10))
    network = Network("padded", (1, 10, 10), 1, Encoder("direct"), 1, (conv,), "membrane")
    cycles = simulate(network, Folding({"conv": LayerFold(1, 2)}, {"conv": 1}, {"conv": 4}))
    assert cycles.cycles_per_frame == cycles.busy["conv"] == 20 * 30


def test_a_place_too_few_makes_every_beat_wait() -> None:
    # A beat comes every clock, and its place is free again only once it has been through the whole layer.
    network = random_network(19)
    folds = {layer.name: LayerFold(99, 99, 99) for _, layer in network.populations()}
    enough = queue_depths(network, folds)
    one = _all_depths(enough, 1)
    assert simulate(network, one).cycles_per_frame > simulate(network, enough).cycles_per_frame


@pytest.mark.parametrize("seed", range(RANDOM_NETWORKS))
def test_depths_are_the_least_that_keep_rate_and_latency(seed: int) -> None:
    network = random_network(seed)
    folding = queue_depths(network, random_folds(network, seed))
    enough = simulate(network, folding)
    clocks = enough.cycles_per_frame
    assert ceil(clocks) == max(simulate(network, folding).busy.values())
    endless = simulate(network, _all_depths(folding, 1000))
    assert ceil(clocks) == ceil(endless.cycles_per_frame)
    assert enough.latency_cycles == endless.latency_cycles
    for what in ("fifo_depths", "column_depths"):
        depths = getattr(folding, what)
        for name in (name for name, depth in depths.items() if depth > 1):
            shorter: dict[str, Any] = {what: {**depths, name: depths[name] - 1}}
            less = replace(folding, **shorter)
            short = simulate(network, less)
            slower = short.cycles_per_frame > ceil(clocks) or short.latency_cycles > enough.latency_cycles
            assert slower, f"{what} of {name}"


@pytest.mark.parametrize("seed", range(RANDOM_NETWORKS))
def test_steady_frames_are_those_of_a_long_run(seed: int) -> None:
    network = random_network(seed)
    folding = random_folding(network, seed)
    cycles = simulate(network, folding)
    clocks = result_clocks(network, folding, 300)
    assert clocks[0] == cycles.latency_cycles
    span = 60  # whole periods of alternating frames, of up to six
    assert Fraction(clocks[-1] - clocks[-1 - span], span) == cycles.cycles_per_frame


@pytest.mark.parametrize("seed", range(RANDOM_NETWORKS))
def test_what_is_proved_to_fall_behind_does(seed: int) -> None:
    network, random = random_network(seed), Random(seed)
    machine = Machine(network, random_folds(network, seed))
    clocks = ceil(max(machine.busy().values()))
    long = {queue: 2 * beats + 256 for queue, beats in machine.queues.items()}
    peaks = machine.steady(long, clocks).peaks
    for _ in range(10):
        depths = {queue: random.choice((long[queue], random.randint(1, peaks[queue]))) for queue in long}
        steady = machine.steady(depths, clocks)
        kept = machine.keeps(depths, clocks, steady.latency)
        assert kept == (steady.peaks if steady.clocks == clocks else None)
        assert machine.keeps(depths, clocks, steady.latency - 1) is None


def test_frames_may_alternate() -> None:
    # A place is free again ten clocks after it was taken.
    layer = dense_layer("dense", np.ones((1, 64, 1, 1), np.int64), np.zeros(1, np.int64), 2, Integrator(NoLeak(), 16))
    network = Network("pixel", (64, 1, 1), 1, Encoder("direct"), 1, (layer,), "membrane")
    clocks = [
        simulate(network, Folding({"dense": LayerFold(64, 1)}, {"dense": depth}, {})).cycles_per_frame
        for depth in (1, 2, 3, 4)
    ]
    assert clocks == [10, 5, Fraction(10, 3), Fraction(10, 4)]
    assert [isinstance(one, int) for one in clocks] == [True, True, False, False]


@pytest.mark.parametrize("seed", range(10))
def test_peaks_are_depths_that_are_never_full(seed: int) -> None:
    network = random_network(seed)
    wide = _all_depths(random_folding(network, seed), 1000)
    cycles = simulate(network, wide)
    assert set(cycles.fifo_peaks) == {layer.name for layer in network.layers}
    exact = simulate(network, Folding(wide.layers, cycles.fifo_peaks, cycles.column_peaks))
    assert exact.cycles_per_frame == cycles.cycles_per_frame
