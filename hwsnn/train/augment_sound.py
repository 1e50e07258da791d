"""Spikes of a filter bank as other speakers might have made them: each recording varied by chance.

What varies is how fast a word is spoken and when it begins, how long the vocal tract is (frequencies scaled: N. Jaitly,
G. E. Hinton, "Vocal Tract Length Perturbation (VTLP) Improves Speech Recognition", ICML Workshop on Deep Learning for
Audio, Speech and Language Processing, 2013), loudness, and noise; and a few bands and steps are silent (D. S. Park et
al., "SpecAugment", Interspeech 2019). That all this is done to counts of levels, which become spikes again, is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class SoundDistortion:
    """How far each may go, for spikes of ``hwsnn.data.filter_bank`` with ``levels`` channels a band.

    ``stretch``: of time, a part of 1, and half as much of frequency. ``shift``: of time, in steps. ``bands``: of
    frequency, in bands. ``loudness``: in levels. ``noise``: in levels, a standard deviation. ``gap``: bands, and steps,
    that are silent.
    """

    levels: int
    stretch: float
    shift: float
    bands: float
    loudness: float
    noise: float
    gap: int

    def __call__(self, spikes: Tensor) -> Tensor:
        """The spikes (N, T, channels, 1, 1), each recording distorted by itself."""
        counts = spikes.flatten(2).unflatten(2, (-1, self.levels)).sum(3)  # how many levels a band is above
        number, steps, bands = counts.shape

        def chance(largest: float) -> Tensor:
            return (torch.rand(number, 1, 1, device=spikes.device) * 2 - 1) * largest

        def axis(extent: int) -> Tensor:
            return torch.linspace(-1, 1, extent, device=spikes.device)

        time = axis(steps).view(1, -1, 1) * (1 + chance(self.stretch)) + chance(2 * self.shift / steps)
        band = axis(bands).view(1, 1, -1) * (1 + chance(self.stretch / 2)) + chance(2 * self.bands / bands)
        grid = torch.stack((band.expand(-1, steps, -1), time.expand(-1, -1, bands)), 3)
        moved = functional.grid_sample(counts[:, None], grid, padding_mode="border", align_corners=True)[:, 0]
        moved = moved + chance(self.loudness) + torch.randn_like(moved) * self.noise
        silent = (
            self._gap(number, bands, spikes.device)[:, None, :] | self._gap(number, steps, spikes.device)[:, :, None]
        )
        moved = moved.masked_fill(silent, 0)
        needed = torch.arange(self.levels, device=spikes.device) + 0.5
        return (moved[..., None] > needed).to(spikes.dtype).view_as(spikes)

    def _gap(self, number: int, extent: int, device: torch.device) -> Tensor:
        """(number, extent): True for 0 to ``gap`` places in a row."""
        first = torch.randint(extent, (number, 1), device=device)
        length = torch.randint(self.gap + 1, (number, 1), device=device)
        place = torch.arange(extent, device=device)
        return (place >= first) & (place < first + length)
