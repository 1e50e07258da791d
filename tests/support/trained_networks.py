"""Random trained networks, and whether two are the same to the last bit."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np

from hwsnn.float_network import (
    Compare,
    FloatConv,
    FloatIntegrator,
    FloatLayer,
    FloatNetwork,
    FloatNeuron,
    FloatPopulation,
)
from hwsnn.spec import EncoderKind, MaxPool, PoolMode, Reset
from tests.support.layers import float_conv_layer, float_dense_layer

BETAS = (0.0, 0.5, 0.75, 0.9, 1.0, 0.1, 1 - 1e-9, 1e-9)
"""No time constant gives 0.1 or the last two exactly."""


def random_trained(seed: int) -> FloatNetwork:
    """Convolution, maybe a pool, maybe another convolution, dense layers; square windows, for the ``nir`` package."""
    rng = np.random.default_rng(seed)

    def neuron(channels: int) -> FloatNeuron:
        return FloatNeuron(
            rng.uniform(0.3, 2, channels),
            float(rng.choice(BETAS)),
            pick(get_args(Compare)),
            pick(get_args(Reset)),
        )

    def pick(choices: tuple[str, ...]) -> Any:
        return str(rng.choice(choices))

    def conv(name: str, outputs: int) -> FloatPopulation:
        kernel, stride, padding = (int(number) for number in (rng.integers(1, 4), *rng.integers(1, 3, 2)))
        groups = int(rng.choice([part for part in range(1, shape[0] + 1) if shape[0] % part == outputs % part == 0]))
        weight = rng.normal(size=(outputs, shape[0] // groups, kernel, kernel))
        bias = rng.normal(size=outputs)
        strides, paddings = (stride, 3 - stride), (padding, padding - 1)
        return float_conv_layer(name, weight, bias, neuron(outputs), strides, paddings, groups)

    shape = first = (int(rng.integers(1, 3)), int(rng.integers(7, 12)), int(rng.integers(7, 12)))
    layers: list[FloatLayer] = [conv("conv1", int(rng.integers(1, 5)))]
    shape = layers[-1].output_shape(shape)
    if rng.random() < 0.7 and min(shape[1:]) >= 2:
        layers.append(MaxPool("pool__1", (2, 2), (int(rng.integers(1, 3)), 2), pick(get_args(PoolMode))))
        shape = layers[-1].output_shape(shape)
    if rng.random() < 0.5 and min(shape[1:]) >= 3:
        layers.append(conv("input", int(rng.integers(1, 5))))
        shape = layers[-1].output_shape(shape)
    if rng.random() < 0.5:
        layers.append(float_dense_layer("output", rng.normal(size=(6, *shape)), rng.normal(size=6), neuron(6)))
        shape = (6, 1, 1)
    last = FloatIntegrator(BETAS[seed % len(BETAS)]) if rng.random() < 0.5 else neuron(4)
    name = "a_name_as_long_as_it_may_be_1_23"
    layers.append(float_dense_layer(name, rng.normal(size=(4, *shape)), rng.normal(size=4), last))
    return FloatNetwork(
        f"Net-{seed}.x",
        first,
        tuple(layers),
        ("made by chance", "with wörds"),
        timesteps=int(rng.integers(1, 9)),
        encoding=pick(get_args(EncoderKind)),
    )


def assert_same(first: FloatNetwork, second: FloatNetwork) -> None:
    """Equal in every field; of remarks nothing is asked."""
    for field in ("name", "input_shape", "timesteps", "encoding"):
        assert getattr(first, field) == getattr(second, field)
    assert len(first.layers) == len(second.layers)
    for one, other in zip(first.layers, second.layers, strict=True):
        assert type(one) is type(other)
        if isinstance(one, MaxPool) or isinstance(other, MaxPool):
            assert one == other
            continue
        assert one.name == other.name
        np.testing.assert_array_equal(one.projection.weight, other.projection.weight)
        np.testing.assert_array_equal(one.bias, other.bias)
        if isinstance(one, FloatConv) and isinstance(other, FloatConv):
            assert (one.stride, one.padding, one.groups) == (other.stride, other.padding, other.groups)
        assert type(one.neuron) is type(other.neuron)
        assert one.neuron.beta == other.neuron.beta
        if isinstance(one.neuron, FloatNeuron) and isinstance(other.neuron, FloatNeuron):
            np.testing.assert_array_equal(one.neuron.threshold, other.neuron.threshold)
            assert (one.neuron.compare, one.neuron.reset) == (other.neuron.compare, other.neuron.reset)
