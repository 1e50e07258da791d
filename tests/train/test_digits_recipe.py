"""The images of the digits recipe: always the same ones, in parts that share none."""

from __future__ import annotations

import numpy as np
import pytest

from hwsnn.data import load
from hwsnn.model_file.by_name import load_model

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from models.digits.recipe import PART, read  # it needs them


def test_no_image_is_in_two_parts() -> None:
    training, test = (read("", split).images for split in ("train", "test"))
    parts = [{image.tobytes() for image in part} for part in (training[:-PART], training[-PART:], test)]
    assert [len(part) for part in parts] == [1077, 360, 360]
    assert len(set.union(*parts)) == 1797


def test_every_part_has_the_same_share_of_each_digit() -> None:
    training, test = (read("", split).labels for split in ("train", "test"))
    whole = np.bincount(np.concatenate([training, test])) / 1797
    for part in (training[:-PART], training[-PART:], test):
        assert np.bincount(part) / len(part) == pytest.approx(whole, abs=1.5 / PART)


def test_the_word_digits_is_the_test_part() -> None:
    shipped, test = load("digits", load_model("digits")), read("", "test")
    assert shipped.labels is not None
    assert np.array_equal(shipped.images, test.images)
    assert np.array_equal(shipped.labels, test.labels)
