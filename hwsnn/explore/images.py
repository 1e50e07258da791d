"""The images on which a sweep measures accuracy."""

from __future__ import annotations

from typing import Literal, TypeAlias

from hwsnn.data.resolve import resolve

from ..data import Data, LabelledData, load, wish_of
from ..errors import InputError
from ..spec import Network

Part: TypeAlias = Literal["train-tail", "test"]

TAIL = 10_000


def measured(
    text: str, network: Network, part: Part | None = None, limit: int | None = None
) -> tuple[LabelledData, str]:
    """The images that ``text`` names, as in ``--data``, with labels, and a description of them.

    ``train-tail``, the default where there are training images: the last 10,000 of them, because designs are chosen by
    the result. ``test``: the test images, for finished designs. Only the first ``limit``, if given. Raises
    ``InputError`` if they are not usable.
    """
    path = resolve(text, "test" if part == "test" else "train", wish_of(network)).path
    if part == "test" or (part is None and path.is_file()):
        data, words = load(text, network, limit), f"the test images of {text}" if path.is_dir() else text
    else:
        data = load(text, network, split="train")
        last = min(TAIL, len(data.images))
        words = f"the last {last:,} training images of {text}"
        if limit is not None and limit > last:
            raise InputError(f"{text}: -n must be from 1 to {last}, the last training images, not {limit}")
        kept = slice(len(data.images) - last, len(data.images) - last + (limit or last))
        data = Data(data.images[kept], None if data.labels is None else data.labels[kept], data.remark)
    if data.labels is None:
        raise InputError(f"{text}: holds no labels; there must be some to measure accuracy")
    if data.remark:
        words += f" ({data.remark})"
    return LabelledData(data.images, data.labels, data.remark), words
