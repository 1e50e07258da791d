"""The images by which a sweep measures accuracy."""

from __future__ import annotations

from typing import Literal, TypeAlias

from ..data import LabelledData, load
from ..data.places import place
from ..errors import InputError
from ..spec import Network

Part: TypeAlias = Literal["train-tail", "test"]

TAIL = 10_000


def measured(
    text: str, network: Network, part: Part | None = None, limit: int | None = None
) -> tuple[LabelledData, str]:
    """The images that ``text`` names, as in ``--data``, with labels; and which they are, in words.

    ``train-tail``, the default where there are training images: the last 10,000 of them, as designs are chosen by what
    comes out. ``test``: the test images, for designs that are finished. Only the first ``limit``, where given. Raises
    ``InputError`` for whatever is not usable.
    """
    path = place(text, "test" if part == "test" else "train")
    if part == "test" or (part is None and path.is_file()):
        data, words = load(text, network, limit), "the test images" if path.is_dir() else "the images"
    else:
        data, words = load(text, network, split="train"), "the last training images"
        kept = slice(-min(TAIL, len(data.images)), None)
        tail = type(data)(data.images[kept], None if data.labels is None else data.labels[kept])
        if limit is not None and limit > len(tail.images):
            raise InputError(f"{text}: -n must be from 1 to {len(tail.images)}, the last training images, not {limit}")
        data = type(data)(tail.images[:limit], None if tail.labels is None else tail.labels[:limit])
    if data.labels is None:
        raise InputError(f"{text}: holds no labels; there must be some to measure accuracy")
    return LabelledData(data.images, data.labels), f"{words} of {text}"
