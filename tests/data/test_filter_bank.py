"""Sound as spikes: which channels a tone drives, and what does not matter."""

from __future__ import annotations

import numpy as np
import pytest

from hwsnn.data.filter_bank import BANDS, CHANNELS, LEVELS_DB, TIMESTEPS, Floats, encode

RATE = 8000


def tone(hertz: float, seconds: float = 0.4, rate: int = RATE) -> Floats:
    sound: Floats = np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return sound


def word(rate: int = RATE) -> Floats:
    """A low tone, then a high one that is a tenth as loud."""
    return np.concatenate([tone(400, rate=rate), 0.1 * tone(2000, rate=rate)])


def by_band(samples: Floats, rate: int = RATE) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return encode(samples, rate).reshape(TIMESTEPS, BANDS, len(LEVELS_DB))


@pytest.mark.parametrize(("hertz", "band"), [(150, 0), (1000, 12), (3600, 30)])
def test_a_tone_drives_its_band_most(hertz: float, band: int) -> None:
    spikes = by_band(tone(hertz))
    loudest = spikes.sum(axis=(0, 2)).argmax()
    assert abs(int(loudest) - band) <= 1
    assert spikes[:, loudest].all(), "at every step, above every level"


def test_time_runs_from_the_first_step_to_the_last() -> None:
    spikes = by_band(word())
    low, high = spikes[:, :10].sum(axis=(1, 2)), spikes[:, 20:].sum(axis=(1, 2))
    assert (low > high)[: TIMESTEPS // 2 - 2].all()
    assert (high > low)[TIMESTEPS // 2 + 2 :].all()


def test_a_louder_level_is_never_above_without_the_softer_ones() -> None:
    spikes = by_band(np.random.default_rng(0).normal(size=4000) * np.linspace(0, 1, 4000))
    assert 0 < spikes.mean() < 1
    assert (np.diff(spikes.astype(int), axis=2) <= 0).all()


def test_volume_offset_pace_and_silence_do_not_matter() -> None:
    expected = encode(word(), RATE)
    assert expected.dtype == np.uint8
    assert expected.shape == (TIMESTEPS, CHANNELS)
    assert np.array_equal(encode(word() * 4096, RATE), expected)
    assert np.mean(encode(word() * 1e-3 + 7, RATE) != expected) < 0.01
    slow = np.concatenate([tone(400, 0.8), 0.1 * tone(2000, 0.8)])
    assert np.mean(encode(slow, RATE) != expected) < 0.03
    assert np.mean(encode(np.pad(word(), (2400, 800)), RATE) != expected) < 0.03


def test_another_rate_gives_nearly_the_same_spikes() -> None:
    assert np.mean(encode(word(16_000), 16_000) != encode(word(), RATE)) < 0.05


@pytest.mark.parametrize("samples", [np.zeros(100), np.full(100, 5), np.array([3])])
def test_silence_has_no_spikes(samples: Floats) -> None:
    assert not encode(samples, RATE).any()


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (np.zeros(10), 4000, "rate must be from 8000 to 192000 samples per second, not 4000"),
        (np.zeros(0), RATE, r"samples must be one row of up to 10 seconds, not of shape \(0,\)"),
        (np.zeros((10, 2)), RATE, r"samples must be one row of up to 10 seconds, not of shape \(10, 2\)"),
        (np.zeros(80_001), RATE, r"samples must be one row of up to 10 seconds, not of shape \(80001,\)"),
        (np.array([0, np.nan]), RATE, "samples must be finite, not NaN or infinite anywhere"),
    ],
)
def test_what_cannot_be_encoded(samples: Floats, rate: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode(samples, rate)


def test_a_constant_sound_is_none() -> None:
    """Of floats too, whose mean is not exactly their value."""
    assert not encode(np.full(4000, 0.1), 8000).any()
