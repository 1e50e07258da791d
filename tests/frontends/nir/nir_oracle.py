"""NIR graphs and trained networks simulated by their equations in float64, one step and one window after the other.

Deliberately slow and plain: nothing here comes from the code under test.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import nir
import numpy as np
import numpy.typing as npt

from hwsnn.float_network import Compare, FloatNetwork, FloatPopulation
from hwsnn.spec import Reset
from tests.frontends.nir.nir_graphs import MaxPool2d
from tests.support import float_simulation

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Firing:
    """What NIR cannot say of neurons: whether they fire at the threshold too, and the reset they were trained with."""

    compare: Compare = "greater"
    reset: Reset = "zero"

    def fires(self, v: Array, threshold: Any) -> npt.NDArray[np.bool_]:
        """Which membranes fire."""
        return np.asarray(v > threshold if self.compare == "greater" else v >= threshold)

    def after(self, v: Array, threshold: Any, v_reset: Any) -> Array:
        """The membranes behind the reset, were all of them to fire."""
        return np.asarray({"zero": v_reset + 0 * v, "subtract": v - threshold, "none": v}[self.reset])


AS_NIR_SAYS = Firing()


def pair(value: Any) -> tuple[int, int]:
    """One integer or two as two."""
    numbers = [int(number) for number in np.ravel(value)]
    return numbers[0], numbers[-1]


def windows(x: Array, size: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> Array:
    """Every window of x (channels, height, width), as (rows, columns, channels, window height, window width)."""
    padded = np.pad(x, ((0, 0), (padding[0],) * 2, (padding[1],) * 2))
    rows = range(0, padded.shape[1] - size[0] + 1, stride[0])
    columns = range(0, padded.shape[2] - size[1] + 1, stride[1])
    return np.array([[padded[:, y : y + size[0], x : x + size[1]] for x in columns] for y in rows])


def convolution(
    x: Array, weight: Array, bias: Array, stride: tuple[int, int], padding: tuple[int, int], groups: int = 1
) -> Array:
    """A cross-correlation with zeros around the image."""
    seen = windows(x, weight.shape[2:], stride, padding)
    return grouped_sums(seen, weight, groups) + np.asarray(bias, dtype=np.float64)[:, None, None]


def grouped_sums(seen: Array, weight: Array, groups: int) -> Array:
    """Each group of outputs from its own channels of the windows (rows, columns, channels, height, width)."""
    outputs, inputs = len(weight) // groups, weight.shape[1]
    parts = []
    for group in range(groups):
        channels, its = slice(group * inputs, (group + 1) * inputs), weight[group * outputs : (group + 1) * outputs]
        parts.append(np.einsum("yxcij,ocij->oyx", seen[:, :, channels], its))
    return np.concatenate(parts)


def node_output(node: Any, x: Array) -> Array:
    """What a node without state makes of one step's input."""
    if isinstance(node, nir.Conv2d):
        return grouped_convolution(node, x)
    if isinstance(node, nir.Conv1d):
        return np.array([row_value(node, x, channel) for channel in range(len(node.weight))])
    if isinstance(node, nir.SumPool2d):
        size, stride, padding = pair(node.kernel_size), pair(node.stride), pair(node.padding)
        return np.asarray(np.einsum("yxcij->cyx", windows(x, size, stride, padding)), dtype=np.float64)
    if isinstance(node, nir.AvgPool2d):
        size, stride, padding = pair(node.kernel_size), pair(node.stride), pair(node.padding)
        return np.asarray(windows(x, size, stride, padding).mean(axis=(3, 4)).transpose(2, 0, 1), dtype=np.float64)
    if isinstance(node, MaxPool2d):
        return np.asarray(
            windows(x, pair(node.kernel_size), pair(node.stride), (0, 0)).max(axis=(3, 4)).transpose(2, 0, 1)
        )
    if isinstance(node, nir.Flatten):
        return x.reshape(-1)
    if isinstance(node, nir.Linear):
        return np.array(node.weight @ x)
    if isinstance(node, nir.Affine):
        return np.array(node.weight @ x + node.bias)
    if isinstance(node, nir.Scale):
        return np.array(node.scale * x)
    if isinstance(node, nir.Threshold):
        return np.array(x > node.threshold, dtype=np.float64)
    assert isinstance(node, nir.Input | nir.Output)
    return x


def row_value(node: nir.Conv1d, x: Array, channel: int) -> Array:
    """The output channel of a convolution of rows (channels, length), one position after the other."""
    weight, stride, dilation = node.weight[channel], int(node.stride), int(node.dilation)
    inputs, span = weight.shape[0], (weight.shape[1] - 1) * dilation
    first = channel // (len(node.weight) // int(node.groups)) * inputs
    if isinstance(node.padding, str):
        left, right = (span // 2, span - span // 2) if node.padding == "same" else (0, 0)
    else:
        left = right = int(node.padding)
    padded = np.pad(x[first : first + inputs], ((0, 0), (left, right)))
    starts = range(0, padded.shape[1] - span, stride)
    values = [(padded[:, start : start + span + 1 : dilation] * weight).sum() for start in starts]
    return np.asarray(np.array(values) + node.bias[channel], dtype=np.float64)


def grouped_convolution(node: nir.Conv2d, x: Array) -> Array:
    """A Conv2d node, its groups and its dilation spelled out."""
    (height, width), (dy, dx) = node.weight.shape[2:], pair(node.dilation)
    named = node.padding if isinstance(node.padding, str) else None
    if named == "same":  # as much above as below, one more below where it is odd; likewise across
        total = (height - 1) * dy, (width - 1) * dx
        x = np.pad(x, ((0, 0), *((all_of_it // 2, all_of_it - all_of_it // 2) for all_of_it in total)))
        padding = (0, 0)
    else:
        padding = (0, 0) if named else pair(node.padding)
    spread = ((height - 1) * dy + 1, (width - 1) * dx + 1)
    seen = windows(x, spread, pair(node.stride), padding)[..., ::dy, ::dx]
    sums = grouped_sums(seen, node.weight, int(node.groups))
    return np.asarray(sums + np.asarray(node.bias)[:, None, None], dtype=np.float64)


def step(node: Any, state: dict[str, Array], x: Array, dt: float, firing: Firing) -> Array:
    """One Euler step of a node with state: its spikes, or its membranes where it never fires. They start at v_reset."""
    v = state.get("v", np.broadcast_to(getattr(node, "v_reset", 0.0), x.shape))
    if isinstance(node, nir.IF | nir.I):
        v = v + node.r * x
    elif isinstance(node, nir.CubaLIF | nir.CubaLI):
        current = state.get("current", np.zeros(x.shape))
        current = current + dt / node.tau_syn * (-current + node.w_in * x)
        v = v + dt / node.tau_mem * (node.v_leak - v + node.r * current)
        state["current"] = current
    else:
        v = v + dt / node.tau * (node.v_leak - v + node.r * x)
    if isinstance(node, nir.I | nir.LI | nir.CubaLI):
        state["v"] = v
        return np.asarray(v, dtype=np.float64)
    fired = firing.fires(v, node.v_threshold)
    state["v"] = np.where(fired, firing.after(v, node.v_threshold, node.v_reset), v)
    return np.asarray(fired, dtype=np.float64)


STATEFUL = nir.IF | nir.LIF | nir.CubaLIF | nir.I | nir.LI | nir.CubaLI


def simulate(graph: nir.NIRGraph, inputs: Array, dt: float, firing: Firing = AS_NIR_SAYS) -> dict[str, Array]:
    """Outputs of every node at every step, (T, ...), for inputs (T, ...); those of nested graphs as ``outer.inner``."""
    simulation = _Simulation(graph, dt, firing)
    steps = [simulation.step(x) for x in inputs]
    return {name: np.array([step[name] for step in steps]) for name in steps[0]}


class _Simulation:
    """Asks each node for what it gives, and it asks those before it. Who is asked while it asks gives its last spikes.

    So what leads from neurons back to themselves takes a step.
    """

    def __init__(self, graph: nir.NIRGraph, dt: float, firing: Firing) -> None:
        self._graph, self._dt, self._firing = graph, dt, firing
        self._states: dict[str, dict[str, Array]] = {}
        self._before: dict[str, Array] = {}
        self._now: dict[str, Array] = {}
        self._asking: set[str] = set()
        self._x = np.zeros(0)

    def step(self, x: Array) -> dict[str, Array]:
        """What each node gives for the input ``x``."""
        self._now, self._x = {}, x
        for name, node in self._graph.nodes.items():
            if isinstance(node, nir.Output):
                self._value(((self._graph, ""),), name)
        self._before = self._now
        return self._now

    def _value(self, graphs: tuple[tuple[nir.NIRGraph, str], ...], name: str) -> Array:
        """What node ``name`` of the last of ``graphs``, each within the one before, gives at this step."""
        graph, prefix = graphs[-1]
        key, node = prefix + name, graph.nodes[name]
        if isinstance(node, nir.NIRGraph):
            (output,) = (inner for inner, one in node.nodes.items() if isinstance(one, nir.Output))
            return self._value((*graphs, (node, f"{key}.")), output)
        if key in self._now:
            return self._now[key]
        if key in self._asking:
            shape = np.shape(node.v_threshold) if isinstance(node, STATEFUL) else node.output_type["output"]
            return self._before.get(key, np.zeros(shape))
        self._asking.add(key)
        x = self._taken(graphs, name)
        stateful = isinstance(node, STATEFUL)
        given = (
            step(node, self._states.setdefault(key, {}), x, self._dt, self._firing)
            if stateful
            else node_output(node, x)
        )
        self._asking.remove(key)
        self._now[key] = given
        return given

    def _taken(self, graphs: tuple[tuple[nir.NIRGraph, str], ...], name: str) -> Array:
        """The sum of what leads to it; of a nested Input, of what leads to its graph."""
        (graph, prefix), outer = graphs[-1], graphs[:-1]
        if isinstance(graph.nodes[name], nir.Input):
            if not outer:
                return self._x
            return self._taken(outer, prefix[len(outer[-1][1]) : -1])
        taken = [self._value(graphs, source) for source, target in graph.edges if target == name]
        return np.asarray(sum(taken[1:], taken[0]))


def random_graph(rng: np.random.Generator, dt: float) -> nir.NIRGraph:
    """A random chain that 8 bits hold exactly, whose membranes now and then lie on the threshold.

    Weights, biases and thresholds are small integers times a unit of the channel's; where neurons leak, by a half, few
    enough bits are taken for five halvings.
    """
    shape = (int(rng.integers(1, 3)), int(rng.integers(2, 6)), int(rng.integers(2, 6)))
    nodes: dict[str, Any] = {"input": nir.Input(np.array(shape))}
    for index in range(int(rng.integers(0, 3))):
        channels, (height, width) = int(rng.integers(1, 4)), (int(rng.integers(1, extent + 1)) for extent in shape[1:])
        unit, largest, neurons = _random_neurons(rng, channels, dt, (1, 1))
        weight = rng.integers(-largest, largest + 1, (channels, shape[0], height, width))
        bias = rng.integers(-3, 4, channels) * int(rng.integers(0, 2))
        weight[:, 0, 0, 0] = largest  # no channel without weights
        nodes[f"conv_{index}"] = nir.Conv2d(None, weight * unit[..., None], 1, 0, 1, 1, bias * unit.ravel())
        nodes[f"neurons_{index}"] = neurons
        shape = (channels, shape[1] - height + 1, shape[2] - width + 1)
    classes = int(rng.integers(1, 5))
    unit, largest, neurons = _random_neurons(rng, classes, dt, ())
    weight = rng.integers(-largest, largest + 1, (classes, int(np.prod(shape))))
    weight[:, 0] = largest
    nodes |= {
        "flatten": nir.Flatten({"input": None}, 0, -1),
        "last": nir.Linear(weight * unit[:, None]),
        "classes": neurons,
    }
    nodes["output"] = nir.Output(None)
    return nir.NIRGraph(nodes, list(pairwise(nodes)), type_check=False)


def _random_neurons(
    rng: np.random.Generator, channels: int, dt: float, ones: tuple[int, ...]
) -> tuple[Array, int, nir.IF | nir.LIF]:
    """The unit of each channel, the largest weight before them in units, and neurons of ``channels`` channels."""
    leaks = bool(rng.integers(2))
    unit = 2.0 ** (rng.integers(-6, 3) + rng.integers(0, 3, (channels, *ones)))
    largest = int(rng.choice([1, 2, 3] if leaks else [1, 2, 3, 10, 90, 127]))
    one = np.ones((channels, *ones))
    threshold = unit * rng.integers(1, 3 * largest + 2, one.shape)
    if leaks:
        return unit, largest, nir.LIF(2 * dt * one, 2 * one, 0 * one, threshold, 0 * one)
    return unit, largest, nir.IF(one, threshold, 0 * one)


def simulate_trained(network: FloatNetwork, inputs: Array) -> dict[str, Array]:
    """Spikes, or membranes of an integrator, of every layer at every step, for inputs (T, channels, height, width)."""
    found = float_simulation.simulate(network, inputs[np.newaxis])
    silent = [one.name for one in network.layers if isinstance(one, FloatPopulation) and not one.neuron.fires]
    return {name: (found.membranes if name in silent else found.spikes)[name][0] for name in found.spikes}
