"""The quantizer against the section "From floats" of docs/numerics.md, number by number."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsnn import spec
from hwsnn.errors import InputError
from hwsnn.float_network import Compare, FloatIntegrator, FloatNetwork
from hwsnn.quantization.leaks import choose_leak
from tests.support.float_networks import built, dense, fires, network, neuron, only_layer
from tests.support.layers import float_conv_layer, renamed_layer

# Biases and thresholds


def test_biases_are_rounded_to_even() -> None:
    its = neuron([1000.0] * 4)  # so large that half a unit needs no fraction bits
    layer = only_layer(network(dense([[127, 1]] * 4, bias=[0.5, 1.5, -0.5, 2.4], its_neuron=its)))
    assert layer.bias.tolist() == [0, 2, 0, 2]


@given(st.fractions(Fraction(1, 64), 200, max_denominator=64), st.sampled_from(["greater", "greater_equal"]))
def test_a_threshold_is_the_smallest_integer_that_satisfies_the_comparison(theta: Fraction, compare: Compare) -> None:
    # Weights of 127 and 1 make the scale 1: exact, so that ties are real ties.
    theta = Fraction(float(theta))
    source = network(dense([[127, 1]], its_neuron=neuron(float(theta), compare=compare, reset="subtract")))
    layer = only_layer(source)
    its, scaled = fires(layer), theta * 2**layer.fraction_bits
    satisfied = [u > scaled if compare == "greater" else u >= scaled for u in (its.threshold[0] - 1, its.threshold[0])]
    assert satisfied == [False, True]
    assert its.sub is not None
    assert its.sub.tolist() == [round(scaled)]  # ties to even


def test_a_spike_takes_off_what_the_source_takes_off() -> None:
    """Not the threshold, which for `>` is the next integer."""
    for compare, expected in (("greater", (3, 2)), ("greater_equal", (2, 2))):
        its = fires(only_layer(network(dense([[127, 1]], its_neuron=neuron(2.0, 1.0, compare, "subtract")))))  # type: ignore[arg-type]
        assert its.sub is not None
        assert (its.threshold[0], its.sub[0]) == expected
    assert fires(only_layer(network(dense([[127, 1]], its_neuron=neuron(0.001, reset="subtract"))))).sub == [0]
    for reset in ("zero", "none"):
        assert fires(only_layer(network(dense([[127, 1]], its_neuron=neuron(2.0))), reset=reset)).sub is None


def test_what_single_precision_leaves_open_is_an_integer() -> None:
    """3 of them make a threshold of 1, as in training: 1 / float32(1/3) is a little below 3."""
    third = float(np.float32(1 / 3))
    its = fires(only_layer(network(dense([[third, -third]], its_neuron=neuron(1.0, 1.0, "greater_equal", "subtract")))))
    assert its.sub is not None
    assert (its.threshold[0], its.sub[0]) == (3, 3)
    # 640 * 255 less what a time constant in single precision leaves of it.
    near = dense([[1 / 640, -3 / 640]], its_neuron=neuron(1 - 2.45e-8, 1.0, "greater", "subtract"))
    its = fires(only_layer(network(near), "direct"))
    assert its.sub is not None
    assert (its.threshold[0], its.sub[0]) == (163201, 163200)
    tenth = float(np.float32(0.1))  # above 0.1: ten of them are more than 1
    its = fires(only_layer(network(dense([[tenth, -tenth]], its_neuron=neuron(1.0, 1.0, "greater", "subtract")))))
    assert its.threshold[0] == 11


def test_a_threshold_too_small_for_floats_is_still_positive() -> None:
    source = network(dense([[1e30, 1e29]], its_neuron=neuron(5e-324, compare="greater_equal")))
    assert fires(only_layer(source)).threshold.tolist() == [1]


@pytest.mark.parametrize(("pixel_bits", "factor"), [(8, 255), (4, 15), (1, 1)])
def test_direct_encoding_counts_in_pixels(pixel_bits: int, factor: int) -> None:
    """Pixels of 0 ... M stand for 0 ... 1, so biases and thresholds grow by M. Only those of the first layer do."""
    first = float_conv_layer("conv1", np.array([127.0, 1]).reshape(1, 1, 1, 2), np.ones(1), neuron(2.0))
    second = dense([[127.0, 1.0]], bias=[1.0], its_neuron=neuron(2.0))
    one, two = built(network(first, second, shape=(1, 1, 3)), "direct", pixel_bits=pixel_bits)[0].layers
    assert (one.bias[0], one.neuron.threshold[0]) == (factor, 2 * factor + 1)  # type: ignore[union-attr]
    assert (two.bias[0], two.neuron.threshold[0]) == (1, 3)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("bias", "theta", "reset", "bits", "membrane_bits", "remark"),
    [
        # Ternary weights of 2 bits: an integer of 1 is the step, and half of it is nothing without fraction bits.
        (-0.5, 1.0, "zero", 2, 3, "50%"),
        (0.0, 0.5, "subtract", 2, 3, "100%"),
        (0.0, 0.5, "zero", 2, 3, None),
        (0.0, 1.0, "subtract", 2, 3, None),
        (-0.5, 1.0, "zero", 2, None, None),
        (0.0, 0.5, "subtract", 2, None, None),
        (-0.5, 1.0, "zero", 8, None, None),
        (0.0, 0.5, "subtract", 8, None, None),
    ],
)
def test_a_rounding_of_more_than_weights_is_a_remark(
    bias: float, theta: float, reset: spec.Reset, bits: int, membrane_bits: int | None, remark: str | None
) -> None:
    source = network(dense([[1, -1]], bias=[bias], its_neuron=neuron(theta, reset=reset)))
    remarks = built(source, bits=bits, membrane_bits=membrane_bits)[1].remarks
    text = (
        f"dense1: rounding moves biases or what a spike takes off by up to {remark} of the threshold; more weight bits"
    )
    assert [one.startswith(text) for one in remarks] == ([] if remark is None else [True])


# Leaks


@pytest.mark.parametrize(
    ("beta", "leak"),
    [
        (1.0, spec.NoLeak()),
        (1 - 1e-8, spec.NoLeak()),
        (0.5, spec.ShiftLeak(1)),
        (0.9375, spec.ShiftLeak(4)),
        (1 - 2**-16, spec.ShiftLeak(16)),
        (np.float32(0.1) + 0.65, spec.ShiftLeak(2)),
        # The nearest multiples miss 0.1 by 1.6 % at 8 and by 0.4 % at 9 and 10 bits; 1843.2 is rounded by 0.1 % of it.
        (0.9, spec.MultiplyLeak(1843, 11)),
        # 1945.6 / 2048 is rounded by 0.4 % of 0.05, 3891.2 / 4096 by 0.1 %; 4055.04 / 4096 by 0.1 % of 0.01.
        (0.95, spec.MultiplyLeak(3891, 12)),
        (0.99, spec.MultiplyLeak(4055, 12)),
        (0.75 + 0.01, spec.MultiplyLeak(389, 9)),  # 194.56 by 0.7 % of 0.24, 389.12 by 0.1 %
        (0.3, spec.MultiplyLeak(77, 8)),  # 76.8 by 0.1 % of 0.7
        (0.25, spec.MultiplyLeak(64, 8)),
        (0.001, spec.MultiplyLeak(0, 8)),
        (0.0, spec.MultiplyLeak(0, 8)),
        # No multiple is near enough: the nearest there is, of 65470.464 and 65503.232, and not 65536.
        (0.999, spec.MultiplyLeak(65470, 16)),
        (0.9995, spec.MultiplyLeak(65503, 16)),
        (1 - 2e-6, spec.MultiplyLeak(65535, 16)),
    ],
)
def test_leaks(beta: float, leak: spec.Leak) -> None:
    assert choose_leak(float(beta)) == leak


@given(st.floats(0, 1))
def test_no_other_leak_is_nearer_and_no_shorter_one_near_enough(beta: float) -> None:
    leak = choose_leak(beta)
    exact = [1.0, *(1 - 2.0**-k for k in range(1, 17))]
    if isinstance(leak, spec.MultiplyLeak):
        whole, near_enough = 1 << leak.shift, (1 - beta) / 512
        below = int(beta * whole)
        assert abs(leak.betas[0] - beta) <= min(abs(m / whole - beta) for m in (below, min(below + 1, whole - 1)))
        assert leak.shift == 16 or abs(leak.betas[0] - beta) <= near_enough
        for bits in range(8, leak.shift):
            assert min(abs(m / 2**bits - beta) for m in range(int(beta * 2**bits), 2**bits + 1)[:2]) > near_enough
        assert all(abs(one - beta) > 9e-7 for one in exact)
    else:
        assert abs(leak.betas[0] - beta) <= 1.1e-6


def test_the_report_says_what_became_of_beta() -> None:
    leak = built(network(dense([[1, 2]], its_neuron=neuron(beta=0.9))))[1].layers[0].leak
    assert (leak.betas_asked, leak.betas_built) == ((0.9, 0.9), (1843 / 2048, 1843 / 2048))
    assert leak.difference == pytest.approx(-0.2 / 2048)
    assert leak.text("beta") == "beta 0.9 asked, 0.899902 built ((v * 1843) >> 11), -9.8e-05"


# Reset, readout, membranes


def test_the_reset_is_the_source_s_unless_given() -> None:
    source = network(dense([[1, 2]]))
    for asked, expected in ((None, "zero"), ("subtract", "subtract"), ("none", "none")):
        integers, report = built(source, reset=asked)
        assert integers.layers[0].neuron.reset == expected  # type: ignore[union-attr]
        firing = report.layers[0].firing
        assert firing is not None
        assert (firing.reset_asked, firing.reset_built) == ("zero", expected)
        assert ("the source says zero" in str(report)) == (asked in ("subtract", "none"))


def test_readouts() -> None:
    spiking = network(dense([[1, 2]]))
    silent = network(dense([[1, 2]], its_neuron=FloatIntegrator(0.5)))
    assert built(spiking)[0].readout == "count"
    assert built(silent)[0].readout == built(silent, readout="membrane")[0].readout == "membrane"
    for readout in ("membrane", "sum", "max"):
        still, report = built(network(dense([[1, 2]], its_neuron=neuron(beta=0.5))), readout=readout)
        assert isinstance(still.layers[0].neuron, spec.Neuron)
        assert still.readout == readout
        assert any("dense1: fires and resets as in the source; its membranes" in remark for remark in report.remarks)
    assert built(spiking, readout="first")[0].readout == "first"
    assert built(replace(spiking, readout="sum"))[0].readout == "sum"
    assert built(replace(spiking, readout="sum"), readout="count")[0].readout == "count"
    with pytest.raises(InputError, match=r"layer 'dense1': readout 'count' needs a last layer that fires.*'membrane'"):
        built(silent, readout="count")


def test_membranes_never_saturate_by_default() -> None:
    source = network(dense([[127, 1]], bias=[3], its_neuron=neuron(2000.0)))
    integers, report = built(source, timesteps=4)
    # Four times 127 + 1 + 3 is less than the threshold of 2001, which needs 12 bits.
    assert integers.layers[0].neuron.membrane_bits == 12  # type: ignore[union-attr]
    assert not integers.saturating(0)
    assert not report.layers[0].membrane.can_saturate
    integers, _ = built(source, timesteps=200)
    # 15 steps of 131 stay below the threshold, and the sixteenth makes 2000 + 131 at most.
    assert integers.layers[0].neuron.membrane_bits == 13  # type: ignore[union-attr]


def test_narrower_membranes_are_the_user_s_choice() -> None:
    source = network(dense([[127, 1]], bias=[3], its_neuron=neuron(2000.0)))
    integers, report = built(source, timesteps=200, membrane_bits=12)
    assert integers.saturating(0)
    assert report.layers[0].membrane.can_saturate
    assert "12 bits, can saturate (never with 13 bits)" in str(report)
    with pytest.raises(
        InputError, match=r"layer 'dense1': 11 membrane bits cannot hold its threshold of 2001; use at least 12"
    ):
        built(source, membrane_bits=11)


def test_wider_membranes_than_needed_are_not_built() -> None:
    assert only_layer(network(dense([[127, 1]])), membrane_bits=32).neuron.membrane_bits == 9


# What cannot be built

ONE = dense([[1, 2]])
ROUGH = [1, 0.5037]
"""Weights that are no multiples of one step: the scale is 127."""


@pytest.mark.parametrize(
    ("source", "options", "pattern"),
    [
        (network(), {}, r"network 'net' has no layers"),
        (network(dense([[0, 0]])), {}, r"layer 'dense1': every weight is zero"),
        (network(dense([[1e-310, 0]])), {}, r"layer 'dense1': its weights are too small to scale"),
        (network(dense([[5e-324, 0]])), {}, r"layer 'dense1': its weights are too small to scale"),
        (network(dense([ROUGH], bias=[1e8])), {}, r"layer 'dense1': a bias becomes 1.27e\+10, beyond 32 bits"),
        (network(dense([ROUGH], bias=[1e308])), {}, r"layer 'dense1': a bias becomes inf, beyond 32 bits"),
        (
            network(dense([[1e-9, 0.5037e-9]])),
            {},
            r"layer 'dense1': a threshold becomes 1.27e\+11, beyond 32 bits",
        ),
        (
            network(dense([ROUGH], bias=[1e7], its_neuron=FloatIntegrator(1.0))),
            {"timesteps": 4},
            r"layer 'dense1': its membranes need 34 bits, and 32 is the most; use fewer time steps or weight bits, or",
        ),
        (
            network(ONE, spec.MaxPool("pool1", (1, 1), (1, 1), "or")),
            {},
            r"layer 'pool1': the last layer must have weights",
        ),
        (
            network(spec.MaxPool("pool1", (1, 1), (1, 1), "or"), ONE),
            {"encoding": "direct"},
            r"network 'net' cannot be built: layers that take pixels must have weights under direct encoding",
        ),
        (
            network(float_conv_layer("conv1", np.ones((1, 1, 1, 1)), np.zeros(1), neuron())),
            {},
            r"network 'net' cannot be built: the last layer's output must be 1x1, one score per class, not 1x2",
        ),
        (network(ONE, shape=(1, 1, 3)), {}, r"cannot be built: layer 'dense1' must take the shape \(1, 1, 3\)"),
    ],
)
def test_networks_that_cannot_be_built(source: FloatNetwork, options: dict[str, Any], pattern: str) -> None:
    with pytest.raises(InputError, match=pattern) as caught:
        built(source, **options)
    assert "\n" not in str(caught.value)


def test_32_bits_that_saturate_are_allowed() -> None:
    source = network(dense([ROUGH], bias=[1e7], its_neuron=FloatIntegrator(1.0)))
    assert only_layer(source, membrane_bits=32).neuron.membrane_bits == 32


@pytest.mark.parametrize(
    ("options", "pattern"),
    [
        ({"bits": 0}, r"bits must be an integer from 1 to 8, not 0"),
        ({"bits": 9}, r"bits must be an integer from 1 to 8, not 9"),
        ({"timesteps": 0}, r"timesteps must be an integer from 1 to 256, not 0"),
        ({"membrane_bits": 33}, r"membrane_bits must be an integer from 2 to 32, not 33"),
        ({"pixel_bits": 9}, r"pixel_bits must be an integer from 1 to 8, not 9"),
    ],
)
def test_wrong_parameters(options: dict[str, Any], pattern: str) -> None:
    with pytest.raises(ValueError, match=pattern):
        built(network(ONE), **options)


# The report


def test_the_report_in_json_and_text() -> None:
    fires_once = dense([[1.0074, 2]], its_neuron=neuron(reset="subtract"))
    source = replace(network(fires_once, dense([[0.3]], its_neuron=FloatIntegrator(0.9))), remarks=("as it was",))
    second = renamed_layer(source.layers[1], "dense2")
    integers, report = built(replace(source, layers=(source.layers[0], second)), "direct", timesteps=1)
    values = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert (values["network"], values["timesteps"], values["encoding"], values["readout"]) == (
        "net",
        1,
        "direct",
        "membrane",
    )
    assert values["remarks"] == ["as it was"]
    one, two = values["layers"]
    assert (one["name"], one["firing"]["compare_asked"]) == ("dense1", "greater")
    assert one["firing"]["thresholds_built"] == [16193] * 2  # 255 * 63.5 is 16192.5
    assert one["firing"]["subs_built"] == [16192] * 2
    assert one["weights"] == {
        "count": 2,
        "bits": 8,
        "smallest_scale": 63.5,
        "largest_scale": 63.5,
        "exact": 0,
        "channels": 1,
        "capped": 0,
        "rms_error": pytest.approx((64 / 63.5 - 1.0074) / (1.0074**2 + 4) ** 0.5),
        "effective_bits": 8,
        "clipped": 0,
        "largest": 1.0,
    }
    assert one["membrane"]["current_bits"] == integers.current_range(0).width
    assert two["firing"] is None
    text = str(report)
    assert text.splitlines()[0] == "net: 1 time step, direct encoding, membrane readout"
    assert "v > 1 becomes v >= 16193; reset subtract, as the source says; a spike takes 16192 off" in text
    assert "note: as it was" in text
