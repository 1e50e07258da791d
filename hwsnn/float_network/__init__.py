"""A trained network in floats: what the front ends make and the quantizer takes."""

from .network import (
    Compare,
    FloatArray,
    FloatConv,
    FloatDense,
    FloatIntegrator,
    FloatLayer,
    FloatNetwork,
    FloatNeuron,
)

__all__ = [
    "Compare",
    "FloatArray",
    "FloatConv",
    "FloatDense",
    "FloatIntegrator",
    "FloatLayer",
    "FloatNetwork",
    "FloatNeuron",
]
