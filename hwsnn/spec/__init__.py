"""What an integer spiking network is: its layers, neurons and encoder, as frozen dataclasses.

Every class checks its own values on construction and raises ``ValueError`` with "X must be ..., not ...".
Shapes are inferred, ranges and widths follow from the weights; ``docs/numerics.md`` is the meaning of it all.
Axis order is (channels, height, width) throughout.
"""

from .encoder import MIXED_SEED, Encoder, EncoderKind
from .layers import KINDS, Conv, Dense, Layer, MaxPool, PoolMode, Weighted, WeightedKind
from .leaks import LEAKS, Leak, MultiplyLeak, NoLeak, ShiftLeak
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
from .neurons import AnyNeuron, Integrator, Neuron, Reset, StateVariable
from .projections import Convolution, FullyConnected, Projection, Window

__all__ = [
    "KINDS",
    "LEAKS",
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
    "AnyNeuron",
    "Conv",
    "Convolution",
    "Dense",
    "Encoder",
    "EncoderKind",
    "FullyConnected",
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
    "Projection",
    "Readout",
    "Reset",
    "Shape",
    "ShiftLeak",
    "StateVariable",
    "Weighted",
    "WeightedKind",
    "Window",
    "is_layer_name",
    "require_layer_names",
    "require_network_name",
    "require_shape",
]
