"""Sound as spikes: the energies of a bank of filters over time, against levels below the loudest.

The bands are triangles of equal width on the mel scale, as S. B. Davis and P. Mermelstein have them ("Comparison of
Parametric Representations for Monosyllabic Word Recognition in Continuously Spoken Sentences", IEEE Transactions on
Acoustics, Speech, and Signal Processing 28(4), 1980). Time is stretched to a fixed number of steps and loudness is
relative to the recording, so that neither the pace nor the volume of a speaker matters. The levels are ours.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Spikes = npt.NDArray[np.uint8]

TIMESTEPS = 32
BANDS = 32
LEVELS_DB = (-44, -34, -26, -18, -10)
"""A channel spikes where its band is above this, in decibels of the loudest band at the loudest step."""
CHANNELS = BANDS * len(LEVELS_DB)
LOWEST_HZ, HIGHEST_HZ = 100.0, 3800.0
"""Where the bands begin and end: telephone speech, so that rates from 8 kHz on will do."""
LEAST_RATE, LARGEST_RATE = 8_000, 192_000
ROUNDING = 1e-12
"""Below this part of its offset a sound is none."""
LONGEST_S = 10
WINDOW_S, HOP_S = 0.032, 0.01
SILENCE_DB = -40
"""Before the first and after the last hop of this energy, in decibels of the loudest hop, there is silence."""
EMPHASIS = 0.9
"""High frequencies, which are weak in voices, are raised: a sample minus so much of the one 1/8000 s before."""


def encode(samples: npt.ArrayLike, rate: int) -> Spikes:
    """The spikes of a recording of one word: 0 or 1, (TIMESTEPS, CHANNELS) uint8.

    ``samples``: (n,) of one channel, in any unit: its scale and offset do not matter; silence around the word does not
    either. ``rate``: samples per second. Channel ``band * levels + level``, bands from low to high, is 1 at the steps
    at which the band is louder than that level. Without any sound there are no spikes. Raises ``ValueError`` for
    samples that are not a row of finite numbers, 10 seconds at most, and for rates out of range.
    """
    if not LEAST_RATE <= rate <= LARGEST_RATE:
        raise ValueError(f"rate must be from {LEAST_RATE} to {LARGEST_RATE} samples per second, not {rate!r}")
    sound = np.asarray(samples, np.float64)
    if sound.ndim != 1 or not 1 <= len(sound) <= LONGEST_S * rate:
        raise ValueError(f"samples must be one row of up to {LONGEST_S} seconds, not of shape {sound.shape}")
    if not np.isfinite(sound).all():
        raise ValueError("samples must be finite, not NaN or infinite anywhere")
    offset = sound.mean()
    if np.ptp(sound) <= ROUNDING * abs(offset):  # all the same: what is left of it would be rounding alone
        return np.zeros((TIMESTEPS, CHANNELS), np.uint8)
    energies = _energies(_word(sound - offset, rate), rate)
    loudest = energies.max()
    if loudest <= 0:
        return np.zeros((TIMESTEPS, CHANNELS), np.uint8)
    levels = loudest * 10 ** (np.array(LEVELS_DB) / 10)
    spikes: Spikes = (energies[:, :, None] > levels).astype(np.uint8)
    return spikes.reshape(TIMESTEPS, CHANNELS)


def _word(sound: Floats, rate: int) -> Floats:
    """The sound with its high frequencies raised, without the silence around it."""
    raised = np.append(sound[:1], sound[1:] - EMPHASIS ** (LEAST_RATE / rate) * sound[:-1])
    hop = round(HOP_S * rate)
    hops = np.pad(raised, (0, -len(raised) % hop)).reshape(-1, hop)
    energies = np.square(hops).mean(axis=1)
    loud = np.flatnonzero(energies >= energies.max() * 10 ** (SILENCE_DB / 10))
    word: Floats = raised[loud[0] * hop : (loud[-1] + 1) * hop]
    return word


def _energies(sound: Floats, rate: int) -> Floats:
    """(TIMESTEPS, BANDS): those of windows whose middles divide the sound evenly."""
    size = round(WINDOW_S * rate)
    starts = ((np.arange(TIMESTEPS) + 0.5) / TIMESTEPS * len(sound)).astype(np.int64)
    padded = np.pad(sound, (size // 2, size))
    windows = padded[starts[:, None] + np.arange(size)] * np.hanning(size)
    spectrum: npt.NDArray[Any] = np.fft.rfft(windows, 2 * size)
    energies: Floats = np.square(np.abs(spectrum)) @ _bands(size, rate).T
    return energies


@lru_cache(maxsize=4)
def _bands(size: int, rate: int) -> Floats:
    """(BANDS, frequencies): what each band takes of the frequencies of windows of ``size`` samples, 1 in all."""
    edges = _from_mel(np.linspace(_to_mel(LOWEST_HZ), _to_mel(HIGHEST_HZ), BANDS + 2))
    frequencies = np.arange(size + 1) * rate / (2 * size)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
    bands: Floats = np.clip(np.minimum(rising, falling), 0, None)
    bands /= bands.sum(axis=1, keepdims=True)
    return bands


def _to_mel(frequency: float) -> float:
    return float(2595 * np.log10(1 + frequency / 700))


def _from_mel(mel: Floats) -> Floats:
    found: Floats = 700 * (10 ** (mel / 2595) - 1)
    return found
