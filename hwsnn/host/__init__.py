"""The host's side of a board: one interface for all of them."""

from .accelerator import Accelerator, Inference, Stats

__all__ = ["Accelerator", "Inference", "Stats"]
