"""What a model file may ask for: networks that people build, and none that would take all there is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwsnn.errors import InputError
from hwsnn.float_network import FloatIntegrator, FloatNetwork
from hwsnn.model_file import bounds
from hwsnn.model_file.bounds import require_bounded
from hwsnn.model_file.integer_file import load, save
from hwsnn.quantization.quantize import quantize
from hwsnn.spec import (
    Encoder,
    EncoderKind,
    Integrator,
    Layer,
    MaxPool,
    Network,
    Neuron,
    NoLeak,
    Pair,
    Population,
    Shape,
    ShiftLeak,
    Window,
)
from tests.support.layers import conv_layer, float_conv_layer


def conv(name: str, outputs: int, inputs: int, kernel: int = 1, stride: Pair = (1, 1), padding: int = 0) -> Population:
    neuron = Neuron(np.full(outputs, 3), ShiftLeak(2), "subtract", 20, np.full(outputs, 2))
    weight = np.ones((outputs, inputs, kernel, kernel), np.int8)
    return conv_layer(name, weight, np.zeros(outputs, int), 4, neuron, stride=stride, padding=(padding, padding))


def pooled(name: str, outputs: int, size: int, stride: int) -> Population:
    return replace(conv(name, outputs, 1), pool=Window((size, size), (stride, stride)))


def last(inputs: int) -> Population:
    return conv_layer("last", np.ones((2, inputs, 1, 1), np.int8), np.zeros(2, int), 4, Integrator(NoLeak(), 24))


def joined(*parts: Population) -> Population:
    """One layer of the projections of all parts, each from the layer before."""
    return replace(parts[0], projections=tuple(part.projection for part in parts))


def network(shape: Shape, timesteps: int, *layers: Layer, kind: EncoderKind = "direct") -> Network:
    return Network("net", shape, 8, Encoder(kind), timesteps, layers, "membrane")


def or_pool(name: str, size: int) -> MaxPool:
    return MaxPool(name, (size, size), (size, size), "or")


@pytest.mark.parametrize(
    ("asking", "what"),
    [
        (network((1, 4096, 4096), 1, conv("a", 1, 1, stride=(4096, 4096)), last(1), kind="poisson"), "the pixels"),
        (network((1, 1, 1), 1, conv("a", 1, 1, padding=2000, stride=(4096, 4096)), last(1)), "with their border,"),
        (network((1, 2048, 2048), 1, conv("a", 4, 1), or_pool("p", 64), or_pool("q", 32), last(4)), "the outputs of"),
        (network((1, 512, 512), 1, conv("a", 4, 1), or_pool("p", 512), last(4)), "the positions in a window of"),
        (network((1, 2047, 2048), 1, pooled("a", 4096, 1, 4096), last(4096)), "the outputs of layer 'a'"),
        (network((1, 65, 65), 1, pooled("a", 1, 65, 1), last(1)), "the positions in a window of layer 'a'"),
        (
            network((1, 1100, 1100), 1, conv("a", 1, 1, 32), or_pool("p", 64), or_pool("q", 16), last(1)),
            "the inputs of all windows of layer 'a'",
        ),
        (
            network((1, 64, 64), 1, conv("a", 1, 1, 128, padding=1000), or_pool("p", 64), or_pool("q", 30), last(1)),
            "the inputs of a row of windows of layer 'a'",
        ),
        (network((1, 2048, 2048), 3, conv("a", 1, 1, stride=(2048, 2048)), last(1)), "the positions of all layers"),
        (
            network((32, 512, 512), 17, conv("a", 1, 32, stride=(512, 512)), last(1)),
            "the values of all layers and time steps",
        ),
        (
            network((1, 390, 390), 17, conv("a", 1, 1, 32), or_pool("p", 41), or_pool("q", 8), last(1)),
            "the inputs of all windows and time steps",
        ),
        (
            network((1, 1, 1), 256, conv("a", 4096, 1), conv("b", 1, 4096), last(1)),
            "the channels of all layers and time steps",
        ),
        (network((1, 1, 1), 1, *(conv(f"a{number}", 1, 1) for number in range(256)), last(1)), "the layers must be"),
        (network((1, 1, 1), 1, conv("a", 4096, 1), conv("b", 4096, 4096), last(4096)), "the weights must be"),
        (network((1, 1, 1), 1, joined(*[conv("a", 1, 1)] * 1024), last(1)), "the inputs of all layers must be at"),
        (
            network((1, 1, 1), 1, conv("a", 2048, 1), joined(*[conv("b", 2048, 2048)] * 5), last(2048)),
            "the weights must be",
        ),
        (
            network((1, 64, 64), 2, joined(*[conv("a", 64, 1)] * 300), or_pool("p", 64), last(64)),
            "the values of all layers and time steps",
        ),
        (
            network((1, 390, 390), 2, joined(*[conv("a", 1, 1, 32)] * 9), or_pool("p", 41), or_pool("q", 8), last(1)),
            "the inputs of all windows and time steps",
        ),
    ],
)
def test_networks_that_ask_for_too_much(asking: Network, what: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=what):
        require_bounded(asking.layers, asking.shapes, asking.timesteps)
    save(asking, tmp_path / "net.safetensors")
    with pytest.raises(
        InputError, match=rf"net.safetensors: not a usable hwsnn model: {what}|must be at most"
    ) as caught:
        load(tmp_path / "net.safetensors")
    assert "\n" not in str(caught.value)


def vgg(shape: Shape, timesteps: int, *channels: int, pooled: int) -> Network:
    """Convolutions of 3x3, a pool behind every other one, and one over what is left."""
    layers: list[Layer] = []
    before = shape[0]
    for index, after in enumerate(channels):
        layers.append(conv(f"c{index}", after, before, 3, padding=1))
        if index % 2:
            layers.append(or_pool(f"p{index}", 2))
        before = after
    return network(shape, timesteps, *layers, or_pool("all", pooled), last(before))


@pytest.mark.parametrize(
    "built",
    [
        vgg((3, 32, 32), 16, 64, 64, 128, 128, 256, 256, 512, 512, pooled=2),  # 4.7 million weights
        vgg((3, 224, 224), 8, 64, 64, 128, 128, 256, 256, 512, 512, pooled=14),
        vgg((2, 128, 128), 64, 32, 64, pooled=64),
        network((1, 8, 8), 256, conv("a", 512, 1, 3), conv("b", 512, 512, 3), or_pool("p", 4), last(512)),
    ],
)
def test_networks_that_people_build(built: Network) -> None:
    require_bounded(built.layers, built.shapes, built.timesteps)


def test_networks_in_floats_are_bounded_when_they_become_integers() -> None:
    layer = float_conv_layer("a", np.ones((1, 1, 1, 1)), np.zeros(1), FloatIntegrator(1.0), padding=(2000, 2000))
    floats = FloatNetwork("net", (1, 1, 1), (layer,))
    with pytest.raises(InputError, match="the inputs of layer 'a', with their border, must be at most"):
        quantize(floats, timesteps=1, encoding="direct")


def test_files_that_are_too_large_are_not_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    with path.open("wb") as file:
        file.truncate(8 * bounds.MOST_WEIGHTS + (1 << 23))
    with pytest.raises(InputError, match="must be at most 132 MiB, not 136 MiB"):
        load(path)
    path.write_bytes((1 << 21).to_bytes(8, "little") + b"{" + b" " * (1 << 21))
    with pytest.raises(InputError, match="its header must be at most 1,048,576 bytes, not 2,097,152"):
        load(path)
    path.write_bytes((1 << 62).to_bytes(8, "little") + b"{}")
    with pytest.raises(InputError, match="not a readable safetensors file"):
        load(path)
