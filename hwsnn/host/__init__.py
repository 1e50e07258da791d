"""The host's side of a board: one way to run images on any of them."""

from .accelerator import Accelerator, Inference, Stats

__all__ = ["Accelerator", "Inference", "Stats"]
