"""Blocks to train spiking networks with PyTorch (extra ``train``); the recipes in ``models/`` are made of them.

Nothing else in hwsnn imports this part. Its neurons have the time steps of ``docs/numerics.md``, so a trained network
and the integer network made of it differ by rounding alone. ``finetune`` is for modules of a user's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .finetuning import finetune

__all__ = ["finetune"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name != "finetune":  # PyTorch is imported where it is used
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from .finetuning import finetune

        globals()[name] = finetune
        return finetune
