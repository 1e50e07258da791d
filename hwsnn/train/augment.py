"""Images as they might have been, too: moved, turned, scaled, sheared, bent or mirrored a little by chance.

Affine and elastic distortions of digits: P. Simard, D. Steinkraus, J. Platt, "Best Practices for Convolutional Neural
Networks Applied to Visual Document Analysis", ICDAR 2003.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

BENDS = 5
"""Knots a side of the field that bends an image, smooth in between."""


@dataclass(frozen=True)
class Distortion:
    """How far each may go: ``shift`` and ``bend`` in pixels (``bend`` a standard deviation), ``turn`` in degrees,
    ``scale`` and ``shear`` as parts of 1."""

    shift: float
    turn: float
    scale: float
    shear: float = 0.0
    bend: float = 0.0

    def __call__(self, images: Tensor) -> Tensor:
        """The images (N, C, H, W), each distorted by itself.

        Of values by step (N, T, C, H, W) all steps are distorted in the same way, and each pixel has the value of the
        nearest, so that events stay whole.
        """
        if images.ndim == 5:
            return self._distorted(images.flatten(1, 2), "nearest").view_as(images)
        return self._distorted(images, "bilinear")

    def _distorted(self, images: Tensor, mode: str) -> Tensor:
        count, size = len(images), list(images.shape[2:])

        def chance(largest: float) -> Tensor:
            return (torch.rand(count, device=images.device) * 2 - 1) * largest

        high_pixel, wide_pixel = (2 / extent for extent in size)  # grid_sample measures an image from -1 to 1
        angle, shear = chance(math.radians(self.turn)), chance(self.shear)
        wide, high = 1 + chance(self.scale), 1 + chance(self.scale)
        cosine, sine = angle.cos(), angle.sin()
        rows = (
            torch.stack([wide * cosine, high * (shear * cosine - sine), chance(self.shift * wide_pixel)], 1),
            torch.stack([wide * sine, high * (shear * sine + cosine), chance(self.shift * high_pixel)], 1),
        )
        grid = functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
        if self.bend:
            pixel = torch.tensor([wide_pixel, high_pixel], device=images.device)[:, None, None]
            field = torch.randn(count, 2, BENDS, BENDS, device=images.device) * (self.bend * pixel)
            field = functional.interpolate(field, size=size, mode="bicubic", align_corners=True)
            grid = grid + field.permute(0, 2, 3, 1)
        return functional.grid_sample(images, grid, mode=mode, align_corners=False)


@dataclass(frozen=True)
class Shifted:
    """Moves images by up to ``pixels`` whole pixels either way, black coming in, and mirrors every other one.

    Then a square of ``erased`` pixels a side becomes black, its centre anywhere in the image: T. DeVries, G. W. Taylor,
    "Improved Regularization of Convolutional Neural Networks with Cutout", arXiv:1708.04552, 2017.
    """

    pixels: int
    erased: int = 0

    def __call__(self, images: Tensor) -> Tensor:
        """The images (N, C, H, W), each moved and mirrored by itself."""
        count, _, height, width = images.shape
        padded = functional.pad(images, (self.pixels,) * 4)
        rows, columns = (
            torch.randint(2 * self.pixels + 1, (count, 1), device=images.device)
            + torch.arange(extent, device=images.device)
            for extent in (height, width)
        )
        mirrored = torch.rand(count, 1, device=images.device) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
        every = torch.arange(count, device=images.device)[:, None, None]
        # Indices before and after the slice of channels put them last.
        moved = padded[every, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
        return moved if self.erased == 0 else moved.masked_fill(self._erased(moved), 0)

    def _erased(self, images: Tensor) -> Tensor:
        """Which pixels of the images become black: (N, 1, H, W)."""
        within = []
        for extent in images.shape[2:]:
            start = torch.randint(extent, (len(images), 1), device=images.device) - self.erased // 2
            places = torch.arange(extent, device=images.device) - start
            within.append((places >= 0) & (places < self.erased))
        rows, columns = within
        return (rows[:, :, None] & columns[:, None, :])[:, None]
