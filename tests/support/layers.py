"""Populations of one projection, in one call each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from hwsnn.float_network import AnyFloatNeuron, FloatArray, FloatConv, FloatDense, FloatLayer, FloatPopulation
from hwsnn.spec import AnyNeuron, Conv, Dense, Layer, MaxPool, Pair, Population, Sum, Window
from hwsnn.spec.integers import IntArray

_Layer = TypeVar("_Layer", Population, FloatPopulation, MaxPool, Sum, Layer, FloatLayer)


def conv_layer(
    name: str,
    weight: IntArray,
    bias: IntArray,
    weight_bits: int,
    neuron: AnyNeuron,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    groups: int = 1,
    *,
    gain: IntArray | None = None,
    padding_values: IntArray | None = None,
    fraction_bits: int = 0,
    pool: Window | None = None,
) -> Population:
    """A convolution and its neurons."""
    conv = Conv(name, weight, weight_bits, gain, stride, padding, groups, padding_values)
    return Population(name, (conv,), bias, neuron, fraction_bits, pool)


def dense_layer(
    name: str, weight: IntArray, bias: IntArray, weight_bits: int, neuron: AnyNeuron, **fields: Any
) -> Population:
    """A fully connected projection and its neurons."""
    return Population(name, (Dense(name, weight, weight_bits),), bias, neuron, **fields)


def float_conv_layer(
    name: str,
    weight: FloatArray,
    bias: FloatArray,
    neuron: AnyFloatNeuron,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    groups: int = 1,
    *,
    pool: Window | None = None,
) -> FloatPopulation:
    """A convolution of floats and its neurons."""
    return FloatPopulation(name, (FloatConv(name, weight, stride, padding, groups),), bias, neuron, pool)


def float_dense_layer(name: str, weight: FloatArray, bias: FloatArray, neuron: AnyFloatNeuron) -> FloatPopulation:
    """A fully connected projection of floats and its neurons."""
    return FloatPopulation(name, (FloatDense(name, weight),), bias, neuron)


def with_weights(layer: Population, weight: IntArray, **fields: Any) -> Population:
    """The layer with other weights, and maybe other fields of its projection."""
    return replace(layer, projections=(replace(layer.projection, weight=weight, **fields),))


def renamed_layer(layer: _Layer, name: str) -> _Layer:
    """The layer by another name."""
    if isinstance(layer, MaxPool | Sum):
        return replace(layer, name=name)
    return replace(layer, name=name, projections=tuple(replace(each, name=name) for each in layer.projections))
