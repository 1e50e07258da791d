"""Leaks for trained decays: one for all channels or one per channel, as exact as the bits allow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsnn import spec
from hwsnn.float_network import FloatNeuron
from hwsnn.quantization.leaks import built_betas, choose_leak
from tests.support.float_networks import built, dense, network, only_layer


def test_channels_that_decay_alike_have_one_leak() -> None:
    assert choose_leak(np.array([0.75, 0.75, 0.75 + 1e-8])) == spec.ShiftLeak(2)
    assert choose_leak(np.array([0.9])) == choose_leak(0.9)
    assert choose_leak(np.ones(4)) == spec.NoLeak()


def test_a_leak_per_channel() -> None:
    """0.9 is too far from 230 / 256, 461 / 512 and 922 / 1024: it takes 11 bits, and all channels have as many."""
    leak = choose_leak(np.array([0.0, 0.5, 0.9, 1.0]))
    assert isinstance(leak, spec.ChannelLeak)
    assert (leak.multipliers.tolist(), leak.shift) == ([0, 1024, 1843, 2048], 11)


def test_the_channel_that_takes_the_most_bits_decides() -> None:
    """Those of each channel alone: 11, 12, 12 and 16."""
    for betas, shift, multipliers in (
        ([0.25, 0.3], 8, [64, 77]),
        ([0.9, 0.95], 12, [3686, 3891]),
        ([0.9, 0.99], 12, [3686, 4055]),
        ([0.9, 0.999, 1.0], 16, [58982, 65470, 65536]),
    ):
        leak = choose_leak(np.array(betas))
        assert isinstance(leak, spec.ChannelLeak)
        assert (leak.multipliers.tolist(), leak.shift) == (multipliers, shift)


def test_a_channel_that_counts_as_one_takes_no_bits() -> None:
    leak = choose_leak(np.array([1 - 5e-7, 0.25]))
    assert isinstance(leak, spec.ChannelLeak)
    assert (leak.multipliers.tolist(), leak.shift) == ([256, 64], 8)


def test_as_many_bits_as_an_exact_decay_asks_for() -> None:
    leak = choose_leak(np.array([1 - 2.0**-11, 0.5]))
    assert isinstance(leak, spec.ChannelLeak)
    assert (leak.multipliers.tolist(), leak.shift) == ([2047, 1024], 11)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_no_channel_decays_less_exactly_than_with_one_leak(betas: list[float]) -> None:
    alone = np.array([abs(choose_leak(beta).betas[0] - beta) for beta in betas])
    together = np.abs(built_betas(choose_leak(np.array(betas)), len(betas)) - betas)
    near_enough = np.maximum((1 - np.array(betas)) / 512, 2.0**-17)
    assert (together <= np.maximum(alone, near_enough) + 1e-6).all()
    assert (together[alone < 1e-9] <= 1e-6).all()


@pytest.mark.parametrize("beta", [0.3, 0.9, 0.95, 0.99, np.exp(-1 / 10), np.exp(-1 / 20)])
def test_a_membrane_comes_to_rest_where_it_should(beta: float) -> None:
    """Within 0.2 % of I / (1 - beta), floors aside; 230 / 256 is 1.5 % below for 0.9, and 253 / 256 15 % for 0.99."""
    rest = 1 / (1 - choose_leak(beta).betas[0])
    assert rest == pytest.approx(1 / (1 - beta), rel=0.002)
    assert rest != 1 / (1 - beta)


def test_the_report_has_the_smallest_and_the_largest_decay() -> None:
    its = FloatNeuron(np.ones(2), np.array([0.5, 0.9]), "greater", "zero", alpha=0.3)
    integers, report = built(network(dense([[1, 2], [2, 1]], its_neuron=its)))
    text = str(report)
    # 1843 / 2048 is 0.2 / 2048 below 0.9; 77 / 256, 0.2 / 256 above 0.3, is within (1 - 0.3) / 512 of it.
    assert "  leak      beta 0.5 ... 0.9 asked, 0.5 ... 0.899902 built ((v * 1024 to 1843) >> 11), -9.8e-05" in text
    assert "  synapse   alpha 0.3 asked, 0.300781 built ((v * 77) >> 8), +0.00078" in text
    neuron = integers.population(0).neuron
    assert neuron.synapse is not None
    assert f"synaptic currents of {neuron.synapse.bits} bits" in text
    layer = report.to_json()["layers"][0]
    assert (layer["leak"]["betas_asked"], layer["synapse"]["betas_asked"]) == ((0.5, 0.9), (0.3, 0.3))


def test_a_synaptic_current_decays_by_the_same_rule() -> None:
    for alpha in (0.8, 0.95, 0.999):
        its = FloatNeuron(np.ones(1), 0.5, "greater", "zero", alpha=alpha)
        synapse = only_layer(network(dense([[1, 2]], its_neuron=its))).neuron.synapse
        assert synapse is not None
        assert synapse.leak == choose_leak(alpha)


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
