"""Random trained networks of every kind, and whether two are the same to the last bit."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, get_args

import numpy as np

from hwsnn.float_network import (
    AnyFloatNeuron,
    Compare,
    Decay,
    FloatIntegrator,
    FloatLayer,
    FloatNetwork,
    FloatNeuron,
    FloatPopulation,
)
from hwsnn.spec import SPIKE_READOUTS, EncoderKind, MaxPool, PoolMode, Readout, Reset, Window
from hwsnn.spec.neurons import ONCE, SEVERAL
from tests.support.layers import float_conv_layer, float_dense_layer

BETAS = (0.0, 0.5, 0.75, 0.9, 1.0, 0.1, 1 - 1e-9, 1e-9)
"""No time constant gives 0.1 or the last two exactly."""


def random_trained(seed: int) -> FloatNetwork:
    """Convolution, maybe a pool, maybe another convolution, dense layers; square windows, for the ``nir`` package."""
    return _Draw(seed).network()


class _Draw:
    """The random choices that make one network."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._rng = np.random.default_rng(seed)

    def network(self) -> FloatNetwork:
        rng = self._rng
        shape = first = (int(rng.integers(1, 3)), int(rng.integers(8, 12)), int(rng.integers(8, 12)))
        layers: list[FloatLayer] = [self._conv("conv1", shape)]
        shape = layers[-1].output_shape(shape)
        if self._happens(0.7) and min(shape[1:]) >= 2 and self._spikes_of(layers[-1]) == 1:
            layers.append(MaxPool("pool__1", (2, 2), (int(rng.integers(1, 3)), 2), self._pick(get_args(PoolMode))))
            shape = layers[-1].output_shape(shape)
        if self._happens(0.8) and min(shape[1:]) >= 4:
            layers.append(self._conv("input", shape))
            shape = layers[-1].output_shape(shape)
        if self._happens(0.5):
            layers.append(
                float_dense_layer("output", rng.normal(size=(6, *shape)), rng.normal(size=6), self._firing(6))
            )
            shape = (6, 1, 1)
        last = self._integrator(4) if self._happens(0.5) else self._firing(4)
        name = "a_name_as_long_as_it_may_be_1_23"
        layers.append(float_dense_layer(name, rng.normal(size=(4, *shape)), rng.normal(size=4), last))
        readouts = [one for one in get_args(Readout) if last.fires or one not in SPIKE_READOUTS]
        encoding: EncoderKind = self._pick(get_args(EncoderKind))
        return FloatNetwork(
            f"Net-{self._seed}.x",
            first,
            tuple(layers),
            ("made by chance", "with w\u00f6rds"),
            timesteps=int(rng.integers(1, 9)),
            encoding=encoding,
            readout=self._pick(readouts) if self._happens(0.7) else None,
            **(self._input(first[0]) if encoding in ("direct", "steps") else {}),
        )

    def _input(self, channels: int) -> dict[str, Any]:
        """Means that are values from 0 to 255."""
        scale = float(self._rng.uniform(0.001, 0.1))
        chosen: dict[str, Any] = {
            "mean": self._rng.uniform(0, 255 * scale, channels),
            "std": self._rng.uniform(0.2, 2, channels),
            "input_scale": scale,
        }
        return {name: value for name, value in chosen.items() if name == "input_scale" or self._happens(0.5)}

    def _conv(self, name: str, shape: tuple[int, int, int]) -> FloatPopulation:
        rng = self._rng
        outputs = shape[0] if self._happens(0.3) else int(rng.integers(1, 5))
        kernel, stride, padding = (int(number) for number in (rng.integers(1, 4), *rng.integers(1, 3, 2)))
        groups = int(rng.choice([part for part in range(1, shape[0] + 1) if shape[0] % part == outputs % part == 0]))
        weight = rng.normal(size=(outputs, shape[0] // groups, kernel, kernel))
        strides, paddings = (stride, 3 - stride), (padding, padding - 1)
        layer = float_conv_layer(
            name, weight, rng.normal(size=outputs), self._firing(outputs), strides, paddings, groups
        )
        if min(layer.output_shape(shape)[1:]) >= 2 and self._happens(0.4):
            return replace(layer, pool=Window((2, 2), (1, int(rng.integers(1, 3)))))
        return layer

    def _firing(self, channels: int) -> FloatNeuron:
        alpha = self._decay(channels) if self._happens(0.4) else None
        resets = [one for one in get_args(Reset) if one != "late-zero" or alpha is not None]
        reset: Reset = self._pick(resets)
        spikes = int(self._rng.integers(2, 6)) if reset in SEVERAL and self._happens(0.3) else 1
        once = reset in ONCE and spikes == 1 and self._happens(0.4)
        threshold = self._rng.uniform(0.3, 2, channels)
        compare: Compare = self._pick(get_args(Compare))
        state = self._state(channels)
        return FloatNeuron(threshold, self._decay(channels), compare, reset, alpha, *state, spikes, once)

    def _integrator(self, channels: int) -> FloatIntegrator:
        alpha = self._decay(channels) if self._happens(0.4) else None
        return FloatIntegrator(self._decay(channels), alpha, *self._state(channels))

    def _decay(self, channels: int) -> Decay:
        if self._happens(0.3):
            return self._rng.choice(BETAS, channels)
        return float(self._rng.choice(BETAS))

    def _state(self, channels: int) -> tuple[Any, Any]:
        initial = self._rng.normal(size=channels) if self._happens(0.3) else None
        return initial, -self._rng.uniform(0, 2, channels) if self._happens(0.3) else None

    def _spikes_of(self, layer: FloatLayer) -> int:
        return layer.neuron.spikes if isinstance(layer.neuron, FloatNeuron) else 1

    def _happens(self, probability: float) -> bool:
        return bool(self._rng.random() < probability)

    def _pick(self, choices: Any) -> Any:
        return choices[int(self._rng.integers(len(choices)))]


def assert_same(first: FloatNetwork, second: FloatNetwork) -> None:
    """Equal in every field; of remarks nothing is asked."""
    for field in fields(FloatNetwork):
        if field.name not in ("layers", "remarks"):
            _assert_equal(field.name, getattr(first, field.name), getattr(second, field.name))
    assert len(first.layers) == len(second.layers)
    assert first.edges == second.edges
    for one, other in zip(first.layers, second.layers, strict=True):
        assert type(one) is type(other)
        assert one.name == other.name
        if not isinstance(one, FloatPopulation) or not isinstance(other, FloatPopulation):
            assert {**one.settings, "source": None} == {**other.settings, "source": None}
            continue
        assert one.settings == other.settings
        _assert_equal("bias", one.bias, other.bias)
        for some, others in zip(one.projections, other.projections, strict=True):
            assert type(some) is type(others)
            assert some.settings == others.settings
            _assert_equal("weight", some.weight, others.weight)
        _assert_same_neurons(one.neuron, other.neuron)


def _assert_same_neurons(one: AnyFloatNeuron, other: AnyFloatNeuron) -> None:
    assert type(one) is type(other)
    for field in fields(one):
        _assert_equal(field.name, getattr(one, field.name), getattr(other, field.name))


def _assert_equal(what: str, one: Any, other: Any) -> None:
    assert isinstance(one, np.ndarray) == isinstance(other, np.ndarray), what
    if isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other, err_msg=what)
    else:
        assert one == other, what
