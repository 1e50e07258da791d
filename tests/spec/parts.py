"""A small network and its parts, of which tests change one thing at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwsnn.spec import Encoder, Integrator, Leak, MaxPool, Network, Neuron, NoLeak, Population, Reset
from tests.support.layers import conv_layer, dense_layer


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.int64)


def neuron(channels: int, reset: Reset = "subtract", leak: Leak | None = None, bits: int = 16) -> Neuron:
    return Neuron(ones(channels), leak or NoLeak(), reset, bits, 0 * ones(channels) if reset == "subtract" else None)


def conv(**changes: Any) -> Population:
    fields: dict[str, Any] = {"name": "conv", "weight": ones(4, 2, 3, 2), "bias": ones(4), "weight_bits": 8}
    return conv_layer(**({**fields, "neuron": neuron(4)} | changes))


def network(**changes: Any) -> Network:
    """2x9x8 pixels, a convolution to 4x7x7, a pool to 4x3x3, a fully connected layer of 5 classes."""
    fields: dict[str, Any] = {
        "name": "test",
        "input_shape": (2, 9, 8),
        "pixel_bits": 8,
        "encoder": Encoder("direct"),
        "timesteps": 3,
        "layers": (
            conv(),
            MaxPool("pool", (2, 2), (2, 2), "or"),
            dense_layer("last", ones(5, 4, 3, 3), ones(5), 8, Integrator(NoLeak(), 16)),
        ),
        "readout": "membrane",
    }
    return Network(**(fields | changes))
