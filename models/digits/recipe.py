"""The digits model: 8x8-16c3p-2s-24c3-10, two steps, for the handwritten digits that scikit-learn carries."""

import numpy as np

from hwsnn.data import LabelledData
from hwsnn.data.idx import Split
from hwsnn.train.augment import Distortion
from hwsnn.train.loop import Plan
from hwsnn.train.recipe import DataSet, Recipe

SPLIT_SEED, PART = 2024, 360


def read(text: str, split: Split) -> LabelledData:
    """The images of a split, always the same, whatever ``text`` is: 1,437 to train with and 360 to measure.

    Each part has the same share of every digit, and so have the last 360 training images: hold out that many.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    found = load_digits()
    pixels, y = np.rint(found.images * 255 / 16).astype(np.uint8)[:, np.newaxis], found.target.astype(np.int64)
    rest, test = train_test_split(np.arange(len(y)), test_size=PART, stratify=y, random_state=SPLIT_SEED)
    first, last = train_test_split(rest, test_size=PART, stratify=y[rest], random_state=SPLIT_SEED)
    part = np.sort(test) if split == "test" else np.concatenate([np.sort(first), np.sort(last)])
    return LabelledData(pixels[part], y[part])


PROSE = """x"""

RECIPE = Recipe(
    name="digits",
    notation="8x8-16c3p-2s-24c3-10",
    timesteps=2,
    beta=0.5,
    plan=Plan(epochs=100, learning_rate=0.01, weight_decay=0.3, average=0.99, half_precision=False),
    distortion=Distortion(shift=0.3, turn=12, scale=0.1),
    prose=PROSE,
    data=DataSet("the digits of scikit-learn", read),
)
