"""How parallel a network is built: what a fold costs, and which to choose."""

from .resource_estimate import Cost, layer_cost, total_cost
from .room import TooLargeError, shortage
from .search import Candidate, FoldingSearch, TooFastError

__all__ = [
    "Candidate",
    "Cost",
    "FoldingSearch",
    "TooFastError",
    "TooLargeError",
    "layer_cost",
    "shortage",
    "total_cost",
]
