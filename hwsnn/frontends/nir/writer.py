"""Float networks as NIR files, for other tools and for ``hwsnn.frontends.nir.reader``, which reads them back.

Time constants are such that explicit Euler steps of ``DEFAULT_DT`` seconds are the steps of the network. What NIR
cannot express goes into the metadata of the nodes (``hwsnn.frontends.nir.conventions``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import make_dataclass
from functools import cache, singledispatch
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hwsnn.errors import InputError
from hwsnn.files.atomic import written_whole
from hwsnn.float_network import (
    AnyFloatNeuron,
    Decay,
    FloatArray,
    FloatConv,
    FloatDense,
    FloatNetwork,
    FloatNeuron,
    FloatPopulation,
)
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
    metadata = {
        said.NAME: network.name,
        said.TIMESTEPS: network.timesteps,
        said.ENCODING: network.encoding,
        said.READOUT: network.readout,
        said.MEAN: network.mean,
        said.STD: network.std,
        said.INPUT_SCALE: network.input_scale,
    }
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
            return {layer.name: weights} | _current_pool(layer) | _neurons(layer, after)
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


def _current_pool(layer: FloatPopulation) -> dict[str, nir.NIRNode]:
    """The largest current of a window. NIR has no such node, and no other that would not mislead its readers."""
    if layer.pool is None:
        return {}
    size, stride, padding = (np.array(pair) for pair in layer.pool)
    return {f"{layer.name}_{said.MAX_POOL}": _max_pool_type()(size, stride, padding)}


@cache
def _max_pool_type() -> type[nir.NIRNode]:
    import nir

    fields = ("kernel_size", "stride", "padding")
    ports = {"input_type": {"input": None}, "output_type": {"output": None}}

    def set_ports(node: Any) -> None:
        vars(node).update(ports)

    bases, body = (nir.NIRNode,), {"__post_init__": set_ports}
    return make_dataclass(said.MAX_POOL, [(name, np.ndarray) for name in fields], bases=bases, namespace=body, eq=False)


def _neurons(layer: FloatPopulation, shape: tuple[int, ...]) -> dict[str, nir.NIRNode]:
    node = _neuron_node(layer.neuron, shape)
    return {f"{layer.name}_{type(node).__name__}": node}  # a layer's own name has no capitals


def _neuron_node(neuron: AnyFloatNeuron, shape: tuple[int, ...]) -> nir.NIRNode:
    """Neurons of ``shape``, channels first: gains times rates are 1, and a step is s = alpha s + I, v = beta v + s."""
    import nir

    def spread(values: FloatArray) -> FloatArray:
        return np.array(np.broadcast_to(values.reshape(-1, *[1] * (len(shape) - 1)), shape))

    leaks = neuron.alpha is not None or isinstance(neuron.beta, np.ndarray) or neuron.beta < 1
    values: dict[str, Any] = {"r": np.ones(shape)}
    metadata: dict[str, Any] = {said.INITIAL: neuron.initial, said.FLOOR: neuron.floor}
    if leaks:
        tau, r = _constants(neuron.beta, spread)
        values = {"tau": tau, "r": r, "v_leak": np.zeros(shape)}
        metadata[said.BETA] = neuron.beta
    if neuron.alpha is not None:
        tau_syn, w_in = _constants(neuron.alpha, spread)
        values = {"tau_mem": values.pop("tau"), "tau_syn": tau_syn, "w_in": w_in} | values
        metadata[said.ALPHA] = neuron.alpha
    kinds: tuple[type[nir.NIRNode], ...] = (nir.I, nir.LI, nir.CubaLI)
    if isinstance(neuron, FloatNeuron):
        kinds = (nir.IF, nir.LIF, nir.CubaLIF)
        values |= {"v_threshold": spread(neuron.threshold), "v_reset": np.zeros(shape)}
        metadata |= {said.RESET: neuron.reset, said.COMPARE: neuron.compare}
        metadata |= {said.SPIKES: neuron.spikes} if neuron.spikes > 1 else {}
        metadata |= {said.ONCE: 1} if neuron.once else {}
    kind = kinds[2 if neuron.alpha is not None else 1 if leaks else 0]
    return kind(**values, metadata={key: value for key, value in metadata.items() if value is not None})


def _constants(decay: Decay, spread: Callable[[FloatArray], FloatArray]) -> tuple[FloatArray, FloatArray]:
    """The time constant and the gain for a decay per step; both infinite where there is none."""
    rate = np.atleast_1d(1 - np.asarray(decay, np.float64))
    with np.errstate(divide="ignore"):
        return spread(DEFAULT_DT / rate), spread(1 / rate)
