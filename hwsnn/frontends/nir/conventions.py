"""Conventions where NIR is silent: the length of a step, and metadata keys for what NIR cannot express.

Other readers ignore the keys, and see a plain NIR graph: neurons that reset to zero and fire above the threshold, pools
whose spikes are summed and compared.
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
RESET = PREFIX + "reset"
"""Of neurons that fire: ``hwsnn.spec.Reset``."""
COMPARE = PREFIX + "compare"
"""Of neurons that fire: ``hwsnn.float_network.Compare``."""
BETA = PREFIX + "beta"
"""Of neurons that leak: the exact decay per step, which a time constant cannot give."""
POOL = PREFIX + "pool"
"""Of the Threshold behind a pool of spikes: ``hwsnn.spec.PoolMode``."""

KEYS = {
    "Input": {NAME, TIMESTEPS, ENCODING},
    "IF": {RESET, COMPARE},
    "LIF": {RESET, COMPARE, BETA},
    "LI": {BETA},
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
    "reset subtract: once, in the step of the spike. Leaky of snnTorch subtracts a step later, or with "
    "reset_delay=False a second time then; such a network differs: compare a few answers (docs/importing.md)"
)
"""Remark: reset by subtraction, which such a file cannot express, has several meanings."""
