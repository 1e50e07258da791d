"""The layers of a trained network, in floats. Each mirrors one of ``hwsnn.spec``: ``FloatConv`` becomes ``Conv``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, get_args

from hwsnn.spec import Convolution, FullyConnected, MaxPool, Projection, Sum, Window
from hwsnn.spec.populations import AbstractPopulation

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
class FloatPopulation(AbstractPopulation[AnyFloatProjection]):
    """Neurons, and the projections whose sums, with ``bias`` (channels,), are their input currents."""

    name: str
    projections: tuple[AnyFloatProjection, ...]
    bias: FloatArray
    neuron: AnyFloatNeuron
    pool: Window | None = None

    def __post_init__(self) -> None:
        require_floats(f"bias of layer {self.name!r}", self.bias, 1)
        super().__post_init__()
        if self.recurrent and not self.neuron.fires:
            raise ValueError(f"neurons of the recurrent layer {self.name!r} must fire, not integrate")

    @property
    def by_channel(self) -> Mapping[str, FloatArray]:
        return {"bias": self.bias, **self.neuron.by_channel}


FloatLayer: TypeAlias = FloatPopulation | MaxPool | Sum
"""Pools and sums of spikes have no floats: both networks use those of ``hwsnn.spec``."""
FLOAT_KINDS: Mapping[str, type[FloatLayer]] = {kind.kind: kind for kind in get_args(FloatLayer)}
"""Every kind of layer by its name, as in ``hwsnn.spec.KINDS``."""
