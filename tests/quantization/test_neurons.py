"""What becomes of neurons: several spikes, one per frame, initial membranes, lower bounds, resets, weights of 1 bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from hwsnn import spec
from hwsnn.errors import InputError
from hwsnn.files.shipped import model_folders
from hwsnn.float_network import FloatIntegrator, FloatNeuron
from hwsnn.frontends.read import read
from hwsnn.model_file.integer_file import load, model_hash
from hwsnn.quantization.quantize import quantize
from tests.support.float_networks import built, dense, fires, network, neuron, only_layer
from tests.support.layers import renamed_layer


@pytest.mark.parametrize("name", sorted(set(model_folders()) - {"cifar10", "fashion"}))
def test_shipped_models_are_what_is_made_of_their_floats(name: str) -> None:
    folder = model_folders()[name]
    shipped = load(folder / f"{name}.safetensors")
    (bits,) = {one.weight_bits for _, layer in shipped.populations() for one in layer.projections}
    floats = read(folder / f"{name}-float.safetensors")
    integers, report = quantize(floats, bits=bits, pixel_bits=shipped.pixel_bits)
    assert model_hash(integers) == model_hash(shipped)
    assert report.remarks == ()


# Several spikes per step


def several(spikes: int, theta: float = 2.5, **options: Any) -> FloatNeuron:
    return FloatNeuron(np.full(1, theta), 1.0, "greater_equal", "subtract", spikes=spikes, **options)


def test_thresholds_are_those_of_the_multiples() -> None:
    """Not multiples of a rounded one: 300.5, 601, 901.5 and 1202."""
    source = network(dense([[127] * 11 + [1]], its_neuron=several(4, 300.5)), shape=(1, 1, 12))
    its = fires(only_layer(source))
    assert its.thresholds[:, 0].tolist() == [301, 601, 902, 1202]
    assert its.sub is not None
    assert its.sub.tolist() == [300]


def test_no_more_spikes_than_a_membrane_can_reach() -> None:
    """A step adds at most 3, and 6 in both; one spike leaves at most 1 of the first 3."""
    source = network(dense([[1, 2]], its_neuron=several(15, 2.0)))
    integers, report = built(source, timesteps=2)
    assert integers.population(0).neuron.spikes == 2
    assert "up to 2 spikes per step (15 asked)" in str(report)
    assert report.remarks == ()
    assert built(network(dense([[1, 2]], its_neuron=several(15, 2.0))), timesteps=1)[0].population(0).neuron.spikes == 1


def test_the_next_layer_gets_as_many() -> None:
    first = dense([[1, 2]], its_neuron=several(3, 1.0))
    second = renamed_layer(dense([[1]]), "dense2")
    integers, _ = built(network(first, second))
    assert integers.largest_inputs(1)[0] == 3


def test_more_than_fifteen_are_a_remark() -> None:
    source = network(dense([[64, 3]], its_neuron=several(15, 1.0)))
    integers, report = built(source)
    assert integers.population(0).neuron.spikes == 15
    assert report.remarks == ("dense1: 15 spikes per step are the most that is built, and its neurons can reach more",)
    assert built(network(dense([[64, 3]], its_neuron=several(3, 1.0))))[1].remarks == (), "three are what was asked for"


def test_thresholds_that_no_membrane_can_hold_are_not_built() -> None:
    source = network(dense([[127, 1]], its_neuron=several(15, 3e8)))
    assert only_layer(source).neuron.spikes == 1


# State


def test_initial_membranes_and_lower_bounds_are_rounded() -> None:
    its = FloatNeuron(
        np.full(2, 999.0), 1.0, "greater", "zero", initial=np.array([1.5, -2.5]), floor=np.array([-1.4, 0.0])
    )
    layer = only_layer(network(dense([[127, 1], [127, 2]], its_neuron=its)))
    assert layer.neuron.initial is not None
    assert layer.neuron.floor is not None
    assert (layer.neuron.initial.tolist(), layer.neuron.floor.tolist()) == ([2, -2], [-1, 0])


def test_they_divide_a_step_as_a_bias_does() -> None:
    its = FloatIntegrator(1.0, initial=np.array([0.5]), floor=np.array([-0.25]))
    layer = only_layer(network(dense([[1, -1]], its_neuron=its)))
    assert layer.projection.weight.ravel().tolist() == [4, -4]


def test_the_report_names_them() -> None:
    its = FloatNeuron(np.ones(1), 1.0, "greater", "zero", initial=np.array([0.5]), floor=np.array([-1.0]), once=True)
    text = str(built(network(dense([[2, -2]], its_neuron=its)))[1])
    assert "once per frame" in text
    assert "starts at 1; never below -2" in text


def test_membranes_hold_them() -> None:
    its = FloatIntegrator(1.0, initial=np.array([1000.0]))
    with pytest.raises(InputError, match="8 membrane bits cannot hold its initial membrane of 1000; use at least 11"):
        built(network(dense([[1, 1]], its_neuron=its)), membrane_bits=8)


def test_a_synaptic_current_is_bounded_with_the_membrane() -> None:
    its = FloatNeuron(np.ones(1), 1.0, "greater", "zero", alpha=1.0)
    wide = only_layer(network(dense([[127, 1]], its_neuron=its)), timesteps=200).neuron
    narrow = only_layer(network(dense([[127, 1]], its_neuron=its)), timesteps=200, membrane_bits=10).neuron
    assert wide.synapse is not None
    assert narrow.synapse is not None
    assert (narrow.membrane_bits, narrow.synapse.bits) == (10, 10)
    assert min(wide.membrane_bits, wide.synapse.bits) > 10


# Resets


@pytest.mark.parametrize("reset", get_args(spec.Reset))
def test_a_reset_in_place_of_the_source_s(reset: spec.Reset) -> None:
    its = FloatNeuron(np.ones(1), 0.5, "greater", "zero", alpha=0.5)
    integers, report = built(network(dense([[1, 2]], its_neuron=its)), reset=reset)
    assert fires(integers.population(0)).reset == reset
    firing = report.layers[0].firing
    assert firing is not None
    assert (firing.reset_asked, firing.reset_built) == ("zero", reset)


def test_a_late_reset_to_zero_is_zero_without_a_synaptic_current() -> None:
    """So that it can be asked for where some layers have one."""
    integers, _ = built(network(dense([[1, 2]], its_neuron=neuron())), reset="late-zero")
    assert fires(integers.population(0)).reset == "zero"


@pytest.mark.parametrize(
    ("its", "reset", "pattern"),
    [
        (several(3), "late-subtract", r"layer 'dense1': several spikes per step must go with reset"),
        (replace(neuron(), once=True), "subtract", r"layer 'dense1': once must go with reset 'zero' or 'none'"),
    ],
)
def test_resets_that_cannot_be(its: FloatNeuron, reset: spec.Reset, pattern: str) -> None:
    with pytest.raises(InputError, match=pattern):
        built(network(dense([[1, 2]], its_neuron=its)), reset=reset)


# Membranes that are read


def test_channels_whose_membranes_are_read_share_one_scale() -> None:
    source = network(dense([[1.0, -0.5037], [0.25, 0.125]], its_neuron=neuron([1.0, 1.0])))
    for readout in ("membrane", "sum", "max"):
        weight = built(source, readout=readout)[0].population(0).projection.weight
        np.testing.assert_array_equal(weight[:, 0, 0], [[127, -64], [32, 16]])
    np.testing.assert_array_equal(only_layer(source).projection.weight[:, 0, 0], [[127, -64], [2, 1]])


# Weights of 1 bit


def test_a_sign_stands_for_the_mean_magnitude() -> None:
    source = network(dense([[0.5, -1.5], [0.0, 2.0]], bias=[2.0, 0.4], its_neuron=neuron([3.0, 3.0])))
    integers, report = built(source, bits=1)
    layer = integers.population(0)
    np.testing.assert_array_equal(layer.projection.weight[:, 0, 0], [[1, -1], [1, 1]])
    assert (layer.projection.weight_bits, layer.bias.tolist(), fires(layer).threshold.tolist()) == (1, [2, 0], [4, 4])
    assert (report.layers[0].weights.exact, report.layers[0].weights.channels) == (0, 2)
    assert "4 of 1 bit, RMS error" in str(report)


def test_an_integrator_has_one_scale_for_its_signs() -> None:
    source = network(dense([[0.5, -0.5], [1.5, 1.5]], bias=[1.0, 1.0], its_neuron=FloatIntegrator(1.0)))
    assert only_layer(source, bits=1).bias.tolist() == [1, 1]


def test_a_channel_of_zeros_has_no_sign() -> None:
    source = network(dense([[1, 2], [0, 0]], its_neuron=neuron([1.0, 1.0])))
    with pytest.raises(
        InputError, match=r"'dense1': every weight of channel 1 is zero, .*; leave that channel out, or"
    ):
        built(source, bits=1)
    built(source, bits=2)
