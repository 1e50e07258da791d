"""Leaks for trained decays: one for all channels or one per channel, as exact as the bits allow."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hwsnn import spec
from hwsnn.float_network import FloatNeuron
from hwsnn.quantization.leaks import built_betas, choose_leak
from tests.support.float_networks import built, dense, network, only_layer


def test_channels_that_decay_alike_have_one_leak() -> None:
    assert choose_leak(np.array([0.75, 0.75, 0.75 + 1e-8])) == spec.ShiftLeak(2)
    assert choose_leak(np.array([0.9])) == spec.MultiplyLeak(230, 8)
    assert choose_leak(np.ones(4)) == spec.NoLeak()


def test_a_leak_per_channel() -> None:
    leak = choose_leak(np.array([0.0, 0.5, 0.9, 1.0]))
    assert isinstance(leak, spec.ChannelLeak)
    assert (leak.multipliers.tolist(), leak.shift) == ([0, 128, 230, 256], 8)


def test_as_many_bits_as_an_exact_decay_asks_for() -> None:
    leak = choose_leak(np.array([1 - 2.0**-11, 0.5]))
    assert isinstance(leak, spec.ChannelLeak)
    assert (leak.multipliers.tolist(), leak.shift) == ([2047, 1024], 11)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_no_channel_decays_less_exactly_than_with_one_leak(betas: list[float]) -> None:
    alone = [abs(choose_leak(beta).betas[0] - beta) for beta in betas]
    together = np.abs(built_betas(choose_leak(np.array(betas)), len(betas)) - betas)
    assert (together <= np.maximum(np.array(alone), 2.0**-9) + 1e-6).all()
    exact = np.array(alone) < 1e-9
    assert (together[exact] <= 1e-6).all()


def test_the_report_has_the_smallest_and_the_largest_decay() -> None:
    its = FloatNeuron(np.ones(2), np.array([0.5, 0.9]), "greater", "zero", alpha=0.3)
    integers, report = built(network(dense([[1, 2], [2, 1]], its_neuron=its)))
    text = str(report)
    assert "  leak      beta 0.5 ... 0.9 asked, 0.5 ... 0.898438 built ((v * 128 to 230) >> 8), -0.0016" in text
    assert "  synapse   alpha 0.3 asked, 0.300781 built ((v * 77) >> 8), +0.00078" in text
    neuron = integers.population(0).neuron
    assert neuron.synapse is not None
    assert f"synaptic currents of {neuron.synapse.bits} bits" in text
    layer = report.to_json()["layers"][0]
    assert (layer["leak"]["betas_asked"], layer["synapse"]["betas_asked"]) == ((0.5, 0.9), (0.3, 0.3))


def test_a_current_without_memory_is_left_out() -> None:
    its = FloatNeuron(np.ones(1), 0.5, "greater", "zero", alpha=0.0)
    assert only_layer(network(dense([[1, 2]], its_neuron=its))).neuron.synapse is None
    late = FloatNeuron(np.ones(1), 0.5, "greater", "late-zero", alpha=0.0)
    assert only_layer(network(dense([[1, 2]], its_neuron=late))).neuron.synapse is not None


def test_a_decay_that_is_lost_is_a_remark() -> None:
    its = FloatNeuron(np.ones(2), np.array([0.5, 0.001]), "greater", "zero", alpha=0.0005)
    remarks = built(network(dense([[1, 2], [2, 1]], its_neuron=its)))[1].remarks
    assert [remark for remark in remarks if "built as 0" in remark] == [
        "dense1: beta 0.001 is built as 0: its neurons have no memory",
        "dense1: alpha 0.0005 is built as 0: its neurons have no memory",
    ]
