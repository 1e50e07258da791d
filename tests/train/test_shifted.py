"""Photographs moved by whole pixels and mirrored: nothing between pixels, black from outside."""

from __future__ import annotations

from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")

from hwsnn.train.augment import Shifted  # noqa: E402  # it needs PyTorch


def test_each_is_one_of_the_moves() -> None:
    torch.manual_seed(0)
    images = torch.rand(400, 3, 5, 7)
    found = Shifted(1)(images)
    assert found.shape == images.shape
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1))
    moves = [
        (padded[:, :, y : y + 5, x : x + 7].flip(3) if mirrored else padded[:, :, y : y + 5, x : x + 7])
        for y in range(3)
        for x in range(3)
        for mirrored in (False, True)
    ]
    which = torch.stack([(found == move).flatten(1).all(1) for move in moves])
    assert (which.sum(0) == 1).all()  # exactly one, the same for all channels
    counts = which.sum(1)
    assert counts.min() >= 8  # of 22 on average: every move comes, and none too often
    assert counts.max() <= 44


def test_no_move_only_mirrors() -> None:
    torch.manual_seed(1)
    images = torch.rand(50, 1, 4, 4)
    found = Shifted(0)(images)
    kept = (found == images).flatten(1).all(1)
    assert 10 < int(kept.sum()) < 40
    assert torch.equal(found[~kept], images[~kept].flip(3))
