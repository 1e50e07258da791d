"""Trained networks of a layer or two, written down in a line, and what the quantizer makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwsnn import spec, trained
from hwsnn.quantization_report import Report
from hwsnn.quantize import quantize


def neuron(
    theta: Any = 1.0, beta: float = 1.0, compare: trained.Compare = "greater", reset: spec.Reset = "zero"
) -> trained.Neuron:
    return trained.Neuron(np.atleast_1d(np.asarray(theta, float)), beta, compare, reset)


def dense(
    weight: Any, bias: Any = None, its_neuron: trained.Neuron | trained.Integrator | None = None
) -> trained.Dense:
    """A fully connected layer on a row of pixels or on channels, from rows of weights."""
    rows = np.asarray(weight, float)
    biases = np.zeros(len(rows)) if bias is None else np.asarray(bias, float)
    fires = neuron(np.ones(len(rows))) if its_neuron is None else its_neuron
    return trained.Dense("dense1", rows[:, None, None, :], biases, fires)


def network(*layers: trained.Layer, shape: spec.Shape = (1, 1, 2)) -> trained.Network:
    return trained.Network("net", shape, layers)


def built(
    source: trained.Network, encoding: spec.EncoderKind = "uniform", timesteps: int = 4, **options: Any
) -> tuple[spec.Network, Report]:
    return quantize(source, timesteps=timesteps, encoder=spec.Encoder(encoding), **options)


def only_layer(source: trained.Network, *args: Any, **options: Any) -> spec.Dense:
    (layer,) = built(source, *args, **options)[0].layers
    assert isinstance(layer, spec.Dense)
    return layer


def fires(layer: spec.Dense) -> spec.Neuron:
    assert isinstance(layer.neuron, spec.Neuron)
    return layer.neuron
