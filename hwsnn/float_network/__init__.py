"""Trained networks in floats: what front ends read, and what the quantizer takes."""

from .floats import FloatArray
from .layers import (
    FLOAT_KINDS,
    FLOAT_PROJECTIONS,
    AnyFloatProjection,
    FloatConv,
    FloatDense,
    FloatLayer,
    FloatPopulation,
    FloatProjection,
)
from .network import FloatNetwork
from .neurons import AnyFloatNeuron, Compare, Decay, FloatIntegrator, FloatNeuron

__all__ = [
    "FLOAT_KINDS",
    "FLOAT_PROJECTIONS",
    "AnyFloatNeuron",
    "AnyFloatProjection",
    "Compare",
    "Decay",
    "FloatArray",
    "FloatConv",
    "FloatDense",
    "FloatIntegrator",
    "FloatLayer",
    "FloatNetwork",
    "FloatNeuron",
    "FloatPopulation",
    "FloatProjection",
]
