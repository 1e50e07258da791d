"""A trained spiking network in discrete time and floats: what the frontends read and the quantizer takes.

At each step ``v = beta v + I`` with ``I = sum of w x + b``, then a spike and a reset; inputs are pixels from 0 to 1 or
spikes. Everything linear between two layers of neurons is already folded into one layer's weights and bias. The names
mirror those of ``hwsnn.spec``, so use them through their module: ``trained.Conv`` becomes ``spec.Conv``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from hwsnn.spec import (
    MAX_TIMESTEPS,
    Convolution,
    EncoderKind,
    FullyConnected,
    MaxPool,
    Projection,
    Reset,
    Shape,
    require_layer_names,
    require_network_name,
    require_shape,
)
from hwsnn.spec.checks import require_choice, require_integer

FloatArray = npt.NDArray[np.float64]
Compare: TypeAlias = Literal["greater", "greater_equal"]


def _require_floats(what: str, value: Any, ndim: int) -> None:
    if not isinstance(value, np.ndarray) or value.dtype != np.float64:
        raise TypeError(f"{what} must be a float64 array, not {getattr(value, 'dtype', type(value).__name__)}")
    if value.ndim != ndim or value.size == 0:
        raise ValueError(f"{what} must be a non-empty array of {ndim} dimensions, not of shape {value.shape}")
    if not np.isfinite(value).all():
        raise ValueError(f"{what} must be finite, not NaN or infinite anywhere")


def _require_beta(beta: float) -> None:
    if not 0.0 <= beta <= 1.0:
        raise ValueError(f"beta must lie from 0 to 1, not {beta!r}")


@dataclass(frozen=True, eq=False)
class FloatNeuron:
    """A spiking neuron: decay by ``beta`` (0 to 1; 1 is integrate and fire, 0 memoryless), add, compare, reset.

    ``threshold``: (channels,), positive. ``compare``: a spike where v > threshold (``greater``) or v >= threshold
    (``greater_equal``). ``reset``: in the same step; ``subtract`` takes the threshold off, ``zero`` sets v to 0.
    """

    threshold: FloatArray
    beta: float
    compare: Compare
    reset: Reset

    def __post_init__(self) -> None:
        _require_floats("threshold", self.threshold, 1)
        if (self.threshold <= 0).any():
            raise ValueError(f"threshold must be positive, not {self.threshold.min()!r}")
        _require_beta(self.beta)
        require_choice("compare", self.compare, get_args(Compare))
        require_choice("reset", self.reset, get_args(Reset))


@dataclass(frozen=True)
class FloatIntegrator:
    """A last layer that never fires: ``v = beta v + I``; its v after the last step is the score."""

    beta: float

    def __post_init__(self) -> None:
        _require_beta(self.beta)


@dataclass(frozen=True, eq=False)
class FloatWeighted(Projection):
    """A layer with weights, and its neurons."""

    weight: FloatArray
    bias: FloatArray
    neuron: FloatNeuron | FloatIntegrator

    def __post_init__(self) -> None:
        _require_floats(f"weight of layer {self.name!r}", self.weight, 4)
        _require_floats(f"bias of layer {self.name!r}", self.bias, 1)
        super().__post_init__()
        if isinstance(self.neuron, FloatNeuron):
            self._require_by_channel("threshold", self.neuron.threshold)


@dataclass(frozen=True, eq=False)
class FloatConv(Convolution, FloatWeighted):
    """A convolution and its neurons."""


@dataclass(frozen=True, eq=False)
class FloatDense(FullyConnected, FloatWeighted):
    """A fully connected layer and its neurons."""


FloatLayer: TypeAlias = FloatConv | FloatDense | MaxPool
"""Spiking max-pools have no floats: they are ``hwsnn.spec.MaxPool`` already."""
FLOAT_KINDS: Mapping[str, type[FloatLayer]] = {kind.kind: kind for kind in get_args(FloatLayer)}
"""Every kind of layer by its name, that of its kind in integers."""


@dataclass(frozen=True, eq=False)
class FloatNetwork:
    """A whole trained network. ``input_shape``: (channels, height, width) of pixels from 0 to 1.

    ``remarks``: what the source could not say or was read as, one line each; the quantizer's report repeats them.
    ``timesteps`` (1 to 256) and ``encoding`` are those it was trained with, None where the source does not say. The
    readout follows from the last layer: ``membrane`` where it integrates, else ``count``.
    """

    name: str
    input_shape: Shape
    layers: tuple[FloatLayer, ...]
    remarks: tuple[str, ...] = ()
    timesteps: int | None = None
    encoding: EncoderKind | None = None

    def __post_init__(self) -> None:
        if self.timesteps is not None:
            require_integer("timesteps", self.timesteps, 1, MAX_TIMESTEPS)
        if self.encoding is not None:
            require_choice("encoding", self.encoding, get_args(EncoderKind))

    def firing_where(self, compare: Compare) -> FloatNetwork:
        """The network whose neurons all fire by ``compare``, with a remark where they did not."""
        layers, others = [], []
        for layer in self.layers:
            if (
                isinstance(layer, FloatWeighted)
                and isinstance(layer.neuron, FloatNeuron)
                and layer.neuron.compare != compare
            ):
                others.append(layer.name)
                layer = replace(layer, neuron=replace(layer.neuron, compare=compare))
            layers.append(layer)
        sign, before = ("v >= threshold", "v >") if compare == "greater_equal" else ("v > threshold", "v >=")
        remark = f"firing: on {sign} as asked for, where the source says {before}: {', '.join(others)}"
        return replace(self, layers=tuple(layers), remarks=(*self.remarks, remark) if others else self.remarks)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The input's shape, then the shape after each layer. Raises ``ValueError`` for a layer that does not fit."""
        shapes = [self.input_shape]
        for layer in self.layers:
            shapes.append(layer.output_shape(shapes[-1]))
        return tuple(shapes)

    def check(self) -> None:
        """Raise ``ValueError`` unless there are layers that fit each other, under names that a model may have."""
        if not self.layers:
            raise ValueError("a network must have at least one layer, not none")
        require_network_name(self.name)
        require_layer_names(layer.name for layer in self.layers)
        require_shape("input shape", self.input_shape)
        for layer, shape in zip(self.layers, self.shapes[1:], strict=True):
            require_shape(f"output of layer {layer.name!r}", shape)
