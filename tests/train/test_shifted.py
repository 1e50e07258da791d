"""Images distorted: photographs by whole pixels, nothing between pixels, black from outside; digits by any part."""

from __future__ import annotations

from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")

from hwsnn.train.augment import Distortion, Shifted  # noqa: E402  # it needs PyTorch


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


def test_a_square_is_erased() -> None:
    torch.manual_seed(2)
    images = torch.full((300, 2, 6, 9), 0.5)
    found = Shifted(0, erased=3)(images)
    black = found == 0
    assert torch.equal(black[:, 0], black[:, 1])  # in all channels
    assert (found[~black] == 0.5).all()
    counts = black[:, 0].flatten(1).sum(1)
    assert set(counts.tolist()) == {4, 6, 9}  # in a corner, at an edge, inside
    for image in black[:, 0]:
        rows, columns = image.any(1), image.any(0)
        assert torch.equal(image, rows[:, None] & columns[None, :])
    assert black[:, 0].any(0).all()  # anywhere


def test_shifts_are_in_pixels_along_both_sides() -> None:
    """In an image that is twice as wide as high a dot moves up to two pixels either way, and not four."""
    torch.manual_seed(3)
    images = torch.zeros(500, 1, 10, 20)
    images[:, :, 5, 10] = 1
    found = Distortion(shift=2, turn=0, scale=0)(images)[:, 0]
    row, column = (found.sum(side) > 1e-3 for side in (2, 1))
    assert row.any(0).nonzero().flatten().tolist() == [3, 4, 5, 6, 7]
    assert column.any(0).nonzero().flatten().tolist() == [8, 9, 10, 11, 12]
