"""How parallel a network is built: what a fold costs, and which to choose."""

from .choose import Balance, Chooser, TooFastError
from .estimate import Cost, layer_cost, total_cost
from .room import TooLargeError, shortage

__all__ = [
    "Balance",
    "Chooser",
    "Cost",
    "TooFastError",
    "TooLargeError",
    "layer_cost",
    "shortage",
    "total_cost",
]
