"""Clocks of neurons, counted by hand; ``rtl_tests`` hold the hardware against the same numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwsnn.folding.pipeline_depths import NeuronPipeline, Output, layer_output, neuron_pipeline
from hwsnn.spec import (
    AnyNeuron,
    Encoder,
    Integrator,
    Leak,
    MultiplyLeak,
    Network,
    Neuron,
    NoLeak,
    Readout,
    ShiftLeak,
    SynapticCurrent,
)
from tests.support.layers import dense_layer


def fires(leak: Leak) -> Neuron:
    return Neuron(np.array([3]), leak, "zero", 10)


def pipeline(neuron: AnyNeuron, timesteps: int, t_par: int, *saturating: str, groups: int = 1) -> NeuronPipeline:
    output: Output = "spikes" if neuron.fires else "last membranes"
    return neuron_pipeline(
        neuron, groups=groups, timesteps=timesteps, t_par=t_par, saturating=frozenset(saturating), output=output
    )


@pytest.mark.parametrize(
    ("neuron", "steps", "saturates", "min_interval", "latency"),
    [
        # A clock each to read, to leak, to add, to clip and to compare, where there is something to do.
        (fires(NoLeak()), (2, 1), False, 4, 3),
        (fires(ShiftLeak(1)), (2, 1), True, 6, 5),
        (Integrator(NoLeak(), 8), (2, 1), False, 3, 2),
        # 1 and 5 in signed digits: one and two of them.
        (Integrator(MultiplyLeak(1, 1), 8), (2, 1), True, 4, 3),
        (Integrator(MultiplyLeak(5, 3), 8), (2, 1), True, 5, 4),
        # Two steps a pass; a membrane is read after the first of the last pass, which has no second.
        (fires(ShiftLeak(1)), (3, 2), False, 9, 8),
        (Integrator(ShiftLeak(1), 8), (3, 2), False, 6, 3),
        # One pass: no memory to read, and the first step has nothing to leak or to add to.
        (fires(ShiftLeak(1)), (1, 1), False, 0, 1),
        (fires(ShiftLeak(1)), (2, 2), False, 0, 5),
        (Integrator(ShiftLeak(1), 8), (2, 2), False, 0, 2),
    ],
)
def test_passes(neuron: AnyNeuron, steps: tuple[int, int], saturates: bool, min_interval: int, latency: int) -> None:
    of_passes = pipeline(neuron, *steps, *(["v"] if saturates else []))
    assert (of_passes.min_interval, of_passes.latency, len(of_passes.steps)) == (min_interval, latency, steps[1])


def test_constants_of_several_groups_are_looked_up_in_a_clock() -> None:
    one, two = (pipeline(fires(ShiftLeak(1)), 2, 2, groups=groups) for groups in (1, 2))
    assert (two.latency, two.min_interval) == (one.latency + 1, 0)


def test_synaptic_currents_are_a_pipeline_of_their_own() -> None:
    """Their steps follow one another at their own distance; a membrane leaks while its current is computed."""
    neuron = replace(fires(ShiftLeak(1)), synapse=SynapticCurrent(MultiplyLeak(5, 3), 12))
    both = pipeline(neuron, 3, 3)
    # The first has nothing to leak or to add to; then a cycle each to leak and to add.
    assert [stages.end for stages in both.synapse] == [0, 2, 4]
    # Leak, add, fire, select: the second membrane has waited for nothing.
    assert [(stages.state, stages.current, stages.u) for stages in both.steps] == [(0, 0, 0), (2, 3, 4), (6, 7, 8)]
    slow = pipeline(replace(neuron, synapse=SynapticCurrent(MultiplyLeak(0x5555, 15), 12)), 3, 3)
    assert [stages.end for stages in slow.synapse] == [0, 4, 8]
    assert [(stages.state, stages.current) for stages in slow.steps] == [(0, 0), (3, 4), (7, 8)]


@pytest.mark.parametrize(
    ("membrane", "synapse", "saturating", "min_interval", "latency"),
    [
        # A membrane is read a cycle before its current comes: its own steps are as far apart as without one.
        (ShiftLeak(1), NoLeak(), (), 5, 4),
        (ShiftLeak(1), ShiftLeak(1), (), 5, 5),
        (ShiftLeak(1), ShiftLeak(1), ("s", "v"), 6, 7),
        # The slower one of the two decides.
        (NoLeak(), MultiplyLeak(0x5555, 15), ("s",), 7, 8),
    ],
)
def test_passes_of_synaptic_currents(
    membrane: Leak, synapse: Leak, saturating: tuple[str, ...], min_interval: int, latency: int
) -> None:
    neuron = replace(fires(membrane), synapse=SynapticCurrent(synapse, 12))
    both = pipeline(neuron, 2, 1, *saturating)
    assert (both.min_interval, both.latency) == (min_interval, latency)


def test_what_leaves_decides_the_latency() -> None:
    neuron = fires(ShiftLeak(1))
    outputs: tuple[Output, ...] = ("spikes", "membranes", "last membranes")
    latencies = [
        neuron_pipeline(neuron, groups=1, timesteps=3, t_par=2, saturating=frozenset(), output=output).latency
        for output in outputs
    ]
    # Read, leak, add: u of the first step, the last one of three; another leak and sum for the second, then fire.
    assert latencies == [8, 7, 3]


@pytest.mark.parametrize(
    ("readout", "output"),
    [
        ("count", "spikes"),
        ("first", "spikes"),
        ("sum", "membranes"),
        ("max", "membranes"),
        ("membrane", "last membranes"),
    ],
)
def test_what_leaves_follows_from_the_readout(readout: Readout, output: Output) -> None:
    layers = [
        dense_layer(name, np.ones((1, 1, 1, 1), int), np.zeros(1, int), 2, fires(NoLeak())) for name in ("a", "b")
    ]
    network = Network("two", (1, 1, 1), 8, Encoder("uniform"), 2, tuple(layers), readout)
    assert [layer_output(network, index) for index in range(2)] == ["spikes", output]
