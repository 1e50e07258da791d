"""NIR graphs as float networks: continuous time becomes steps of ``dt``, and linear nodes are folded into layers.

``docs/nir.md`` specifies the result of each node. Every node is read strictly by its equations in the NIR paper,
with explicit Euler steps; a node that cannot be built exactly is an ``InputError`` of one line with file and node.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast, get_args

import numpy as np

from hwsnn.errors import InputError
from hwsnn.files.atomic import require_file
from hwsnn.float_network import (
    AnyFloatNeuron,
    Compare,
    FloatArray,
    FloatIntegrator,
    FloatNetwork,
    FloatNeuron,
    FloatPopulation,
)
from hwsnn.spec import (
    MAX_SPIKES,
    MAX_TIMESTEPS,
    EncoderKind,
    PoolMode,
    Readout,
    Reset,
    Sum,
)

from .. import linear
from ..graph import Graph
from ..names import network_name
from ..recurrence import weights_back
from ..terms import Signal, Term
from . import conventions as said
from .conventions import DEFAULT_DT
from .graph_file import FileGraph, Node, read_graph
from .maps import KINDS, linear_map
from .neurons import Dynamics, dynamics
from .place import Place
from .wiring import Loop, wired

SMALLEST, LARGEST = math.ulp(0.0), sys.float_info.max
"""Of positive numbers."""


def read(path: Path, dt: float = DEFAULT_DT) -> FloatNetwork:
    """The trained network in the NIR file ``path``, in steps of ``dt`` seconds. Raises ``InputError`` for others."""
    if not (math.isfinite(dt) and dt > 0):
        raise ValueError(f"dt must be positive and finite, not {dt!r}")
    require_file(path, "NIR file", "give one of nir.write")
    try:
        # Finite weights may overflow when they are folded; the result is checked, so no warning is needed.
        with np.errstate(over="ignore", invalid="ignore"):
            return _Builder(path.stem, dt, read_graph(path)).build()
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


class _Builder:
    """Walks the nodes, and builds the graph of them."""

    def __init__(self, name: str, dt: float, read: FileGraph) -> None:
        self._name = network_name(name)
        self._dt = dt
        self._nodes = read.nodes
        self._ends = {read.input, read.output}
        self._remarks = read.remarks
        self._wiring = wired(read, {name for name, node in read.nodes.items() if node.type in self._NEURONS})
        self._rows = any(node.type == "Conv1d" for node in read.nodes.values())
        self._graph = Graph()
        self._signals: dict[str, Signal] = {}
        self._sums: dict[tuple[str, ...], Signal] = {}
        self._silent: set[str] = set()
        self._said: dict[str, Any] = {}

    def build(self) -> FloatNetwork:
        for node in self._nodes.values():
            if node.type not in {*self._HANDLERS, *self._NEURONS, "Input", "Output"}:
                known = ", ".join(sorted({*self._HANDLERS, *self._NEURONS, "Input", "Output"}))
                raise InputError(
                    f"node {node.name!r}: is a {node.type[:40]!r}; the nodes that can be built are {known}"
                )
            unknown = node.metadata.keys() - said.KEYS.get(node.type, set())
            if unknown:
                raise node.error(f"metadata {min(unknown)[:40]!r} is not known here: made by another version of hwsnn")
        for name in self._wiring.order:
            node = self._nodes[name]
            if node.type == "Input" and name in self._ends:
                self._signals[name] = self._input(node)
                continue
            signal = self._taken(node, self._signals)
            if any(term.source in self._silent for term in signal.terms) and name not in self._ends:
                raise node.error("comes after neurons that never fire; I and LI can only be the last layer")
            if name in self._ends:
                self._output(node, signal)
            elif node.type in self._NEURONS:
                self._signals[name] = self._NEURONS[node.type](self, node, signal)
            else:
                self._signals[name] = self._linear(node, signal)
        return FloatNetwork(
            self._name,
            self._input_shape,
            tuple(self._graph.layers),
            tuple(self._remarks),
            **self._said,
        )

    def _taken(self, node: Node, signals: Mapping[str, Signal]) -> Signal:
        """What the nodes before ``node`` give, added up: the same sum of spikes once for all that take it."""
        sources = self._wiring.sources[node.name]
        taken = [signals[name] for name in sources]
        if len(taken) == 1:
            return taken[0]
        key = tuple(sorted(sources))
        if key not in self._sums:
            self._sums[key] = self._graph.sum(_Join(node), taken)
        return self._sums[key]

    # Where the graph begins and ends

    def _input(self, node: Node) -> Signal:
        shape = node.integers("shape", 1)
        while len(shape) > 3 and shape[0] == 1:  # a batch of one image, left over from tracing
            shape = shape[1:]
        if len(shape) > 3:
            raise node.error(f"must have a shape (channels, height, width) without a batch, not {shape}")
        flat = len(shape) == 1
        if self._rows and len(shape) == 2:
            shape = shape[0], 1, shape[1]
        channels, height, width = (1, 1, 1, *shape)[-3:]
        if flat:
            self._remarks.append(
                f"input: {width} values without height and width, built as one row of {width} pixels, or with the "
                f"encoding 'steps' as {width} channels of one pixel"
            )
        self._input_shape = (channels, height, width)
        self._name = network_name(node.said_text(said.NAME) or self._name)
        self._said = {
            "timesteps": node.said_integer(said.TIMESTEPS, 1, MAX_TIMESTEPS),
            "encoding": node.said_choice(said.ENCODING, get_args(EncoderKind)),
            "readout": node.said_choice(said.READOUT, get_args(Readout)),
            "mean": node.said_numbers(said.MEAN, channels),
            "std": node.said_numbers(said.STD, channels, SMALLEST),
            "input_scale": node.said_number(said.INPUT_SCALE, SMALLEST, LARGEST),
        }

        return self._graph.input(self._input_shape, flat=flat)

    def _output(self, node: Node, signal: Signal) -> None:
        layers, (first, *_) = self._graph.layers, signal.terms
        if not any(isinstance(layer, FloatPopulation) for layer in layers):
            raise node.error("comes before any neurons; there is no network to build")
        if not signal.spikes or not isinstance(layers[-1], FloatPopulation):
            last = first.maps[-1].name if first.maps else layers[-1].name
            raise node.error(
                f"comes right after {last!r}, which has no neurons; end with IF or LIF neurons, "
                "whose spikes are counted, or with I or LI, whose membranes are read"
            )
        if "shape" in node.values and math.prod(node.integers("shape", 1)) != math.prod(signal.shape):
            raise node.error(f"has shape {node.integers('shape', 1)}, but gets {_place(signal)}")

    # Linear nodes

    def _linear(self, node: Node, signal: Signal) -> Signal:
        """``node`` behind ``signal``. The Inputs and Outputs of nested graphs pass it on."""
        match node.type:
            case "Input" | "Output":
                return signal
            case "Flatten":
                return self._flattened(node, signal)
            case said.MAX_POOL:
                return self._max_pooled(node, signal)
        added = linear_map(node, _place(signal), self._graph.work)
        joins = len(self._wiring.sources[node.name]) > 1 and signal.spikes
        if joins and isinstance(added, linear.Scale) and (added.factor == 1).all():
            return signal  # written for the name of the sum
        return self._graph.add(node, signal, added)

    def _max_pooled(self, node: Node, signal: Signal) -> Signal:
        size, stride = node.pair("kernel_size", 1), node.pair("stride", 1)
        if signal.flat:
            raise node.error(f"takes an image, but gets {_place(signal)}")
        if any(node.pair("padding", 0)):
            raise node.error(f"'padding' must be 0 for the largest of a window, not {node.pair('padding', 0)}")
        return self._graph.add_max_pool(node, signal, size, stride)

    def _flattened(self, node: Node, signal: Signal) -> Signal:
        # Frameworks count the batch as dimension 0, NIR does not: from either, all of one image is meant.
        start = node.numbers("start_dim") if "start_dim" in node.values else np.zeros(1)
        end = node.numbers("end_dim") if "end_dim" in node.values else np.full(1, -1.0)
        last = (-1, 1, 2) if self._rows else (-1, 2, 3)
        if not signal.flat and not (np.isin(start, (0, 1)).all() and np.isin(end, last).all()):
            raise node.error("must flatten all of channels, height and width (start_dim 0 or 1, end_dim -1)")
        return self._graph.flattened(signal)

    # Nodes with neurons

    def _threshold(self, node: Node, signal: Signal) -> Signal:
        threshold = _place(signal).per_element(node, "threshold")
        mode = cast("PoolMode | None", node.said_choice(said.POOL, get_args(PoolMode)))
        pool = None if node.name in self._wiring.loops else self._pool_of_spikes(signal)
        if pool is not None and _any_exceeds(threshold, pool.factor):
            (term,) = signal.terms
            spikes = Signal(term.source_shape, False, (Term(term.source, term.source_shape, term.source_shape),))
            pooled = self._graph.close_pool(pool.name, spikes, pool.window, pool.stride, mode or "or")
            if mode is None:
                self._remarks.append(
                    f"{pooled.terms[0].source}: a pool whose threshold any spike exceeds, built as spiking max-pool "
                    "'or'"
                )
            return pooled
        if mode is not None:
            raise node.error(f"metadata {said.POOL!r} is for a threshold that any spike of a pool before it exceeds")
        return self._fire(node, signal)

    def _pool_of_spikes(self, signal: Signal) -> linear.PoolMap | None:
        """The pool that ``signal`` is right behind spikes of one layer, if it is one."""
        (term, *others) = signal.terms
        sums = any(isinstance(layer, Sum) and layer.name == term.source for layer in self._graph.layers)
        if others or sums or len(term.maps) != 1:
            return None
        (pool,) = term.maps
        return pool if isinstance(pool, linear.PoolMap) and pool.padding == (0, 0) else None

    def _integrate(self, node: Node, signal: Signal) -> Signal:
        if node.name in self._wiring.loops:
            raise node.error("never fires, so it must not lead back to itself; I and LI can only be the last layer")
        signal = self._by_neuron(node, signal)
        steps = dynamics(node, _place(signal), self._dt)
        neuron = FloatIntegrator(steps.beta, steps.alpha, *self._state(node, steps))
        closed = self._closed(node, signal, steps, neuron)
        self._silent.add(closed.terms[0].source)
        return closed

    def _fire(self, node: Node, signal: Signal) -> Signal:
        signal = self._by_neuron(node, signal)
        steps = dynamics(node, _place(signal), self._dt)
        key = "threshold" if node.type == "Threshold" else "v_threshold"
        thresholds = _place(signal).per_channel(node, key) - steps.rest
        if (thresholds <= 0).any():
            above = "positive" if not steps.rest.any() else "above 'v_reset'"
            raise node.error(f"{key!r} must be {above}, not {float((thresholds + steps.rest).min())!r}")
        reset = cast("Reset | None", node.said_choice(said.RESET, get_args(Reset)))
        compare = cast("Compare | None", node.said_choice(said.COMPARE, get_args(Compare)))
        if node.type != "Threshold" and reset is None:
            self._remark_once(said.RESET_REMARK)
        if compare is None:
            self._remark_once(said.COMPARE_REMARK)
        try:
            neuron = FloatNeuron(
                thresholds,
                steps.beta,
                compare or "greater",
                reset or ("none" if node.type == "Threshold" else "zero"),
                steps.alpha,
                *self._state(node, steps),
                spikes=node.said_integer(said.SPIKES, 1, MAX_SPIKES) or 1,
                once=bool(node.said_integer(said.ONCE, 0, 1)),
            )
        except ValueError as error:
            raise node.error(f"its metadata do not agree: {error}") from None
        return self._closed(node, signal, steps, neuron)

    def _state(self, node: Node, steps: Dynamics) -> tuple[FloatArray | None, FloatArray | None]:
        """Initial membranes and lower bounds, counted from where the membranes rest."""
        initial = node.said_numbers(said.INITIAL, len(steps.rest))
        floor = node.said_numbers(said.FLOOR, len(steps.rest))
        if floor is not None and (floor > steps.rest).any():
            raise node.error(f"metadata {said.FLOOR!r} must be at most where membranes rest")
        return (
            None if initial is None else initial - steps.rest,
            None if floor is None else floor - steps.rest,
        )

    def _by_neuron(self, node: Node, signal: Signal) -> Signal:
        """A flat ``signal`` as a vector, where neurons may differ from one to the next, or come back to one another."""
        differ = any(isinstance(one, np.ndarray) and (one != one.flat[0]).any() for one in node.values.values())
        if signal.flat and signal.shape[1:] != (1, 1) and (differ or node.name in self._wiring.loops):
            return self._graph.vector(node, signal)
        return signal

    def _closed(self, node: Node, signal: Signal, steps: Dynamics, neuron: AnyFloatNeuron) -> Signal:
        self._remarks += steps.remarks
        loop, offset, back = self._wiring.loops.get(node.name), steps.offset, None
        if loop is not None:
            back, bias = self._back(node, signal, loop)
            offset = offset + steps.gain * bias
            self._remarks.append(f"{node.name}: its own spikes come back to it a step later")
        return self._graph.close(node, signal, neuron, steps.gain, offset, back)

    def _back(self, node: Node, signal: Signal, loop: Loop) -> tuple[FloatArray, FloatArray]:
        """The weights and the bias of what comes back to ``node``."""
        spikes = self._graph.input(signal.shape, flat=signal.flat)
        inside = {node.name: spikes}
        for name in loop.nodes:
            inside[name] = self._linear(self._nodes[name], self._taken(self._nodes[name], inside))
        ends = [inside[name] for name in loop.ends]
        back = ends[0] if len(ends) == 1 else self._graph.sum(node, ends)
        return weights_back(node, spikes, back, self._graph.work)

    def _remark_once(self, remark: str) -> None:
        if remark not in self._remarks:
            self._remarks.append(remark)

    _HANDLERS: ClassVar = {*KINDS, "Flatten", said.MAX_POOL}
    _NEURONS: ClassVar[Mapping[str, Callable[[_Builder, Node, Signal], Signal]]] = {
        "IF": _fire,
        "LIF": _fire,
        "CubaLIF": _fire,
        "CubaLI": _integrate,
        "Threshold": _threshold,
        "I": _integrate,
        "LI": _integrate,
    }


@dataclass(frozen=True)
class _Join:
    """Where several nodes lead to ``node``: a sum of their spikes is a layer of its own."""

    node: Node

    @property
    def name(self) -> str:
        return self.node.name if self.node.type == "Scale" else f"{self.node.name}_sum"

    def error(self, text: str) -> InputError:
        return self.node.error(text)


def _place(signal: Signal) -> Place:
    return Place(signal.shape, signal.flat)


def _any_exceeds(threshold: FloatArray, factor: float) -> bool:
    """Whether one spike, times ``factor``, exceeds the threshold, and none does not."""
    return bool((threshold >= 0).all() and (threshold < factor).all())
