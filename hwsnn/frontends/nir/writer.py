"""Float networks as NIR files, for other tools and for ``hwsnn.frontends.nir.reader``, which reads them back.

Time constants are such that explicit Euler steps of ``DEFAULT_DT`` seconds are the steps of the network. What NIR
cannot express goes into the metadata of the nodes (``hwsnn.frontends.nir.conventions``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, make_dataclass
from functools import cache, singledispatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hwsnn.errors import InputError
from hwsnn.files.atomic import written_whole
from hwsnn.float_network import (
    AnyFloatNeuron,
    AnyFloatProjection,
    Decay,
    FloatArray,
    FloatConv,
    FloatDense,
    FloatNetwork,
    FloatNeuron,
    FloatPopulation,
)
from hwsnn.spec import MaxPool, Shape, Sum, Window
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
    """``network`` as a graph of NIR nodes; each layer's name is that of a node with weights, of its pool or sum."""
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
    edges = list[tuple[str, str]]()
    given = [Given(next(iter(nodes)), network.input_shape, flat=False)]
    for layer, ports, shape in zip(network.layers, network.edges, network.shapes[1:], strict=True):
        sources = [given[edge.source + 1] for edge in ports if not edge.delay]
        if len({source.name for source in sources}) < len(sources) and isinstance(layer, Sum):
            raise InputError(f"layer {layer.name!r}: adds a layer to itself, and NIR has one edge between two nodes")
        part = layer_part(layer, sources, shape)
        nodes |= part.nodes
        edges += part.edges
        given.append(Given(part.last, shape, part.flat))
    last = given[-1]
    output = layer_name("output", "output", taken)
    nodes[output] = nir.Output(np.array(last.shape[:1] if last.flat else last.shape))
    edges.append((last.name, output))
    # The type check of nir 1.0 takes windows for square and a group's channels for all: it would refuse right graphs.
    return nir.NIRGraph(nodes, edges, type_check=False)


class Given(NamedTuple):
    """What a layer takes: the node that gives it, its shape, and whether it has no height and width there."""

    name: str
    shape: Shape
    flat: bool


@dataclass
class Part:
    """The nodes of a layer and the edges that lead to them; ``last``: that which gives the layer's output."""

    flat: bool
    nodes: dict[str, nir.NIRNode] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    last: str = ""

    def add(self, name: str, node: nir.NIRNode, *sources: str) -> str:
        """A node behind ``sources``."""
        self.nodes[name], self.last = node, name
        self.edges += [(source, name) for source in sources]
        return name

    def flattened(self, source: Given, name: str) -> str:
        """The node that gives ``source`` as a vector, of that ``name`` if it is a new one."""
        import nir

        if source.flat:
            return source.name
        return self.add(name, nir.Flatten({"input": np.array(source.shape)}, start_dim=0), source.name)


@singledispatch
def layer_part(layer: object, sources: Sequence[Given], shape: Shape) -> Part:
    """The nodes of ``layer``, whose output is of ``shape``."""
    raise unknown_kind("the NIR nodes", layer)


@layer_part.register(FloatPopulation)
def _(layer: FloatPopulation, sources: Sequence[Given], shape: Shape) -> Part:
    flat = [source.flat or isinstance(one, FloatDense) for one, source in zip(layer.forward, sources, strict=True)]
    part = Part(any(flat))
    its_shape = shape[:1] if part.flat else shape
    weighted = next((i for i, one in enumerate(layer.forward) if not _one_to_one(one)), 0)
    currents = []
    for index, (one, source) in enumerate(zip(layer.forward, sources, strict=True)):
        name = layer.name if index == weighted else f"{layer.name}_Projection{index}"
        current = _projection(part, one, source, name, layer.bias if index == weighted else None)
        if part.flat and not flat[index]:
            current = part.flattened(Given(current, shape, flat=False), f"{name}_Flatten")
        currents.append(current)
    if layer.pool is not None:
        currents = [part.add(f"{layer.name}_{said.MAX_POOL}", _max_pool_node(layer.pool), *currents)]
    neurons = _neuron_node(layer.neuron, its_shape)
    neurons_name = f"{layer.name}_{type(neurons).__name__}"  # a layer's own name has no capitals
    part.add(neurons_name, neurons, *currents)
    for index, one in enumerate(one for one in layer.projections if one.delay):
        back = f"{layer.name}_Recurrent{index}"
        part.add(back, _way_back(one, its_shape), neurons_name)
        part.edges.append((back, neurons_name))
    part.last = neurons_name
    return part


@layer_part.register(MaxPool)
def _(layer: MaxPool, sources: Sequence[Given], shape: Shape) -> Part:
    """Any spike of the window. A foreign reader sees the mode ``or`` in place of ``winner``."""
    import nir

    (source,) = sources
    if source.flat:
        raise _no_image(layer.name)
    part = Part(flat=False)
    part.add(
        layer.name, nir.SumPool2d(np.array(layer.size), np.array(layer.stride), np.zeros(2, np.int64)), source.name
    )
    part.add(
        f"{layer.name}_Threshold",
        nir.Threshold(np.full(shape, ANY_SPIKE), metadata={said.POOL: layer.mode}),
        layer.name,
    )
    return part


@layer_part.register(Sum)
def _(layer: Sum, sources: Sequence[Given], shape: Shape) -> Part:
    """A factor of one, where the edges that lead there add up."""
    import nir

    part = Part(any(source.flat for source in sources))
    names = [source.name for source in sources]
    if part.flat:
        names = [part.flattened(one, f"{layer.name}_Flatten{index}") for index, one in enumerate(sources)]
    part.add(layer.name, nir.Scale(np.ones(shape[:1] if part.flat else shape)), *names)
    return part


def _projection(part: Part, one: AnyFloatProjection, source: Given, name: str, bias: FloatArray | None) -> str:
    """The node of a projection without delay; ``bias``: None where another one has it."""
    import nir

    biases = np.zeros(one.out_channels) if bias is None else bias
    match one:
        case FloatDense():
            taken = part.flattened(source, f"{name}_Flatten")
            return part.add(name, nir.Affine(one.weight.reshape(one.out_channels, -1), biases), taken)
        case FloatConv() if _one_to_one(one) and (bias is None or (source.flat and not bias.any())):
            return part.add(name, _factors(one, source.shape[:1] if source.flat else source.shape), source.name)
        case FloatConv() if not source.flat:
            conv = nir.Conv2d(source.shape[1:], one.weight, one.stride, one.padding, 1, one.groups, biases)
            return part.add(name, conv, source.name)
        case FloatConv() if one.window == Window((1, 1)):
            return part.add(name, nir.Affine(_matrix(one), biases), source.name)
        case FloatConv():
            raise _no_image(one.name)
        case _:
            raise assert_never(one)


def _way_back(one: AnyFloatProjection, shape: tuple[int, ...]) -> nir.NIRNode:
    """The node of a recurrent projection of neurons of ``shape``."""
    import nir

    if _one_to_one(one):
        return _factors(one, shape)
    if len(shape) > 1:
        return nir.Conv2d(shape[1:], one.weight, 1, 0, 1, _groups(one), np.zeros(one.out_channels))
    return nir.Linear(_matrix(one))


def _factors(one: AnyFloatProjection, shape: tuple[int, ...]) -> nir.NIRNode:
    import nir

    return nir.Scale(np.array(np.broadcast_to(one.weight[:, 0, 0, 0].reshape(-1, *[1] * (len(shape) - 1)), shape)))


def _one_to_one(one: AnyFloatProjection) -> bool:
    return one.window == Window((1, 1)) and _groups(one) == one.in_channels == one.out_channels


def _groups(one: AnyFloatProjection) -> int:
    return one.groups if isinstance(one, FloatConv) else 1


def _matrix(one: AnyFloatProjection) -> FloatArray:
    """The weights of a 1x1 window from all input channels: zeros between groups."""
    groups = _groups(one)
    matrix = np.zeros((groups, one.out_channels // groups, groups, one.in_channels // groups))
    part = np.arange(groups)
    matrix[part, :, part] = one.weight.reshape(groups, one.out_channels // groups, -1)
    return matrix.reshape(one.out_channels, one.in_channels)


def _no_image(layer: str) -> InputError:
    return InputError(f"layer {layer!r}: takes an image, and NIR has no node that makes one of a flat output")


def _max_pool_node(pool: Window) -> nir.NIRNode:
    """The largest current of a window. NIR has no such node, and no other that would not mislead its readers."""
    size, stride, padding = map(np.array, (pool.size, pool.stride, pool.padding))
    return _max_pool_type()(size, stride, padding)


@cache
def _max_pool_type() -> type[nir.NIRNode]:
    import nir

    fields = ("kernel_size", "stride", "padding")
    ports = {"input_type": {"input": None}, "output_type": {"output": None}}

    def set_ports(node: Any) -> None:
        vars(node).update(ports)

    bases, body = (nir.NIRNode,), {"__post_init__": set_ports}
    return make_dataclass(said.MAX_POOL, [(name, np.ndarray) for name in fields], bases=bases, namespace=body, eq=False)


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
