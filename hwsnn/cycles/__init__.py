"""The exact timing model: the cycles that simulation of the generated hardware measures, without simulation."""

from .connected import DeadlockError
from .model import Cycles, least_cycles, queue_depths, result_clocks, simulate

__all__ = ["Cycles", "DeadlockError", "least_cycles", "queue_depths", "result_clocks", "simulate"]
