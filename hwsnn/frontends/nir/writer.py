"""Float networks as NIR files, for other tools and for ``hwsnn.frontends.nir.reader``, which reads them back.

Time constants are such that explicit Euler steps of ``DEFAULT_DT`` seconds are the steps of the network. What NIR
cannot express goes into the metadata of the nodes (``hwsnn.frontends.nir.conventions``).
"""

from __future__ import annotations

from functools import singledispatch
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hwsnn.errors import InputError
from hwsnn.files.atomic import written_whole
from hwsnn.float_network import FloatConv, FloatDense, FloatIntegrator, FloatNetwork, FloatNeuron, FloatPopulation
from hwsnn.spec import MaxPool, Shape
from hwsnn.spec.checks import assert_never, unknown_kind

from ..names import layer_name
from . import conventions as said
from .conventions import DEFAULT_DT

if TYPE_CHECKING:
    import nir

ANY_SPIKE = 0.5
"""The threshold behind a sum of spikes: exceeded if there is at least one spike."""


def write(network: FloatNetwork, path: Path) -> None:
    """Write ``network`` to the NIR file ``path``, atomically, in double precision.

    Raises ``InputError`` for a network that NIR cannot express, and ``ValueError`` for layers that do not fit each
    other. Needs the package ``nir``.
    """
    import nir

    graph = to_graph(network)
    with written_whole(path) as partial:
        nir.write(partial, graph)


def to_graph(network: FloatNetwork) -> nir.NIRGraph:
    """``network`` as a chain of NIR nodes; each layer's name is that of its node with weights, or of its pool."""
    import nir

    network.check()
    taken = {layer.name for layer in network.layers}
    metadata = {said.NAME: network.name, said.TIMESTEPS: network.timesteps, said.ENCODING: network.encoding}
    nodes: dict[str, nir.NIRNode] = {
        layer_name("input", "input", taken): nir.Input(
            np.array(network.input_shape),
            metadata={key: value for key, value in metadata.items() if value is not None},
        )
    }
    flat = False
    for layer, before, after in zip(network.layers, network.shapes, network.shapes[1:], strict=False):
        if flat and layer.sliding:
            raise InputError(
                f"layer {layer.name!r}: takes an image, and NIR has no node that makes one of a flat output"
            )
        nodes |= layer_nodes(layer, before, after, flat)
        flat = flat or not layer.sliding
    shape = network.shapes[-1]
    nodes[layer_name("output", "output", taken)] = nir.Output(np.array(shape[:1] if flat else shape))
    # The type check of nir 1.0 takes windows for square and a group's channels for all: it would refuse right graphs.
    return nir.NIRGraph(nodes, list(pairwise(nodes)), type_check=False)


@singledispatch
def layer_nodes(layer: object, before: Shape, after: Shape, flat: bool) -> dict[str, nir.NIRNode]:
    """The nodes of ``layer``, from its input's shape to its output's. ``flat``: its input has no height and width."""
    raise unknown_kind("the NIR nodes", layer)


@layer_nodes.register(FloatPopulation)
def _(layer: FloatPopulation, before: Shape, after: Shape, flat: bool) -> dict[str, nir.NIRNode]:
    import nir

    one = layer.projection
    match one:
        case FloatConv():
            weights = nir.Conv2d(before[1:], one.weight, one.stride, one.padding, 1, one.groups, layer.bias)
            return {layer.name: weights} | _neurons(layer, after)
        case FloatDense():
            flatten = {} if flat else {f"{layer.name}_Flatten": nir.Flatten({"input": np.array(before)}, start_dim=0)}
            affine = nir.Affine(one.weight.reshape(one.out_channels, -1), layer.bias)
            return flatten | {layer.name: affine} | _neurons(layer, after[:1])
        case _:
            raise assert_never(one)


@layer_nodes.register(MaxPool)
def _(layer: MaxPool, before: Shape, after: Shape, flat: bool) -> dict[str, nir.NIRNode]:
    """Any spike of the window. A foreign reader sees the mode ``or`` in place of ``winner``."""
    import nir

    return {
        layer.name: nir.SumPool2d(np.array(layer.size), np.array(layer.stride), np.zeros(2, np.int64)),
        f"{layer.name}_Threshold": nir.Threshold(np.full(after, ANY_SPIKE), metadata={said.POOL: layer.mode}),
    }


def _neurons(layer: FloatPopulation, shape: tuple[int, ...]) -> dict[str, nir.NIRNode]:
    node = _neuron_node(layer.neuron, shape)
    return {f"{layer.name}_{type(node).__name__}": node}  # a layer's own name has no capitals


def _neuron_node(neuron: FloatNeuron | FloatIntegrator, shape: tuple[int, ...]) -> nir.NIRNode:
    """Neurons of ``shape``, channels first: r dt / tau is 1, so that a step is v = beta v + I."""
    import nir

    values: dict[str, Any] = {"r": np.ones(shape)}
    metadata: dict[str, Any] = {}
    if neuron.beta < 1:
        rate = 1 - neuron.beta
        values = {"tau": np.full(shape, DEFAULT_DT / rate), "r": np.full(shape, 1 / rate), "v_leak": np.zeros(shape)}
        metadata = {said.BETA: neuron.beta}
    if isinstance(neuron, FloatIntegrator):
        return (nir.LI if neuron.beta < 1 else nir.I)(**values, metadata=metadata)
    threshold = neuron.threshold.reshape(-1, *[1] * (len(shape) - 1))
    values |= {"v_threshold": np.array(np.broadcast_to(threshold, shape)), "v_reset": np.zeros(shape)}
    metadata |= {said.RESET: neuron.reset, said.COMPARE: neuron.compare}
    return (nir.LIF if neuron.beta < 1 else nir.IF)(**values, metadata=metadata)
