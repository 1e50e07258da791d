"""A trained network in floats: the output of the front ends, and the input of the quantizer."""

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
