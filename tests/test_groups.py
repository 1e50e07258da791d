"""Convolutions in groups: what they mean, and that they stay groups from a NIR file to the model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch.nn import functional

from hwsnn import reference, spec
from hwsnn.cli import cli
from hwsnn.data import random_images
from hwsnn.float_network import FloatPopulation
from hwsnn.frontends.nir import writer
from hwsnn.frontends.nir.reader import read
from hwsnn.model_file import float_file, integer_file
from hwsnn.quantization.quantize import quantize
from hwsnn.quantization.scales import layer_scales
from hwsnn.reference.synapses import Synapses
from tests.frontends.nir import nir_graphs, nir_oracle
from tests.support.against_oracle import expect_equal
from tests.support.grouped_networks import grouped, grouped_model
from tests.support.layers import conv_layer, dense_layer, with_weights
from tests.support.trained_networks import assert_same


def convolution(network: Any, index: int) -> Any:
    layer = network.layers[index]
    assert isinstance(layer, spec.Population | FloatPopulation)
    return layer


def ungrouped(layer: spec.Population) -> spec.Population:
    """The same layer with a weight of zero for every input of another group."""
    inputs = layer.projection.weight.shape[1]
    outputs = layer.out_channels * inputs // layer.projection.in_channels
    weight = np.zeros((layer.out_channels, layer.projection.in_channels, *layer.projection.kernel), np.int64)
    for o in range(layer.out_channels):
        first = o // outputs * inputs
        weight[o, first : first + inputs] = layer.projection.weight[o]
    return with_weights(layer, weight, groups=1)


@pytest.mark.parametrize("encoding", ["direct", "poisson"])
def test_reference_is_the_oracle(encoding: spec.EncoderKind) -> None:
    network = grouped_model(encoding)
    assert [layer.projection.groups for layer in network.layers[:2]] == [2, 6]  # type: ignore[union-attr]
    images = random_images(network, 4, 1)
    result = reference.run(network, images, trace=True)
    expect_equal(network, images, result)
    assert all(0.05 < spikes.mean() < 0.95 for spikes in result.spikes.values())


def test_zeros_between_the_groups_change_nothing() -> None:
    network = grouped_model()
    full = replace(network, layers=tuple(ungrouped(convolution(network, i)) for i in (0, 1)) + network.layers[2:])
    images = random_images(network, 20, 2)
    assert np.array_equal(reference.run(network, images).scores, reference.run(full, images).scores)
    assert integer_file.model_hash(network) != integer_file.model_hash(full)
    for index in (0, 1):
        ranges = [convolution(each, index).current_ranges([3]) for each in (network, full)]
        assert ranges[0] == ranges[1]


def test_currents_are_those_of_pytorch() -> None:
    layer = convolution(grouped_model(), 1)
    spikes = np.random.default_rng(0).integers(0, 2, (1, 3, *(6, 6, 4)), np.uint8)
    conv = layer.projection
    assert isinstance(conv, spec.Conv)
    synapses = Synapses(conv, layer.fraction_bits, layer.bias, 1)
    found = synapses(spikes[0].transpose(0, 2, 3, 1), np.float64)
    weight, bias = (torch.tensor(part, dtype=torch.float64) for part in (layer.projection.weight, layer.bias))
    seen = torch.tensor(spikes[0], dtype=torch.float64)
    sums = functional.conv2d(seen, weight, None, conv.stride, conv.padding, groups=conv.groups)
    expected = sums * 2**layer.fraction_bits + bias[:, None, None]
    assert np.array_equal(found.transpose(0, 3, 1, 2), expected.numpy())


def test_counts() -> None:
    parts, depthwise = (convolution(grouped_model(), index).projection for index in (0, 1))
    assert (parts.in_channels, parts.out_channels, parts.synapses, parts.fan_out) == (4, 6, 6 * 2 * 6, 3)
    assert (depthwise.in_channels, depthwise.out_channels, depthwise.synapses, depthwise.fan_out) == (6, 12, 72, 2)


def in_groups(layer: spec.Population, groups: int) -> spec.Population:
    return replace(layer, projections=(replace(layer.projection, groups=groups),))  # type: ignore[arg-type]


@pytest.mark.parametrize("groups", [0, -1, 5, True, 2.0])
def test_groups_that_cannot_be(groups: Any) -> None:
    with pytest.raises(ValueError, match=r"^groups of layer 'parts' must (be an integer from 1|divide its 6 output)"):
        in_groups(convolution(grouped_model(), 0), groups)


def test_inputs_must_be_those_of_all_groups() -> None:
    network = grouped_model()
    three = in_groups(convolution(network, 0), 3)
    with pytest.raises(ValueError, match="layer 'parts' must take the 4 channels before it, not 6"):
        replace(network, layers=(three, *network.layers[1:]))


def test_each_channel_has_its_scale() -> None:
    """That of its own weights: the zeros of a convolution without groups change nothing."""
    layer = convolution(grouped(), 0)
    scales = layer_scales(layer, 5, [255.0], compared=False, leaks=True)
    weight = layer.projection.weight
    padded = np.concatenate([weight, np.zeros_like(weight)], axis=1)
    full = replace(layer, projections=(replace(layer.projection, weight=padded, groups=1),))
    assert np.array_equal(scales.values, layer_scales(full, 5, [255.0], compared=False, leaks=True).values)


def test_files(tmp_path: Path) -> None:
    network = grouped()
    float_file.save(network, tmp_path / "float.safetensors")
    assert_same(float_file.load(tmp_path / "float.safetensors"), network)
    integers = grouped_model()
    integer_file.save(integers, tmp_path / "model.safetensors")
    assert integer_file.model_hash(integer_file.load(tmp_path / "model.safetensors")) == integer_file.model_hash(
        integers
    )


def test_without_groups_a_file_says_nothing_of_them() -> None:
    """So that models of before keep their hashes."""
    graph, tensors = integer_file.describe(grouped_model())
    assert [entry["projections"][0].get("groups") for entry in graph["layers"]] == [2, 6, None]
    layers = [ungrouped(convolution(grouped_model(), 0)), *grouped_model().layers[1:]]
    graph, tensors = integer_file.describe(replace(grouped_model(), layers=tuple(layers)))
    assert [entry["projections"][0].get("groups") for entry in graph["layers"]] == [None, 6, None]
    assert convolution(integer_file.restore(graph, tensors), 0).projection.groups == 1


@pytest.mark.parametrize("groups", [3, 0, "two", None, [2]])
def test_a_file_with_other_groups(groups: object) -> None:
    graph, tensors = integer_file.describe(grouped_model())
    graph["layers"][0]["projections"][0]["groups"] = groups
    with pytest.raises(ValueError, match="layer 'parts'"):
        integer_file.restore(graph, tensors)


def test_it_is_the_same_from_nir(tmp_path: Path) -> None:
    network = grouped()
    writer.write(network, tmp_path / "net.nir")
    graph = nir.read(tmp_path / "net.nir", type_check=False)
    assert (graph.nodes["parts"].groups, graph.nodes["depthwise"].groups) == (2, 6)
    assert_same(read(tmp_path / "net.nir"), network)
    inputs = np.random.default_rng(3).random((4, 4, 6, 5))
    expected = nir_oracle.simulate_trained(network, inputs)
    assert 0.05 < expected["depthwise"].mean() < 0.95
    (one, _), (other, _) = (
        quantize(each, timesteps=4, encoding="uniform") for each in (network, read(tmp_path / "net.nir"))
    )
    assert integer_file.model_hash(one) == integer_file.model_hash(other)


def test_what_is_folded_keeps_the_groups_that_it_can(tmp_path: Path) -> None:
    """A pool sees each channel by itself, a scale too; a convolution of 2 groups before one of 4 has 2 of both."""
    rng = np.random.default_rng(4)

    def split(outputs: int, inputs: int, groups: int) -> nir.Conv2d:
        return nir_graphs.conv(rng, outputs, inputs, (1, 1), groups=groups)

    fire, scale = nir_graphs.integrate_and_fire(), nir.Scale(nir_graphs.per_channel(*range(1, 9)))
    chain = [split(4, 4, 2), split(8, 4, 4), fire, nir_graphs.avg_pool(), split(8, 8, 4), scale, fire]
    chain += [nir_graphs.avg_pool(), fire]
    layers = read(nir_graphs.write(tmp_path, nir_graphs.graph(*chain, shape=(4, 8, 8)))).layers
    assert [layer.projection.groups for layer in layers] == [2, 4, 8]  # type: ignore[union-attr]


def test_one_that_does_not_fit_is_refused_in_a_line(tmp_path: Path) -> None:
    neuron = spec.Integrator(spec.NoLeak(), 16)
    rng = np.random.default_rng(0)
    fires = spec.Neuron(np.full(512, 9), spec.NoLeak(), "zero", 16)
    deep = conv_layer("deep", rng.integers(-7, 8, (512, 64, 3, 3)), np.zeros(512, int), 4, fires, (1, 1), (1, 1), 8)
    last = dense_layer("last", rng.integers(-7, 8, (2, 512, 4, 4)), np.zeros(2, int), 4, neuron)
    network = spec.Network("wide", (512, 4, 4), 8, spec.Encoder("uniform"), 4, (deep, last), "membrane")
    integer_file.save(network, tmp_path / "wide.safetensors")
    arguments = ["generate", str(tmp_path / "wide.safetensors"), "-o", str(tmp_path / "out"), "--device", "lfe5u-25"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr


def test_the_bound_on_weights_counts_those_that_there_are() -> None:
    neuron = spec.Neuron(np.ones(4096, int), spec.NoLeak(), "zero", 16)
    wide = conv_layer("wide", np.ones((4096, 1, 2, 2), int), np.zeros(4096, int), 2, neuron, groups=4096)
    last = dense_layer("last", np.ones((2, 4096, 1, 1), int), np.zeros(2, int), 2, spec.Integrator(spec.NoLeak(), 32))
    network = spec.Network("wide", (4096, 2, 2), 1, spec.Encoder("uniform"), 1, (wide, last), "membrane")
    assert sum(layer.projection.synapses for _, layer in network.populations()) == 4 * 4096 + 2 * 4096
    assert convolution(integer_file.restore(*integer_file.describe(network)), 0).projection.groups == 4096
    with pytest.raises(ValueError, match="the weights must be at most 16,777,216, not 67,117,056"):
        integer_file.restore(*integer_file.describe(replace(network, layers=(ungrouped(wide), last))))
