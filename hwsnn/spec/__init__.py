"""What an integer spiking network is: its layers, neurons and encoder, as frozen dataclasses.

Every class checks its own values on construction and raises ``ValueError`` with "X must be ..., not ...".
Shapes are inferred, ranges and widths follow from the weights; ``docs/numerics.md`` is the meaning of it all.
Axis order is (channels, height, width) throughout.
"""

from .encoder import MIXED_SEED, Encoder, EncoderKind
from .layers import Conv, Dense, Layer, MaxPool, PoolMode, conv_shape, dense_shape
from .leaks import Leak, MultiplyLeak, NoLeak, ShiftLeak
from .limits import (
    MAX_EXTENT,
    MAX_LEAK_SHIFT,
    MAX_MEMBRANE_BITS,
    MAX_PIXEL_BITS,
    MAX_TIMESTEPS,
    MAX_WEIGHT_BITS,
    MIN_MEMBRANE_BITS,
    MIN_WEIGHT_BITS,
    RESERVED_NAMES,
    Pair,
    Shape,
    is_layer_name,
    require_layer_names,
    require_network_name,
    require_shape,
)
from .network import Network, Readout
from .neurons import Integrator, Neuron, Reset

__all__ = [
    "MAX_EXTENT",
    "MAX_LEAK_SHIFT",
    "MAX_MEMBRANE_BITS",
    "MAX_PIXEL_BITS",
    "MAX_TIMESTEPS",
    "MAX_WEIGHT_BITS",
    "MIN_MEMBRANE_BITS",
    "MIN_WEIGHT_BITS",
    "MIXED_SEED",
    "RESERVED_NAMES",
    "Conv",
    "Dense",
    "Encoder",
    "EncoderKind",
    "Integrator",
    "Layer",
    "Leak",
    "MaxPool",
    "MultiplyLeak",
    "Network",
    "Neuron",
    "NoLeak",
    "Pair",
    "PoolMode",
    "Readout",
    "Reset",
    "Shape",
    "ShiftLeak",
    "conv_shape",
    "dense_shape",
    "is_layer_name",
    "require_layer_names",
    "require_network_name",
    "require_shape",
]
