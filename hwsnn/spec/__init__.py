"""What an integer spiking network is: its layers, neurons and encoder, as frozen dataclasses.

Every class checks its own values on construction and raises ``ValueError`` with "X must be ..., not ...".
Shapes are inferred, ranges and widths follow from the weights; ``docs/numerics.md`` is the meaning of it all.
Axis order is (channels, height, width) throughout.
"""

from .encoder import MIXED_SEED, Encoder, EncoderKind
from .layers import (
    KINDS,
    PROJECTIONS,
    AnyProjection,
    Conv,
    Dense,
    IntegerProjection,
    Layer,
    MaxPool,
    PoolMode,
    Population,
    largest_weight,
)
from .leaks import LEAKS, ChannelLeak, Leak, MultiplyLeak, NoLeak, ShiftLeak
from .limits import (
    MAX_EXTENT,
    MAX_FRACTION_BITS,
    MAX_LEAK_SHIFT,
    MAX_MEMBRANE_BITS,
    MAX_PIXEL_BITS,
    MAX_SPIKES,
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
from .network import SPIKE_READOUTS, Inputs, Network, Readout
from .neurons import AnyNeuron, Integrator, Neuron, Reset, StateVariable, SynapticCurrent
from .projections import Convolution, FullyConnected, Projection, Window

__all__ = [
    "KINDS",
    "LEAKS",
    "MAX_EXTENT",
    "MAX_FRACTION_BITS",
    "MAX_LEAK_SHIFT",
    "MAX_MEMBRANE_BITS",
    "MAX_PIXEL_BITS",
    "MAX_SPIKES",
    "MAX_TIMESTEPS",
    "MAX_WEIGHT_BITS",
    "MIN_MEMBRANE_BITS",
    "MIN_WEIGHT_BITS",
    "MIXED_SEED",
    "PROJECTIONS",
    "RESERVED_NAMES",
    "SPIKE_READOUTS",
    "AnyNeuron",
    "AnyProjection",
    "ChannelLeak",
    "Conv",
    "Convolution",
    "Dense",
    "Encoder",
    "EncoderKind",
    "FullyConnected",
    "Inputs",
    "IntegerProjection",
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
    "Population",
    "Projection",
    "Readout",
    "Reset",
    "Shape",
    "ShiftLeak",
    "StateVariable",
    "SynapticCurrent",
    "Window",
    "is_layer_name",
    "largest_weight",
    "require_layer_names",
    "require_network_name",
    "require_shape",
]
