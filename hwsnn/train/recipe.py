"""What recipes are made with: one run's options and data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch

from ..data import LabelledData, images, training
from ..errors import InputError
from .loop import Images


@dataclass(frozen=True)
class Run:
    """One run of a recipe: where its data are, where its files go, and where its random choices start.

    ``held_out``: so many of the last training images are not trained with, but measured in place of the test images. A
    run with images held out is for choosing; one without measures the test images, once, with the finished model.
    """

    name: str
    data: str
    out: Path
    seed: int
    held_out: int
    device: torch.device

    def training(self) -> Images:
        """The images to train with, on the device."""
        data = training(self.data)
        if self.held_out >= len(data.images):
            raise InputError(f"{self.data}: has {len(data.images)} training images; hold out fewer than that")
        kept = slice(len(data.images) - self.held_out)
        return tensors(LabelledData(data.images[kept], data.labels[kept])).to(self.device)

    def measured(self) -> LabelledData:
        """The images to measure the finished model with: the test images, or those held out."""
        if not self.held_out:
            data = images(self.data, "test")
            if data.labels is None:
                raise InputError(f"{self.data}: holds no test labels; there must be some to measure a model with")
            return LabelledData(data.images, data.labels)
        data = training(self.data)
        return LabelledData(data.images[-self.held_out :], data.labels[-self.held_out :])

    def validation(self) -> Images | None:
        """The images to watch while training: those held out, if any."""
        return tensors(self.measured()) if self.held_out else None

    def checkpoint(self, stage: str) -> Path:
        """Where a stage of training keeps how far it is."""
        return self.out / ".cache" / f"{stage}.pt"


Recipe: TypeAlias = Callable[[Run], None]
"""What a ``recipe.py`` has as ``train``: it trains a model, and writes it, its floats and its card to ``run.out``."""


def tensors(data: LabelledData) -> Images:
    """Pixels as floats from 0 to 1, and their classes."""
    return Images(torch.tensor(data.images, dtype=torch.float32) / 255, torch.tensor(data.labels))
