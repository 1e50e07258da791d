"""The exact timing model: the cycles that simulation of the generated hardware measures, without simulation."""

from .model import Cycles, queue_depths, result_clocks, simulate

__all__ = ["Cycles", "queue_depths", "result_clocks", "simulate"]
