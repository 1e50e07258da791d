"""Conventions where NIR is silent: the length of a step, and metadata keys for what NIR cannot express.

Other readers ignore the keys, and see a plain NIR graph: neurons that start at 0, reset to zero and fire once above the
threshold, pools whose spikes are summed and compared. A pool of currents has no such likeness: its node is of a type
that they refuse.
"""

DEFAULT_DT = 1e-4
"""Seconds per step, by convention of the frameworks that write NIR."""

PREFIX = "hwsnn_"

NAME = PREFIX + "name"
"""Of the Input: the network's name. The file may be called anything."""
TIMESTEPS = PREFIX + "timesteps"
"""Of the Input: steps per frame in training, 1 to 256."""
ENCODING = PREFIX + "encoding"
"""Of the Input: how pixels became time steps in training (``hwsnn.spec.EncoderKind``)."""
READOUT = PREFIX + "readout"
"""Of the Input: what the scores were in training (``hwsnn.spec.Readout``)."""
MEAN = PREFIX + "mean"
STD = PREFIX + "std"
INPUT_SCALE = PREFIX + "input_scale"
"""Of the Input: what a value counts as, with mean and std per channel (``hwsnn.float_network.FloatNetwork``)."""
RESET = PREFIX + "reset"
"""Of neurons that fire: ``hwsnn.spec.Reset``."""
COMPARE = PREFIX + "compare"
"""Of neurons that fire: ``hwsnn.float_network.Compare``."""
SPIKES = PREFIX + "spikes"
"""Of neurons that fire: most spikes per step, where those are several."""
ONCE = PREFIX + "once"
"""Of neurons that fire: 1 where they fire once per frame."""
BETA = PREFIX + "beta"
ALPHA = PREFIX + "alpha"
"""Of neurons that leak, and of synaptic currents: the exact decay per step, which a time constant cannot give; one
number, or one per channel."""
INITIAL = PREFIX + "initial"
FLOOR = PREFIX + "floor"
"""Of neurons: initial membranes and lower bounds, per channel."""
POOL = PREFIX + "pool"
"""Of the Threshold behind a pool of spikes: ``hwsnn.spec.PoolMode``."""

MAX_POOL = "MaxPool2d"
"""The type of a node that NIR lacks: the largest value of a window."""

_STATE = {INITIAL, FLOOR}
_FIRING = {RESET, COMPARE, SPIKES, ONCE}
KEYS = {
    "Input": {NAME, TIMESTEPS, ENCODING, READOUT, MEAN, STD, INPUT_SCALE},
    "IF": _STATE | _FIRING,
    "LIF": _STATE | _FIRING | {BETA},
    "CubaLIF": _STATE | _FIRING | {BETA, ALPHA},
    "I": _STATE,
    "LI": _STATE | {BETA},
    "CubaLI": _STATE | {BETA, ALPHA},
    "Threshold": {POOL},
}
"""Keys by type of node. An unknown key with the prefix was written by another version."""

RESET_REMARK = (
    "reset: NIR knows only reset to a value, so the file says zero whatever the network was trained with; "
    "if that was subtraction (the default of snnTorch and sinabs), give --reset subtract"
)
"""Remark: the file does not say which reset was meant."""
COMPARE_REMARK = (
    "firing: NIR knows only v > threshold; if the network was trained to fire on v >= threshold (as SpikingJelly and "
    "sinabs do), give --compare greater_equal"
)
"""Remark: the file does not say how the threshold is compared."""
SUBTRACT_REMARK = (
    "reset subtract: once, in the step of the spike. Leaky of snnTorch subtracts a step later: --reset late-subtract; "
    "with reset_delay=False a second time then: --reset undelayed-subtract"
)
"""Remark: reset by subtraction, which such a file cannot express, has several meanings."""
