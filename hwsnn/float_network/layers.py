"""The layers of a trained network, in floats. Each mirrors one of ``hwsnn.spec``: ``FloatConv`` becomes ``Conv``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, get_args

from hwsnn.spec import Convolution, FullyConnected, MaxPool, Projection, Shape, Window
from hwsnn.spec.layers import require_by_channel, require_current_pool

from .floats import FloatArray, require_floats
from .neurons import AnyFloatNeuron


@dataclass(frozen=True, eq=False)
class FloatProjection(Projection):
    """A projection of float weights."""

    weight: FloatArray

    def __post_init__(self) -> None:
        require_floats(f"weight of layer {self.name!r}", self.weight, 4)
        super().__post_init__()


@dataclass(frozen=True, eq=False)
class FloatConv(Convolution, FloatProjection):
    """A convolution."""


@dataclass(frozen=True, eq=False)
class FloatDense(FullyConnected, FloatProjection):
    """A fully connected projection."""


AnyFloatProjection: TypeAlias = FloatConv | FloatDense
FLOAT_PROJECTIONS: Mapping[str, type[AnyFloatProjection]] = {kind.kind: kind for kind in get_args(AnyFloatProjection)}
"""Every kind of projection by its name, as in ``hwsnn.spec.PROJECTIONS``."""


@dataclass(frozen=True, eq=False)
class FloatPopulation:
    """Neurons, and the projections whose sums, with ``bias`` (channels,), are their input currents.

    ``projections``: one, for now. ``pool``: as of ``hwsnn.spec.Population``.
    """

    name: str
    projections: tuple[AnyFloatProjection, ...]
    bias: FloatArray
    neuron: AnyFloatNeuron
    pool: Window | None = None

    kind: ClassVar[str] = "population"

    def __post_init__(self) -> None:
        if len(self.projections) != 1:
            raise ValueError(f"layer {self.name!r} must have one projection, not {len(self.projections)}")
        require_floats(f"bias of layer {self.name!r}", self.bias, 1)
        for what, values in {"bias": self.bias, **self.neuron.by_channel}.items():
            require_by_channel(self.name, what, values, self.projection.out_channels)
        if self.pool is not None:
            require_current_pool(self.name, self.pool, sliding=self.projection.sliding)

    @property
    def projection(self) -> AnyFloatProjection:
        """The only projection."""
        return self.projections[0]

    @property
    def sliding(self) -> bool:
        """As ``Projection.sliding``."""
        return self.projection.sliding

    @property
    def window(self) -> Window:
        """As ``hwsnn.spec.Population.window``."""
        window = self.projection.window
        return window if self.pool is None else window.pooled(self.pool)

    @property
    def settings(self) -> dict[str, Any]:
        """The fields besides name, projections, tensors and neuron."""
        return {} if self.pool is None else {"pool_size": self.pool.size, "pool_stride": self.pool.stride}

    def output_shape(self, shape: Shape) -> Shape:
        """The output shape for an input of ``shape``; ``ValueError`` if that does not fit."""
        channels, *extent = self.projection.output_shape(shape)
        if self.pool is None:
            return channels, extent[0], extent[1]
        return (channels, *self.pool.positions(self.name, (extent[0], extent[1])))


FloatLayer: TypeAlias = FloatPopulation | MaxPool
"""Spiking max-pools have no floats: both networks use ``hwsnn.spec.MaxPool``."""
FLOAT_KINDS: Mapping[str, type[FloatLayer]] = {kind.kind: kind for kind in get_args(FloatLayer)}
"""Every kind of layer by its name, as in ``hwsnn.spec.KINDS``."""
