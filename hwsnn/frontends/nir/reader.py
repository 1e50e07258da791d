"""NIR graphs as float networks: continuous time becomes steps of ``dt``, and linear nodes are folded into layers.

``docs/nir.md`` specifies the result of each node. Every node is read strictly by its equations in the NIR paper,
with explicit Euler steps; a node that cannot be built exactly is an ``InputError`` of one line with file and node.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast, get_args

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
)
from hwsnn.spec import (
    MAX_SPIKES,
    MAX_TIMESTEPS,
    EncoderKind,
    Pair,
    PoolMode,
    Readout,
    Reset,
)

from .. import linear
from ..chain import Chain
from ..names import network_name
from . import conventions as said
from .conventions import DEFAULT_DT
from .graph_file import Node, read_chain
from .neurons import Dynamics, Place, dynamics

SMALLEST, LARGEST = float(np.finfo(np.float64).smallest_subnormal), float(np.finfo(np.float64).max)
"""Of positive numbers."""


def read(path: Path, dt: float = DEFAULT_DT) -> FloatNetwork:
    """The trained network in the NIR file ``path``, in steps of ``dt`` seconds. Raises ``InputError`` for others."""
    if not (math.isfinite(dt) and dt > 0):
        raise ValueError(f"dt must be positive and finite, not {dt!r}")
    require_file(path, "NIR file", "give one of nir.write")
    try:
        # Finite weights may overflow when they are folded; the result is checked, so no warning is needed.
        with np.errstate(over="ignore", invalid="ignore"):
            nodes, remarks = read_chain(path)
            return _Builder(path.stem, dt, remarks).build(nodes)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


class _Builder:
    """Walks the nodes, and builds the chain of them."""

    def __init__(self, name: str, dt: float, remarks: list[str]) -> None:
        self._name = network_name(name)
        self._dt = dt
        self._remarks = remarks
        self._chain = Chain((1, 1, 1), flat=False)
        self._integrates = False
        self._said: dict[str, Any] = {}
        self._handlers: dict[str, Callable[[Node], None]] = {
            "Input": self._input,
            "Output": self._output,
            "Conv2d": self._conv,
            "Linear": self._dense,
            "Affine": self._dense,
            "SumPool2d": self._pool,
            "AvgPool2d": self._pool,
            said.MAX_POOL: self._max_pool,
            "Scale": self._scale,
            "Flatten": self._flatten,
            "IF": self._fire,
            "LIF": self._fire,
            "CubaLIF": self._fire,
            "CubaLI": self._integrate,
            "Threshold": self._threshold,
            "I": self._integrate,
            "LI": self._integrate,
        }

    def build(self, nodes: list[Node]) -> FloatNetwork:
        for node in nodes:
            if node.type not in self._handlers:
                known = ", ".join(sorted(self._handlers))
                raise InputError(
                    f"node {node.name!r}: is a {node.type[:40]!r}; the nodes that can be built are {known}"
                )
            unknown = node.metadata.keys() - said.KEYS.get(node.type, set())
            if unknown:
                raise node.error(f"metadata {min(unknown)[:40]!r} is not known here: made by another version of hwsnn")
        for node in nodes:
            if self._integrates and node.type != "Output":
                raise node.error("comes after neurons that never fire; I and LI can only be the last layer")
            self._handlers[node.type](node)
        return FloatNetwork(
            self._name,
            self._input_shape,
            tuple(self._chain.layers),
            tuple(self._remarks),
            **self._said,
        )

    # Where the chain begins and ends

    def _input(self, node: Node) -> None:
        shape = node.integers("shape", 1)
        while len(shape) > 3 and shape[0] == 1:  # a batch of one image, left over from tracing
            shape = shape[1:]
        if len(shape) > 3:
            raise node.error(f"must have a shape (channels, height, width) without a batch, not {shape}")
        flat = len(shape) == 1
        channels, height, width = (1, 1, 1, *shape)[-3:]
        if flat:
            self._remarks.append(
                f"input: {width} values without height and width, built as one row of {width} pixels, or with the "
                f"encoding 'steps' as {width} channels of one pixel"
            )
        self._input_shape = (channels, height, width)
        self._chain = Chain(self._input_shape, flat=flat)
        self._name = network_name(node.said_text(said.NAME) or self._name)
        self._said = {
            "timesteps": node.said_integer(said.TIMESTEPS, 1, MAX_TIMESTEPS),
            "encoding": node.said_choice(said.ENCODING, get_args(EncoderKind)),
            "readout": node.said_choice(said.READOUT, get_args(Readout)),
            "mean": node.said_numbers(said.MEAN, channels),
            "std": node.said_numbers(said.STD, channels, SMALLEST),
            "input_scale": node.said_number(said.INPUT_SCALE, SMALLEST, LARGEST),
        }

    def _output(self, node: Node) -> None:
        if self._chain.maps:
            raise node.error(
                f"comes right after {self._chain.maps[-1].name!r}, which has no neurons; end with IF or LIF neurons, "
                "whose spikes are counted, or with I or LI, whose membranes are read"
            )
        if not self._chain.layers:
            raise node.error("comes before any neurons; there is no network to build")
        if "shape" in node.values and math.prod(node.integers("shape", 1)) != math.prod(self._chain.shape):
            raise node.error(f"has shape {node.integers('shape', 1)}, but gets {self._place}")

    # Linear nodes

    def _conv(self, node: Node) -> None:
        weight = node.numbers("weight", 4)
        groups, *_ = node.integers("groups", 1) if "groups" in node.values else (1,)
        if len(weight) % groups:
            raise node.error(f"its {len(weight)} output channels must divide into its {groups} groups")
        if self._chain.flat or weight.shape[1] * groups != self._chain.shape[0]:
            takes = f"{weight.shape[1] * groups} channels of an image"
            raise node.error(f"takes {takes}, but gets {self._place}")
        bias = _bias(node, len(weight))
        dilation = node.pair("dilation", 1) if "dilation" in node.values else (1, 1)
        weight = linear.dilated(node.name, weight, dilation, self._chain.work)
        stride = node.pair("stride", 1)
        weight, padding = _padded(node, weight, stride)
        self._chain.add(node, linear.ConvMap(node.name, weight, bias, stride, padding, groups))

    def _dense(self, node: Node) -> None:
        weight = node.numbers("weight", 2)
        if not self._chain.flat and self._chain.shape[:2] != (1, 1):
            raise node.error(f"takes a flat input, but gets {self._place}; put a Flatten before it")
        if weight.shape[1] != math.prod(self._chain.shape):
            raise node.error(f"takes {weight.shape[1]} inputs, but gets {self._place}")
        weight = weight.reshape(len(weight), *self._chain.shape)
        self._chain.add(node, linear.DenseMap(node.name, weight, _bias(node, len(weight))))

    def _pool(self, node: Node) -> None:
        size, stride, padding = node.pair("kernel_size", 1), node.pair("stride", 1), node.pair("padding", 0)
        if self._chain.flat:
            raise node.error(f"takes an image, but gets {self._place}")
        factor = 1.0 if node.type == "SumPool2d" else 1.0 / math.prod(size)
        self._chain.add(node, linear.PoolMap(node.name, size, stride, padding, factor))

    def _max_pool(self, node: Node) -> None:
        size, stride = node.pair("kernel_size", 1), node.pair("stride", 1)
        if self._chain.flat:
            raise node.error(f"takes an image, but gets {self._place}")
        if any(node.pair("padding", 0)):
            raise node.error(f"'padding' must be 0 for the largest of a window, not {node.pair('padding', 0)}")
        self._chain.add_max_pool(node, size, stride)

    def _scale(self, node: Node) -> None:
        self._chain.add(node, linear.Scale(node.name, self._place.per_element(node, "scale")))

    def _flatten(self, node: Node) -> None:
        # Frameworks count the batch as dimension 0, NIR does not: from either, all of one image is meant.
        start = node.numbers("start_dim") if "start_dim" in node.values else np.zeros(1)
        end = node.numbers("end_dim") if "end_dim" in node.values else np.full(1, -1.0)
        if not self._chain.flat and not (np.isin(start, (0, 1)).all() and np.isin(end, (-1, 2, 3)).all()):
            raise node.error("must flatten all of channels, height and width (start_dim 0 or 1, end_dim -1)")
        self._chain.flat = True

    # Nodes with neurons

    def _threshold(self, node: Node) -> None:
        threshold = self._place.per_element(node, "threshold")
        mode = cast("PoolMode | None", node.said_choice(said.POOL, get_args(PoolMode)))
        pool = self._chain.maps[0] if len(self._chain.maps) == 1 else None
        if isinstance(pool, linear.PoolMap) and pool.padding == (0, 0) and _any_exceeds(threshold, pool.factor):
            name = self._chain.close_pool(pool.name, pool.window, pool.stride, mode or "or")
            if mode is None:
                self._remarks.append(
                    f"{name}: a pool whose threshold any spike exceeds, built as spiking max-pool 'or'"
                )
            return
        if mode is not None:
            raise node.error(f"metadata {said.POOL!r} is for a threshold that any spike of a pool before it exceeds")
        self._fire(node)

    def _integrate(self, node: Node) -> None:
        self._integrates = True
        steps = dynamics(node, self._place, self._dt)
        self._weigh(node, steps, FloatIntegrator(steps.beta, steps.alpha, *self._state(node, steps)))

    def _fire(self, node: Node) -> None:
        steps = dynamics(node, self._place, self._dt)
        key = "threshold" if node.type == "Threshold" else "v_threshold"
        thresholds = self._place.per_channel(node, key) - steps.rest
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
        self._weigh(node, steps, neuron)

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

    def _weigh(self, node: Node, steps: Dynamics, neuron: AnyFloatNeuron) -> None:
        self._remarks += steps.remarks
        self._chain.close(node, neuron, steps.gain, steps.offset)

    # What the handlers share

    @property
    def _place(self) -> Place:
        return Place(self._chain.shape, self._chain.flat)

    def _remark_once(self, remark: str) -> None:
        if remark not in self._remarks:
            self._remarks.append(remark)


def _bias(node: Node, outputs: int) -> FloatArray:
    """The node's bias, zeros if it has none."""
    if "bias" not in node.values:
        return np.zeros(outputs)
    bias = node.numbers("bias")
    if bias.shape != (outputs,):
        raise node.error(f"'bias' must have shape {(outputs,)}, not {bias.shape}")
    return bias


def _any_exceeds(threshold: FloatArray, factor: float) -> bool:
    """Whether one spike, times ``factor``, exceeds the threshold, and none does not."""
    return bool((threshold >= 0).all() and (threshold < factor).all())


def _padded(node: Node, weight: FloatArray, stride: Pair) -> tuple[FloatArray, Pair]:
    """Weights and padding, the same on both sides, for the node's ``padding``: integers, ``valid`` or ``same``."""
    padding = node.values.get("padding")
    if not isinstance(padding, str):
        return weight, node.pair("padding", 0)
    if padding == "valid":
        return weight, (0, 0)
    if padding != "same":
        raise node.error(f"'padding' must be integers, 'same' or 'valid', not {padding[:40]!r}")
    if stride != (1, 1):
        raise node.error(f"'padding' can be 'same' only for a stride of 1, not {stride}")
    # An even window needs one more zero below and to the right than above: a zero row of weights on top evens that out.
    height, width = weight.shape[2:]
    odd = np.pad(weight, ((0, 0), (0, 0), (1 - height % 2, 0), (1 - width % 2, 0)))
    return odd, (height // 2, width // 2)
