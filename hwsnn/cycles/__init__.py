"""The exact cycle model: what simulation of the generated hardware would measure, without it."""

from .model import Cycles, queue_depths, result_clocks, simulate

__all__ = ["Cycles", "queue_depths", "result_clocks", "simulate"]
