"""Trained networks of a layer or two, written down in a line, and what the quantizer makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwsnn import spec
from hwsnn.float_network import (
    Compare,
    FloatIntegrator,
    FloatLayer,
    FloatNetwork,
    FloatNeuron,
    FloatPopulation,
)
from hwsnn.quantization.quantize import quantize
from hwsnn.quantization.report import QuantizationReport
from tests.support.layers import float_dense_layer


def neuron(
    theta: Any = 1.0, beta: float = 1.0, compare: Compare = "greater", reset: spec.Reset = "zero"
) -> FloatNeuron:
    return FloatNeuron(np.atleast_1d(np.asarray(theta, float)), beta, compare, reset)


def dense(weight: Any, bias: Any = None, its_neuron: FloatNeuron | FloatIntegrator | None = None) -> FloatPopulation:
    """A fully connected layer on a row of pixels or on channels, from rows of weights."""
    rows = np.asarray(weight, float)
    biases = np.zeros(len(rows)) if bias is None else np.asarray(bias, float)
    fires = neuron(np.ones(len(rows))) if its_neuron is None else its_neuron
    return float_dense_layer("dense1", rows[:, None, None, :], biases, fires)


def network(*layers: FloatLayer, shape: spec.Shape = (1, 1, 2)) -> FloatNetwork:
    return FloatNetwork("net", shape, layers)


def built(
    source: FloatNetwork, encoding: spec.EncoderKind = "uniform", timesteps: int = 4, **options: Any
) -> tuple[spec.Network, QuantizationReport]:
    return quantize(source, timesteps=timesteps, encoding=encoding, **options)


def only_layer(source: FloatNetwork, *args: Any, **options: Any) -> spec.Population:
    (layer,) = built(source, *args, **options)[0].layers
    assert isinstance(layer, spec.Population)
    return layer


def fires(layer: spec.Population) -> spec.Neuron:
    assert isinstance(layer.neuron, spec.Neuron)
    return layer.neuron
