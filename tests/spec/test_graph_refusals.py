"""What the specification refuses of how layers are connected, each by its line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hwsnn.folding.folding import Folding
from hwsnn.spec import Conv, Dense, Encoder, Integrator, Layer, MaxPool, Network, Neuron, NoLeak, Population, Sum
from tests.spec.parts import conv, network, neuron, ones
from tests.support.layers import dense_layer


def own(*kernel: int, name: str = "conv", **how: Any) -> Conv:
    """The projection of a layer's own spikes, of four channels."""
    return Conv(name, ones(4, 4, *(kernel or (1, 1))), 8, source=name, delay=1, **how)


def joined(layer: Population, *projections: Conv | Dense) -> Population:
    return replace(layer, projections=(*layer.projections, *projections))


WRONG_PARTS: list[tuple[Callable[[], object], str]] = [
    (
        lambda: own(3, 3),
        "a recurrent projection of layer 'conv' must have a kernel of 1x1, not 3x3: a neuron runs all its steps before",
    ),
    (
        lambda: own(stride=(2, 1)),
        r"a recurrent projection of layer 'conv' must have a stride of 1 and no padding, not \(2, 1\) and \(0, 0\): a",
    ),
    (lambda: own(padding=(0, 1)), r"must have a stride of 1 and no padding, not \(1, 1\) and \(0, 1\): a neuron runs"),
    (
        lambda: Dense("last", ones(4, 4, 2, 1), 8, source="last", delay=1),
        "a recurrent projection of layer 'last' must have a kernel of 1x1, not 2x1",
    ),
    (lambda: Conv("conv", ones(4, 4, 1, 1), 8, delay=2), "delay of layer 'conv' must be an integer from 0 to 1, not 2"),
    (
        lambda: joined(conv(neuron=Integrator(NoLeak(), 16)), own()),
        "neurons of the recurrent layer 'conv' must fire, not integrate",
    ),
    (
        lambda: replace(conv(), projections=(own(),)),
        "layer 'conv' must have a projection without delay, not none",
    ),
    (
        lambda: joined(conv(), *conv(weight=ones(3, 2, 3, 2), bias=ones(3), neuron=neuron(3)).projections),
        "projections of layer 'conv' must have the same output channels, not 4 and 3",
    ),
    (lambda: joined(conv(), own(name="other")), "projections of layer 'conv' must bear its name, not 'other'"),
    (lambda: Sum("sum", ("conv",)), "layer 'sum' must add at least two layers, not 1"),
    (lambda: Sum("sum", ()), "layer 'sum' must add at least two layers, not 0"),
    (lambda: Sum("sum", ["conv", "other"]), "sources of layer 'sum' must be names of layers, not"),  # type: ignore[arg-type]
    (lambda: Sum("sum", ("conv", None)), "sources of layer 'sum' must be names of layers, not"),  # type: ignore[arg-type]
    (lambda: Folding({}, {}, {}, {"a.1": 0}), "edge depth of layer 'a.1' must be an integer from 1 to 65536, not 0"),
]


@pytest.mark.parametrize(("build", "message"), WRONG_PARTS, ids=[message for _, message in WRONG_PARTS])
def test_wrong_parts(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


CONV, POOL, LAST = network().layers


def from_layer(layer: Layer, source: str) -> Population:
    """The layer with all its projections from there."""
    assert isinstance(layer, Population)
    return replace(layer, projections=tuple(replace(each, source=source) for each in layer.projections))


def pooled(source: str, name: str = "pool") -> MaxPool:
    return MaxPool(name, (2, 2), (2, 2), "or", source)


def at_pixels(name: str, **how: Any) -> Population:
    """A second convolution of the pixels, like the first."""
    return from_layer(conv(name=name, **how), "pixels")


def several(spikes: int) -> Neuron:
    return Neuron(ones(4), NoLeak(), "zero", 16, further=ones(spikes - 1, 4))


WRONG_NETWORKS: list[tuple[dict[str, Any], str]] = [
    (
        {"layers": (CONV, pooled("other"), LAST)},
        "the source of layer 'pool' must be one of pixels, conv, pool, last, not 'other'",
    ),
    (
        {"layers": (from_layer(CONV, "last"), POOL, LAST)},
        "the source of layer 'conv' must come before it, not be 'last'",
    ),
    ({"layers": (CONV, pooled("pool"), LAST)}, "the source of layer 'pool' must come before it, not be 'pool'"),
    (
        {"layers": (CONV, at_pixels("other"), pooled("conv"), LAST)},
        "layer 'other' must feed another layer: only the last one makes the scores",
    ),
    (
        {"layers": (joined(conv(), replace(own(), source="pool")), POOL, LAST)},
        "what comes to layer 'conv' a step late must be its own spikes, not those of 'pool': loops over several layers",
    ),
    (
        {"layers": (joined(conv(), replace(own(), source=None)), POOL, LAST)},
        "what comes to layer 'conv' a step late must be its own spikes, not those of 'the layer before'",
    ),
    (
        {"layers": (joined(conv(), replace(own(), weight=ones(4, 3, 1, 1))), POOL, LAST)},
        "layer 'conv' must take the 4 channels before it, not 3",
    ),
    (
        {"layers": (joined(conv(), Dense("conv", ones(4, 4, 1, 1), 8, source="conv", delay=1)), POOL, LAST)},
        r"layer 'conv' must take the shape \(4, 7, 7\) before it, not \(4, 1, 1\)",
    ),
    (
        {"layers": (joined(conv(), Conv("conv", ones(4, 2, 3, 3), 8, source="pixels")), POOL, LAST)},
        r"projections of layer 'conv' must have the same output, not \(4, 7, 7\), \(4, 7, 6\)",
    ),
    (
        {"layers": (from_layer(CONV, "conv"), POOL, LAST), "encoder": Encoder("uniform")},
        "the source of layer 'conv' must come before it, not be 'conv'",
    ),
    (
        {"layers": (CONV, at_pixels("b", weight=ones(4, 2, 3, 3)), Sum("sum", ("conv", "b")), pooled("sum"), LAST)},
        r"layer 'sum' must add layers of one shape, not \(4, 7, 7\) and \(4, 7, 6\)",
    ),
    (
        {
            "layers": (
                conv(neuron=several(8)),
                at_pixels("b", neuron=several(8)),
                Sum("sum", ("conv", "b")),
                dense_layer("last", ones(5, 4, 7, 7), ones(5), 8, neuron(5)),
            ),
            "readout": "count",
        },
        "the sum 'sum' must be at most 15, not 16; add fewer layers",
    ),
    (
        {"layers": (Sum("sum", ("pixels", "pixels")), CONV, POOL, LAST)},
        "layers that take pixels must have weights under direct encoding, not be 'sum', a sum",
    ),
    (
        {"layers": (Sum("sum", ("pixels", "pixels")), CONV, POOL, LAST), "encoder": Encoder("steps")},
        "the sum 'sum' must be at most 15, not 510; add fewer layers",
    ),
    ({"layers": (pooled("pixels"), LAST)}, "layers that take pixels must have weights under direct encoding"),
    (
        {"layers": (CONV, at_pixels("b"), Sum("sum", ("conv", "b")), pooled("sum"), LAST)},
        "the pool 'pool' must take spikes of one bit, not values up to 2; pool the currents",
    ),
    (
        {"layers": (CONV, POOL, Sum("last", ("pool", "pool")))},
        "the last layer must have neurons, not be 'last', a sum",
    ),
]


@pytest.mark.parametrize(("changes", "message"), WRONG_NETWORKS, ids=[message for _, message in WRONG_NETWORKS])
def test_wrong_networks(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network(**changes)


def test_currents_of_several_projections_count_together() -> None:
    """Each is of 39 bits, 32 are of 44."""
    wide = Dense("last", 127 * np.ones((1, 4, 3, 3), np.int64), 8, np.array([511]), source="pixels")
    layer = Population("last", (wide,), ones(1), Integrator(NoLeak(), 32), 8)
    built: dict[str, Any] = {
        "name": "wide",
        "input_shape": (4, 3, 3),
        "pixel_bits": 8,
        "encoder": Encoder("direct"),
        "timesteps": 1,
        "readout": "membrane",
    }
    assert layer.current_ranges([255])[0].width == 39
    assert Network(layers=(layer,), **built).current_range(0).width == 39
    with pytest.raises(ValueError, match="currents of layer 'last' must fit 40 bits, not 44"):
        Network(layers=(joined(layer, *[wide] * 31),), **built)
