"""The planner: estimates the cost of folds, and chooses the folding of a network."""

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
