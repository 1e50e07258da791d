"""A trained spiking network in discrete time and floats: the output of the front ends, and the input of the quantizer.

Inputs are pixels from 0 to 1, values as they are under the encoding ``steps``, or spikes. Everything linear between two
layers of neurons is already folded into one projection and a bias.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import get_args

from hwsnn.spec import (
    MAX_TIMESTEPS,
    Edges,
    EncoderKind,
    Readout,
    Shape,
    graph,
    require_layer_names,
    require_network_name,
    require_shape,
)
from hwsnn.spec.checks import require_choice, require_integer

from .floats import FloatArray, require_floats
from .layers import FloatLayer, FloatPopulation
from .neurons import Compare, FloatNeuron


@dataclass(frozen=True, eq=False)
class FloatNetwork:
    """A whole trained network. ``input_shape``: (channels, height, width).

    ``remarks``: one line for each thing that the source left open, for the quantizer's report.
    ``timesteps`` (1 to 256), ``encoding`` and ``readout`` are those it was trained with, None if the source does not
    say. A value of the input counts as ``(value * input_scale - mean) / std``; ``mean`` and ``std``: (channels,), None
    for 0 and 1. ``input_scale`` is by default 1 for the encoding ``steps``, else 1 / M: pixels are from 0 to 1.
    """

    name: str
    input_shape: Shape
    layers: tuple[FloatLayer, ...]
    remarks: tuple[str, ...] = ()
    timesteps: int | None = None
    encoding: EncoderKind | None = None
    readout: Readout | None = None
    mean: FloatArray | None = None
    std: FloatArray | None = None
    input_scale: float | None = None

    def __post_init__(self) -> None:
        if self.timesteps is not None:
            require_integer("timesteps", self.timesteps, 1, MAX_TIMESTEPS)
        if self.encoding is not None:
            require_choice("encoding", self.encoding, get_args(EncoderKind))
        if self.readout is not None:
            require_choice("readout", self.readout, get_args(Readout))
        for what, values in (("mean", self.mean), ("std", self.std)):
            if values is not None:
                require_floats(what, values, 1)
                if values.shape != self.input_shape[:1]:
                    raise ValueError(
                        f"{what} must have one value per channel, {self.input_shape[0]}, not {len(values)}"
                    )
        if self.std is not None and (self.std <= 0).any():
            raise ValueError(f"std must be positive, not {float(self.std.min())!r}")
        if self.input_scale is not None and not 0 < self.input_scale < inf:
            raise ValueError(f"input scale must be positive and finite, not {self.input_scale!r}")

    def firing_where(self, compare: Compare) -> FloatNetwork:
        """The network whose neurons all fire by ``compare``, with a remark if some did not."""
        layers, others = [], []
        for layer in self.layers:
            if (
                isinstance(layer, FloatPopulation)
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
    def edges(self) -> Edges:
        """The inputs of each layer, in the order of its ports. Raises ``ValueError`` for what is not connected."""
        return graph.edges(self.layers)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The input's shape, then the shape after each layer. Raises ``ValueError`` for a layer that does not fit."""
        return graph.shapes(self.layers, self.edges, self.input_shape)

    def check(self) -> None:
        """Raise ``ValueError`` unless there are layers that fit each other and have valid names."""
        if not self.layers:
            raise ValueError("a network must have at least one layer, not none")
        require_network_name(self.name)
        require_layer_names(layer.name for layer in self.layers)
        require_shape("input shape", self.input_shape)
        for layer, shape in zip(self.layers, self.shapes[1:], strict=True):
            require_shape(f"output of layer {layer.name!r}", shape)
