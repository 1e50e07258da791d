"""What the specification refuses, each by its line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from hwsnn.folding.folding import Folding, LayerFold
from hwsnn.spec import (
    ChannelLeak,
    Encoder,
    Integrator,
    MaxPool,
    MultiplyLeak,
    Neuron,
    NoLeak,
    Reset,
    ShiftLeak,
    SynapticCurrent,
    Window,
)
from tests.spec.parts import conv, network, neuron, ones
from tests.support.layers import conv_layer, dense_layer
from tests.support.wishes import KINDS


def fires(reset: Reset, **fields: Any) -> Neuron:
    """A neuron of two channels, of 8 bits."""
    return Neuron(2 * ones(2), NoLeak(), reset, 8, **fields)


WRONG_PARTS: list[tuple[Callable[[], object], str]] = [
    (lambda: Encoder("rate"), "encoding must be one of direct, uniform, poisson, latency, steps, not 'rate'"),  # type: ignore[arg-type]
    (lambda: Encoder("poisson", 0), "encoder seed must be an integer from 1 to 2147483647, not 0"),
    (lambda: Encoder("poisson", 2**31), "encoder seed must be"),
    (lambda: ShiftLeak(0), "leak shift must be an integer from 1 to 16, not 0"),
    (lambda: ShiftLeak(17), "leak shift must be"),
    (lambda: ShiftLeak(True), "leak shift must be an integer from 1 to 16, not True"),
    (lambda: MultiplyLeak(256, 8), "leak multiplier must be an integer from 0 to 255, not 256"),
    (lambda: MultiplyLeak(-1, 8), "leak multiplier must be"),
    (lambda: Integrator(NoLeak(), 1), "membrane bits must be an integer from 2 to 32, not 1"),
    (lambda: Integrator(NoLeak(), 33), "membrane bits must be"),
    (lambda: neuron(3, "hard"), "reset must be one of subtract, .*, not 'hard'"),  # type: ignore[arg-type]
    (lambda: Neuron(np.array([0]), NoLeak(), "zero", 8), "threshold must be from 1 to 127, not from 0 to 0"),
    (lambda: Neuron(np.array([128]), NoLeak(), "zero", 8), "threshold must be from 1 to 127, not from 128 to 128"),
    (lambda: Neuron(np.array([1.5]), NoLeak(), "zero", 8), "threshold must be an integer array, not"),
    (lambda: Neuron(np.array([], int), NoLeak(), "zero", 8), "threshold must be a non-empty array of 1 dimensions"),
    (lambda: Neuron(ones(2), NoLeak(), "subtract", 8), "sub must be an integer array, not NoneType"),
    (
        lambda: Neuron(ones(2), NoLeak(), "subtract", 8, ones(2) * 128),
        "sub must be from 0 to 127, not from 128 to 128",
    ),
    (lambda: Neuron(ones(2), NoLeak(), "subtract", 8, -ones(2)), "sub must be from 0 to 127, not from -1 to -1"),
    (
        lambda: Neuron(ones(2), NoLeak(), "subtract", 8, ones(3)),
        "the numbers of a neuron must have one value per channel each, not the shapes .*'sub': ",
    ),
    (lambda: Neuron(ones(2), NoLeak(), "zero", 8, ones(2)), "sub must be None for the reset 'zero', not ndarray"),
    (lambda: conv(weight_bits=0), "weight bits of layer 'conv' must be an integer from 1 to 8, not 0"),
    (lambda: conv(weight_bits=9), "weight bits of layer 'conv' must be an integer from 1 to 8, not 9"),
    (lambda: conv(weight=ones(4, 2, 3, 2) * -128), "weight of layer 'conv' must be from -127 to 127"),
    (lambda: conv(weight=ones(4, 2, 3, 2) * 2, weight_bits=2), "weight of layer 'conv' must be from -1 to 1"),
    (lambda: conv(weight=ones(4, 2, 3)), "weight of layer 'conv' must be a non-empty array of 4 dimensions"),
    (lambda: conv(bias=ones(3)), r"bias of layer 'conv' must have shape \(4,\), not \(3,\)"),
    (lambda: conv(bias=ones(4) * 2**31), "bias of layer 'conv' must be from -2147483648 to 2147483647"),
    (lambda: conv(neuron=neuron(3)), r"threshold of layer 'conv' must have shape \(4,\), not \(3,\)"),
    (lambda: conv(stride=(0, 1)), "stride of layer 'conv' must be an integer from 1 to 4096, not 0"),
    (lambda: conv(stride=1), r"stride of layer 'conv' must be a pair \(vertical, horizontal\), not 1"),
    (lambda: conv(padding=(0, -1)), "padding of layer 'conv' must be an integer from 0 to 4096, not -1"),
    (
        lambda: conv(weight=0 * ones(4, 2, 3, 2), weight_bits=1),
        "weight of layer 'conv' must be -1 or 1 where",
    ),
    (lambda: conv(weight=2 * ones(4, 2, 3, 2), weight_bits=1), "weight of layer 'conv' must be from -1 to 1, not"),
    (lambda: conv(gain=0 * ones(4)), "gain of layer 'conv' must be from 1 to 32767, not from 0 to 0"),
    (lambda: conv(gain=ones(4) << 15), "gain of layer 'conv' must be from 1 to 32767, not from 32768"),
    (lambda: conv(gain=ones(3)), r"gain of layer 'conv' must have shape \(4,\), not \(3,\)"),
    (lambda: conv(padding_values=-ones(2)), "padding values of layer 'conv' must be from 0 to 255, not from -1"),
    (lambda: conv(padding_values=256 * ones(2)), "padding values of layer 'conv' must be from 0 to 255, not from 256"),
    (lambda: conv(padding_values=ones(4)), r"padding values of layer 'conv' must have shape \(2,\), not \(4,\)"),
    (lambda: conv(fraction_bits=9), "fraction bits of layer 'conv' must be an integer from 0 to 8, not 9"),
    (lambda: conv(fraction_bits=-1), "fraction bits of layer 'conv' must be an integer from 0 to 8, not -1"),
    (lambda: conv(pool=Window((0, 1))), "pool size of layer 'conv' must be an integer from 1 to 4096, not 0"),
    (lambda: conv(pool=Window((2, 2), (1, 0))), "pool stride of layer 'conv' must be an integer from 1 to 4096, not 0"),
    (lambda: conv(pool=Window((2, 2), padding=(1, 0))), r"the pool of layer 'conv' must have no padding, not \(1, 0\)"),
    (
        lambda: dense_layer("last", ones(5, 4, 3, 3), ones(5), 8, neuron(5), pool=Window((1, 1))),
        "the pool of layer 'last' must follow a convolution, not a fully connected projection",
    ),
    (lambda: replace(conv(), projections=()), "layer 'conv' must have a projection without delay, not none"),
    (
        lambda: replace(conv(pool=Window((2, 2))), projections=2 * conv().projections),
        "the pool of layer 'conv' must have one projection before it, not 2; pool the spikes instead",
    ),
    (lambda: replace(conv(), name="other"), "projections of layer 'other' must bear its name, not 'conv'"),
    (lambda: conv(neuron=Integrator(ChannelLeak(ones(3), 8), 8)), r"multiplier of layer 'conv' must have shape \(4,\)"),
    (
        lambda: conv(neuron=Integrator(NoLeak(), 8, SynapticCurrent(ChannelLeak(ones(3), 8), 8))),
        r"synapse_multiplier of layer 'conv' must have shape \(4,\), not \(3,\)",
    ),
    (lambda: ChannelLeak(ones(2), 17), "leak shift must be an integer from 1 to 16, not 17"),
    (lambda: ChannelLeak(257 * ones(2), 8), "leak multipliers must be from 0 to 256, not from 257 to 257"),
    (lambda: ChannelLeak(-ones(2), 8), "leak multipliers must be from 0 to 256, not from -1 to -1"),
    (lambda: SynapticCurrent(NoLeak(), 1), "synaptic current bits must be an integer from 2 to 32, not 1"),
    (lambda: SynapticCurrent(NoLeak(), 33), "synaptic current bits must be an integer from 2 to 32, not 33"),
    (lambda: fires("zero", initial=ones(2) * 128), "initial membrane must be from -128 to 127, not from 128 to 128"),
    (lambda: fires("zero", initial=ones(2) * -129), "initial membrane must be from -128 to 127, not from -129 to -129"),
    (lambda: fires("zero", floor=ones(2)), "lower bound must be from -128 to 0, not from 1 to 1"),
    (lambda: fires("zero", floor=ones(2) * -129), "lower bound must be from -128 to 0, not from -129 to -129"),
    (lambda: Integrator(NoLeak(), 8, floor=ones(2)), "lower bound must be from -128 to 0, not from 1 to 1"),
    (lambda: fires("zero", floor=0 * ones(3)), "the numbers of a neuron must have one value per channel each"),
    (lambda: fires("zero", once=1), "once must be true or false, not 1"),
    (
        lambda: fires("zero", further=ones(2)),
        "further thresholds must be a non-empty array of 2 dimensions, not of shape",
    ),
    (lambda: fires("zero", further=ones(15, 2)), "spikes per step must be at most 15, not 16"),
    (lambda: fires("zero", further=128 * ones(1, 2)), "further thresholds must be from 1 to 127, not from 128 to 128"),
    (lambda: fires("zero", further=np.array([[9, 0]])), "further thresholds must be from 1 to 127, not from 0 to 9"),
    (lambda: fires("zero", further=np.array([[9, 8], [9, 7]])), "the thresholds of a neuron's spikes must not fall"),
    (
        lambda: fires("subtract", sub=ones(2) * 127, further=2 * ones(1, 2)),
        "sub must leave a membrane of at least -128 after a spike, not -252",
    ),
    (lambda: fires("late-subtract"), "sub must be an integer array, not NoneType"),
    (lambda: fires("undelayed-subtract"), "sub must be an integer array, not NoneType"),
    (lambda: fires("zero", once=True, further=ones(1, 2)), "once must go with one spike per step, not 2"),
    (lambda: MaxPool("pool", (0, 2), (1, 1), "or"), "size of layer 'pool' must be"),
    (lambda: MaxPool("pool", (2, 2), (0, 1), "or"), "stride of layer 'pool' must be"),
    (lambda: MaxPool("pool", (2, 2), (1, 1), "sum"), "mode of layer 'pool' must be one of or, winner, not 'sum'"),  # type: ignore[arg-type]
    (lambda: LayerFold(0, 1), "cin_par must be"),
    (lambda: LayerFold(1, 0), "cout_par must be"),
    (lambda: LayerFold(1, 1, 0), "t_par must be an integer from 1 to 256, not 0"),
    (lambda: LayerFold(1, 1, 257), "t_par must be an integer from 1 to 256, not 257"),
    (lambda: LayerFold(1, 1, 1, "lut4"), "sums must be one of lut5, lut6, block, adders, not 'lut4'"),  # type: ignore[arg-type]
    (lambda: Folding({}, {"a": 0}, {}), "fifo depth behind layer 'a' must be an integer from 1 to 65536, not 0"),
    (lambda: Folding({}, {"a": 65537}, {}), "fifo depth behind layer 'a' must be an integer from 1 to 65536"),
    (lambda: Folding({}, {}, {"a": 0}), "column depth of layer 'a' must be an integer from 1 to 65536, not 0"),
]


@pytest.mark.parametrize(("build", "message"), WRONG_PARTS, ids=[message for _, message in WRONG_PARTS])
def test_wrong_parts(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


POOL, LAST = network().layers[1:]
SEVERAL = Neuron(ones(4), NoLeak(), "zero", 16, further=2 * ones(1, 4))
WIDE = dense_layer("last", ones(5, 4, 3, 3), ones(5) * (2**31 - 1), 8, Integrator(NoLeak(), 32))

MANY = dense_layer("last", ones(4097, 4, 3, 3), ones(4097), 8, Integrator(NoLeak(), 32))

WRONG_NETWORKS: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "network name must be 1 to 64 letters"),
    ({"name": "a b"}, "network name must be"),
    ({"name": "../up"}, "network name must be"),
    ({"input_shape": (2, 9)}, r"input shape must be \(channels, height, width\), not \(2, 9\)"),
    ({"input_shape": (2, 0, 8)}, "input shape must be an integer from 1 to 4096, not 0"),
    ({"pixel_bits": 0}, "pixel bits must be an integer from 1 to 8, not 0"),
    ({"pixel_bits": 9}, "pixel bits must be an integer from 1 to 8, not 9"),
    ({"timesteps": 0}, "timesteps must be an integer from 1 to 256, not 0"),
    ({"timesteps": 257}, "timesteps must be an integer from 1 to 256, not 257"),
    ({"readout": "rate"}, "readout must be one of count, first, membrane, sum, max, not 'rate'"),
    ({"readout": "count"}, "the neurons of the last layer must fire for a 'count' readout, not integrate"),
    ({"layers": ()}, "a network must have at least one layer"),
    ({"layers": (conv(), POOL, MANY)}, "output of layer 'last' must be an integer from 1 to 4096, not 4097"),
    ({"layers": (conv(), POOL)}, "the last layer must have neurons, not be 'pool', a maxpool"),
    ({"layers": (conv(),), "readout": "count"}, "the last layer's output must be 1x1, one score per class, not 7x7"),
    ({"layers": (conv(), conv(), POOL, LAST)}, "layer names must differ, not repeat 'conv'"),
    ({"layers": (conv(name="Conv"), POOL, LAST)}, "a layer's name must be a lower-case letter, .* not 'Conv'"),
    ({"layers": (conv(name="encoder"), POOL, LAST)}, "and none of .*encoder.*, not 'encoder'"),
    ({"layers": (conv(name="a" * 33), POOL, LAST)}, "a layer's name must be"),
    ({"layers": (conv(neuron=Integrator(NoLeak(), 9)), POOL, LAST)}, "layer 'conv' must fire: only the last layer"),
    (
        {"layers": (POOL, LAST)},
        "layers that take pixels must have weights under direct encoding, not be 'pool', a maxpool",
    ),
    ({"layers": (conv(), LAST)}, r"layer 'last' must take the shape \(4, 7, 7\) before it, not \(4, 3, 3\)"),
    ({"input_shape": (3, 9, 8)}, "layer 'conv' must take the 3 channels before it, not 2"),
    ({"readout": "first"}, "the neurons of the last layer must fire for a 'first' readout, not integrate"),
    (
        {"layers": (conv(neuron=SEVERAL), POOL, LAST)},
        "the pool 'pool' must take spikes of one bit, not values up to 2; pool the currents, between weights and",
    ),
    (
        {"layers": (MaxPool("first", (1, 1), (1, 1), "or"), *network().layers), "encoder": Encoder("steps")},
        "the pool 'first' must take spikes of one bit, not values up to 255; pool the currents, between weights and",
    ),
    (
        {"layers": (conv(padding_values=9 * ones(2)), POOL, LAST), "pixel_bits": 3},
        "padding values of layer 'conv' must be pixels of the network's input, from 0 to 7, not 9$",
    ),
    (
        {
            "layers": (
                conv(),
                POOL,
                conv_layer("last", ones(5, 4, 3, 3), ones(5), 8, Integrator(NoLeak(), 16), padding_values=ones(4)),
            )
        },
        "padding values of layer 'last' must be pixels of the network's input, from 0 to 255, not 1 behind another",
    ),
    (
        {"layers": (conv(weight=127 * ones(4, 2, 3, 2), gain=ones(4) * 32767, fraction_bits=8), POOL, LAST)},
        "currents of layer 'conv' must fit 40 bits, not 43",
    ),
    (
        {"layers": (conv(), POOL, WIDE), "readout": "sum"},
        "scores must be of at most 32 bits, not 34",
    ),
    ({"input_shape": (2, 2, 8)}, "the window of layer 'conv' must fit its input of 2x8"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG_NETWORKS, ids=[message for _, message in WRONG_NETWORKS])
def test_wrong_networks(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network(**changes)


@pytest.mark.parametrize("reset", get_args(Reset))
@pytest.mark.parametrize("synaptic", [False, True])
@pytest.mark.parametrize("spiking", ["one", "once", "several"])
def test_what_may_go_together(spiking: str, synaptic: bool, reset: Reset) -> None:
    fields: dict[str, Any] = {
        "sub": ones(2) if "subtract" in reset else None,
        "synapse": SynapticCurrent(NoLeak(), 8) if synaptic else None,
        "further": 3 * ones(1, 2) if spiking == "several" else None,
        "once": spiking == "once",
    }
    if (spiking, synaptic, reset) in KINDS:
        assert fires(reset, **fields).reset == reset
    else:
        with pytest.raises(ValueError, match=r"^(several spikes per step|once|reset 'late-zero') must go with .*"):
            fires(reset, **fields)
