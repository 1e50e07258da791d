"""A trained network in floats: what the front ends make and the quantizer takes."""

from .network import (
    FLOAT_KINDS,
    Compare,
    FloatArray,
    FloatConv,
    FloatDense,
    FloatIntegrator,
    FloatLayer,
    FloatNetwork,
    FloatNeuron,
    FloatWeighted,
)

__all__ = [
    "FLOAT_KINDS",
    "Compare",
    "FloatArray",
    "FloatConv",
    "FloatDense",
    "FloatIntegrator",
    "FloatLayer",
    "FloatNetwork",
    "FloatNeuron",
    "FloatWeighted",
]
