"""The planner: estimates the cost of folds, and chooses the folding of a network."""

from .resource_estimate import Cost, edge_cost, layer_cost, total_cost
from .room import TooLargeError, shortage
from .search import Candidate, FoldingSearch, TooFastError

__all__ = [
    "Candidate",
    "Cost",
    "FoldingSearch",
    "TooFastError",
    "TooLargeError",
    "edge_cost",
    "layer_cost",
    "shortage",
    "total_cost",
]
