"""How parallel a network is built: what a fold costs, and which to choose."""

from .choose import Balance, Chooser, TooFastError
from .estimate import Cost, layer_cost

__all__ = ["Balance", "Chooser", "Cost", "TooFastError", "layer_cost"]
