"""Every part knows every kind of layer, neuron, leak, encoder and readout, and takes none for another.

A new kind fails here by the name of what it lacks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, get_args

import numpy as np
import pytest
import torch

from hwsnn import reference, spec
from hwsnn.bench.torch_network import TorchNetwork
from hwsnn.cli.inspect import _describe
from hwsnn.cycles import simulate
from hwsnn.data import random_images
from hwsnn.float_network import (
    FLOAT_KINDS,
    FloatConv,
    FloatDense,
    FloatIntegrator,
    FloatLayer,
    FloatNetwork,
    FloatNeuron,
    FloatPopulation,
)
from hwsnn.folding.folding import Folding, LayerFold, column_queues, edge_queues
from hwsnn.folding.weight_layout import folded_parameters
from hwsnn.frontends.nir import reader, writer
from hwsnn.model_file import float_file, integer_file
from hwsnn.planner import FoldingSearch, layer_cost
from hwsnn.planner.devices import DEVICES
from hwsnn.quantization.quantize import quantize
from hwsnn.reference.activity import measure
from hwsnn.rtl.network import Pipeline
from hwsnn.spec import graph
from hwsnn.train.encode import encode
from hwsnn.verilog.manifest import manifest
from tests.support.layers import float_conv_layer, float_dense_layer
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_network
from tests.support.trained_networks import assert_same
from tests.support.wishes import KINDS, Kind, Wishes

DEVICE = DEVICES["xczu9eg"]
RNG = np.random.default_rng(0)
SEED = 18
"""Of random networks of a dense layer, a convolution and a last layer, of several steps."""


def neuron(channels: int) -> FloatNeuron:
    return FloatNeuron(np.full(channels, 1.5), 0.75, "greater", "subtract")


def conv(name: str, channels: int, **how: Any) -> FloatPopulation:
    """A convolution that keeps 5x4."""
    return float_conv_layer(name, RNG.normal(size=(2, channels, 3, 3)), np.zeros(2), neuron(2), padding=(1, 1), **how)


def joined(layer: FloatPopulation, *projections: FloatConv | FloatDense) -> FloatPopulation:
    return replace(layer, projections=(*layer.projections, *projections))


LAYERS: dict[str, tuple[FloatLayer, ...]] = {
    "conv": (float_conv_layer("seen", RNG.normal(size=(3, 2, 2, 2)), np.zeros(3), neuron(3), (2, 1), (1, 0)),),
    "conv in groups": (
        float_conv_layer("seen", RNG.normal(size=(4, 1, 3, 2)), np.zeros(4), neuron(4), (1, 2), (1, 0), 2),
    ),
    "dense": (float_dense_layer("seen", RNG.normal(size=(3, 2, 5, 4)), np.zeros(3), neuron(3)),),
    "maxpool": (spec.MaxPool("seen", (2, 2), (1, 2), "winner"),),
    "sum": (conv("one", 2), conv("other", 2), spec.Sum("seen", ("one", "other"))),
    "two projections": (
        conv("one", 2),
        joined(conv("seen", 2), FloatConv("seen", RNG.normal(size=(2, 2, 1, 1)), source="pixels")),
    ),
    "recurrent conv": (
        joined(conv("seen", 2), FloatConv("seen", RNG.normal(size=(2, 1, 1, 1)), groups=2, source="seen", delay=1)),
    ),
    "recurrent dense": (
        joined(
            float_dense_layer("seen", RNG.normal(size=(3, 2, 5, 4)), np.zeros(3), neuron(3)),
            FloatDense("seen", RNG.normal(size=(3, 3, 1, 1)), source="seen", delay=1),
        ),
    ),
}
"""Layers of each kind, and what feeds them, on 2 channels of 5x4 spikes."""


def floats(*layers: Any) -> FloatNetwork:
    """A network of ``layers`` and one more that integrates."""
    *_, shape = graph.shapes(layers, graph.edges(layers), (2, 5, 4))
    last = float_dense_layer("last", RNG.normal(size=(2, *shape)), np.zeros(2), FloatIntegrator(1.0))
    return FloatNetwork("kinds", (2, 5, 4), (*layers, last), timesteps=3, encoding="uniform")


def integers(network: FloatNetwork) -> spec.Network:
    return quantize(network, timesteps=3, encoding="uniform", bits=4)[0]


def folding(network: spec.Network) -> Folding:
    layers = {
        layer.name: LayerFold(1, min(2, layer.out_channels), 1 if layer.recurrent else min(2, network.timesteps))
        for _, layer in network.populations()
    }
    depths = {layer.name: 2 for layer in network.layers}
    return Folding(layers, depths, dict.fromkeys(column_queues(network), 2), dict.fromkeys(edge_queues(network), 64))


def in_model_files(network: spec.Network) -> None:
    assert integer_file.model_hash(integer_file.restore(*integer_file.describe(network))) == integer_file.model_hash(
        network
    )


def weight_order(network: spec.Network) -> None:
    for _, layer in network.populations():
        for projection, parameters in zip(layer.projections, folded_parameters(layer, LayerFold(1, 2)), strict=True):
            assert np.abs(parameters.weights).sum() == np.abs(projection.gained).sum()


def costs(network: spec.Network) -> None:
    for index, edges in enumerate(network.edges):
        layer_cost(network, index, LayerFold(1, 1), (1,) * len(edges), DEVICE)


def in_pytorch(network: spec.Network) -> None:
    images = random_images(network, 3, 0)
    assert np.array_equal(TorchNetwork(network).scores(images, 2), reference.run(network, images).scores)


LAYER_CONCERNS: dict[str, Callable[[spec.Network], object]] = {
    "model files": in_model_files,
    "the reference": lambda network: reference.run(network, random_images(network, 2, 0), trace=True),
    "activity": lambda network: measure(network, random_images(network, 2, 0)),
    "the order of the weights": weight_order,
    "the hardware": lambda network: Pipeline(network, folding(network)).elaborate(None),
    "cycles": lambda network: simulate(network, folding(network)),
    "the cost": costs,
    "folds": lambda network: FoldingSearch(network, DEVICE).smallest(),
    "the network in PyTorch": in_pytorch,
    "the manifest": lambda network: manifest(network, folding(network), simulate(network, folding(network))),
    "hwsnn inspect": _describe,
}
"""What each part does with a network in integers."""


def in_float_files(network: FloatNetwork) -> None:
    assert_same(float_file.restore(*float_file.describe(network)), network)


def quantized(network: FloatNetwork) -> None:
    assert [layer.kind for layer in integers(network).layers] == [layer.kind for layer in network.layers]


FLOAT_CONCERNS: dict[str, Callable[[FloatNetwork], object]] = {
    "float files": in_float_files,
    "the quantizer": quantized,
    "NIR nodes": writer.to_graph,
}


@pytest.mark.parametrize("kind", spec.KINDS)
def test_a_layer_of_every_kind_is_tried_here(kind: str) -> None:
    assert any(layer.kind == kind for layers in LAYERS.values() for layer in layers)
    assert kind in FLOAT_KINDS
    assert any(layer.kind == kind for seed in range(30) for layer in random_graph(seed).layers)


@pytest.mark.parametrize("concern", LAYER_CONCERNS)
@pytest.mark.parametrize("layer", LAYERS)
def test_every_part_knows_every_kind_of_layer(layer: str, concern: str) -> None:
    LAYER_CONCERNS[concern](integers(floats(*LAYERS[layer])))


@pytest.mark.parametrize("concern", FLOAT_CONCERNS)
@pytest.mark.parametrize("layer", LAYERS)
def test_every_part_knows_every_kind_of_float_layer(layer: str, concern: str) -> None:
    FLOAT_CONCERNS[concern](floats(*LAYERS[layer]))


@pytest.mark.parametrize("layer", sorted(LAYERS.keys() - {"recurrent dense"}))
def test_every_kind_comes_back_from_nir(layer: str, tmp_path: Path) -> None:
    """But for a recurrent dense projection, which comes back as the 1x1 convolution that it is."""
    network = floats(*LAYERS[layer])
    writer.write(network, tmp_path / "net.nir")
    assert_same(reader.read(tmp_path / "net.nir"), network)


@dataclass(frozen=True, eq=False)
class Strange(spec.Convolution, spec.IntegerProjection):
    """A kind that nobody has heard of, though it could pass for a convolution."""

    kind: ClassVar[str] = "strange"


class StrangeLeak:
    """A leak that nobody has heard of, though it leaks like another."""

    kind: ClassVar[str] = "strange"

    def __getattr__(self, name: str) -> Any:
        return getattr(spec.ShiftLeak(1), name)


@pytest.mark.parametrize("concern", sorted(LAYER_CONCERNS.keys() - {"hwsnn inspect"}))
def test_no_part_takes_a_new_kind_of_layer_for_another(concern: str) -> None:
    conv = integers(floats(*LAYERS["conv"]))
    first = conv.layers[0]
    assert isinstance(first, spec.Population)
    one = first.projection
    strange: Any = Strange(one.name, one.weight, one.weight_bits, **one.settings)
    with pytest.raises((TypeError, ValueError), match=r"Strange|'strange'"):
        LAYER_CONCERNS[concern](replace(conv, layers=(replace(first, projections=(strange,)), conv.layers[1])))


NETWORKS: dict[str, spec.Network] = (
    {
        " ".join(["neuron", str(wishes)]): random_network(SEED, wishes)
        for wishes in (Wishes(*kind, encoding="uniform", pool=False) for kind in KINDS)
    }
    | {
        " ".join(["leak", leak]): random_network(SEED, Wishes(leak=leak, encoding="uniform", pool=False))
        for leak in spec.LEAKS
    }
    | {
        " ".join(["readout", readout]): random_network(SEED, Wishes(readout=readout, encoding="uniform", pool=False))
        for readout in get_args(spec.Readout)
    }
    | {
        "pool of currents": random_network(SEED, Wishes(encoding="uniform", pool=True)),
        "padding values": random_network(SEED, Wishes(encoding="direct", padding_values=True)),
        "gain and fraction bits": random_network(SEED, Wishes(encoding="uniform", gain=True, fraction_bits=True)),
        "initial membrane and lower bound": random_network(SEED, Wishes(encoding="uniform", initial=True, floor=True)),
        "weights of one bit": random_network(SEED, Wishes(encoding="uniform", weight_bits=1)),
    }
)
"""Networks of every kind of neuron, leak and readout, and of everything else that a population may have."""


@pytest.mark.parametrize("concern", LAYER_CONCERNS)
@pytest.mark.parametrize("network", NETWORKS)
def test_every_part_knows_every_neuron(network: str, concern: str) -> None:
    LAYER_CONCERNS[concern](NETWORKS[network])


def float_neurons() -> dict[str, FloatNeuron | FloatIntegrator]:
    """Every kind of neuron in floats, of three channels, and what else it may have."""

    def of(kind: Kind) -> FloatNeuron | FloatIntegrator:
        spiking, synaptic, reset = kind
        alpha = 0.5 if synaptic else None
        if reset is None:
            return FloatIntegrator(0.75, alpha)
        several = 3 if spiking == "several" else 1
        return FloatNeuron(THRESHOLD, 0.75, "greater", reset, alpha, spikes=several, once=spiking == "once")

    usual = neuron(3)
    return {" ".join(map(str, kind)): of(kind) for kind in KINDS} | {
        "leak per channel": replace(usual, beta=np.array([0.0, 0.5, 1.0])),
        "initial membrane": replace(usual, initial=THRESHOLD / 2),
        "lower bound": replace(usual, floor=-THRESHOLD),
    }


THRESHOLD = np.full(3, 1.5)
FLOAT_NEURONS = float_neurons()


def with_float_neuron(name: str) -> FloatNetwork:
    """A network of such neurons; an integrator is the last layer."""
    cell = FLOAT_NEURONS[name]
    if cell.fires:
        return floats(float_dense_layer("seen", RNG.normal(size=(3, 2, 5, 4)), np.zeros(3), cell))
    last = float_dense_layer("last", RNG.normal(size=(3, 2, 5, 4)), np.zeros(3), cell)
    return FloatNetwork("kinds", (2, 5, 4), (last,), timesteps=3, encoding="uniform")


@pytest.mark.parametrize("concern", FLOAT_CONCERNS)
@pytest.mark.parametrize("name", FLOAT_NEURONS)
def test_every_part_knows_every_float_neuron(name: str, concern: str) -> None:
    FLOAT_CONCERNS[concern](with_float_neuron(name))


@pytest.mark.parametrize("name", FLOAT_NEURONS)
def test_every_neuron_comes_back_from_nir(name: str, tmp_path: Path) -> None:
    network = with_float_neuron(name)
    writer.write(network, tmp_path / "net.nir")
    assert_same(reader.read(tmp_path / "net.nir"), network)


HEEDING: dict[str, tuple[str, ...]] = {
    "reset": ("model files", "the reference", "activity", "the hardware", "cycles", "the network in PyTorch"),
    "leak": ("model files", "the reference", "activity", "the hardware", "cycles", "the network in PyTorch"),
    "readout": ("model files", "the reference", "activity", "the network in PyTorch"),
}
"""The parts to which each matters."""


@pytest.mark.parametrize(("what", "concern"), [(what, concern) for what in HEEDING for concern in HEEDING[what]])
def test_no_part_takes_a_new_neuron_or_readout_for_another(what: str, concern: str) -> None:
    network = replace(integers(floats(*LAYERS["conv"])), readout="max")
    neuron = network.population(0).neuron
    if what == "readout":
        object.__setattr__(network, "readout", "strange")
    else:
        object.__setattr__(neuron, what, StrangeLeak() if what == "leak" else "strange")
    with pytest.raises((TypeError, ValueError), match=r"Strange|strange"):
        LAYER_CONCERNS[concern](network)


ENCODER_CONCERNS: dict[str, Callable[[spec.Network], object]] = {
    "the reference": lambda network: reference.encode(network, random_images(network, 2, 0)),
    "the hardware": lambda network: Pipeline(network, folding(network)).elaborate(None),
    "cycles": lambda network: simulate(network, folding(network)),
    "training": lambda network: encode(torch.zeros(1, *network.frame_shape), network.encoder.kind, 3),
}


def encoded(kind: spec.EncoderKind) -> spec.Network:
    return replace(integers(floats(*LAYERS["conv"])), encoder=spec.Encoder(kind))


@pytest.mark.parametrize("concern", ENCODER_CONCERNS)
@pytest.mark.parametrize("kind", get_args(spec.EncoderKind))
def test_every_part_knows_every_encoder(kind: spec.EncoderKind, concern: str) -> None:
    ENCODER_CONCERNS[concern](encoded(kind))


@pytest.mark.parametrize("concern", sorted(ENCODER_CONCERNS.keys() - {"cycles"}))
def test_no_part_takes_a_new_encoder_for_another(concern: str) -> None:
    network = encoded("uniform")
    object.__setattr__(network.encoder, "kind", "strange")
    with pytest.raises(TypeError, match="'strange'"):
        ENCODER_CONCERNS[concern](network)
