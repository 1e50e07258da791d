"""Distorted spikes of a filter bank: what moves them, and that they stay what the filter bank can give."""

from __future__ import annotations

from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")

from hwsnn.train.augment_sound import SoundDistortion  # noqa: E402  # it needs PyTorch

LEVELS, STEPS, BANDS = 3, 16, 10
NOTHING = SoundDistortion(levels=LEVELS, stretch=0, shift=0, bands=0, loudness=0, noise=0, gap=0)


def word(count: int = 40) -> Any:
    """The same spikes ``count`` times: a spot that is loudest in its middle, at step 8 and band 5."""
    step, band = torch.meshgrid(torch.arange(STEPS), torch.arange(BANDS), indexing="ij")
    counts = (LEVELS + 0.9 - ((step - 8).abs() / 2 + (band - 5).abs())).clamp(0, LEVELS).floor()
    spikes = (counts[..., None] > torch.arange(LEVELS)).float()
    return spikes.reshape(1, STEPS, BANDS * LEVELS, 1, 1).repeat(count, 1, 1, 1, 1)


def counts(spikes: Any) -> Any:
    return spikes.reshape(-1, STEPS, BANDS, LEVELS).sum(3)


def middle(spikes: Any, axis: int) -> Any:
    """The mean step (axis 1) or band (axis 2) of each recording's spikes."""
    along = counts(spikes).sum(3 - axis)
    return (along * torch.arange(along.shape[1])).sum(1) / along.sum(1)


def distorted(**changes: float) -> Any:
    torch.manual_seed(0)
    chosen: dict[str, Any] = {**vars(NOTHING), **changes}
    return SoundDistortion(**chosen)(word())


def test_nothing_changes_where_nothing_may() -> None:
    assert torch.equal(distorted(), word())


def test_spikes_stay_spikes_of_levels() -> None:
    made = distorted(stretch=0.2, shift=2, bands=2, loudness=1, noise=0.5, gap=3)
    assert made.shape == word().shape
    assert set(made.unique().tolist()) == {0.0, 1.0}
    levels = made.reshape(-1, LEVELS)
    assert (levels[:, 1:] <= levels[:, :-1]).all(), "no louder level without the softer ones"
    assert len(made.unique(dim=0)) == len(made), "each recording differs"


@pytest.mark.parametrize(("changes", "axis", "most"), [({"shift": 3}, 1, 3), ({"bands": 2}, 2, 2)])
def test_words_move(changes: dict[str, float], axis: int, most: float) -> None:
    moved = middle(distorted(**changes), axis) - middle(word(), axis)
    assert -most - 0.5 < moved.min() < -most / 2
    assert most / 2 < moved.max() < most + 0.5
    other = middle(distorted(**changes), 3 - axis) - middle(word(), 3 - axis)
    assert other.abs().max() < 0.2


def test_words_get_longer_and_shorter_louder_and_softer() -> None:
    long = (counts(distorted(stretch=0.5)).sum(2) > 0).sum(1)
    assert long.min() < (counts(word()[:1]).sum(2) > 0).sum() < long.max()
    loud = distorted(loudness=1).sum((1, 2, 3, 4))
    assert loud.min() < word()[0].sum() < loud.max()


def test_gaps_are_silent() -> None:
    full = torch.ones_like(word())
    torch.manual_seed(0)
    made = counts(SoundDistortion(**{**vars(NOTHING), "gap": 3})(full))
    silent_bands, silent_steps = (made.sum(1) == 0).sum(1), (made.sum(2) == 0).sum(1)
    for silent in (silent_bands, silent_steps):
        assert silent.min() == 0
        assert silent.max() == 3
