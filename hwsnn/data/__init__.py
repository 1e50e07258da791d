"""Images and labels: named data sets, folders of them, ``.npz`` files, the shipped digits, or random ones.

- ``load(text, network, limit, split)``: images of a split (default: test), checked against a model.
- ``images(text, split, limit)``: images of either split, without a model.
- ``training(text, limit)``: the training split, with its labels.

``text`` is a folder, a file or a word, as in ``--data`` (``hwsnn.data.resolve``). Data files are untrusted input:
any error in them is an ``InputError`` of one line, and nothing is unpickled.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hwsnn.files.atomic import require_file

from ..errors import InputError
from ..spec import Network
from ..spec.integers import Images
from . import idx
from .frames import Data, LabelledData, Labels, Shape, counted, shaped
from .idx import Split
from .npz import Archive
from .reading import require_room
from .resolve import ANY, Wish, resolve
from .sets import SETS, word_of, words

__all__ = ["Data", "LabelledData", "Labels", "Wish", "images", "load", "random_images", "training", "wish_of"]

FORMS = "(N,H,W), (N,C,H,W) or (N,T,C,H,W)"
"""The shapes of x where no model says what it takes."""
LARGEST_LABEL = np.iinfo(np.int64).max


def load(text: str, network: Network, limit: int | None = None, split: Split = "test") -> Data:
    """The images of ``split`` for ``network`` that ``text`` names.

    They may have any shape whose extents other than 1 are those of ``network.frame_shape``, and get that shape. A
    network that takes n values takes images of as many pixels, in the order (channel, row, column).

    Only the first ``limit``, if given; there must be at least as many. Raises ``InputError`` if they are not usable,
    which includes images of another size, pixels above the model's largest, and labels that are not its classes.
    """
    data = _read(text, split, limit, wish_of(network), network.frame_shape)
    largest = int(data.images.max())
    if largest > network.largest_pixel:
        raise InputError(
            f"{text}: holds a pixel of {largest}; the model's {network.pixel_bits}-bit pixels go to "
            f"{network.largest_pixel}"
        )
    if data.labels is not None and (data.labels.min() < 0 or data.labels.max() >= network.classes):
        wrong = next(label for label in data.labels.tolist() if not 0 <= label < network.classes)
        raise InputError(f"{text}: holds the label {wrong}; the model's classes are 0 to {network.classes - 1}")
    return data


def images(text: str, split: Split = "test", limit: int | None = None, wish: Wish = ANY) -> Data:
    """The images of ``split`` ("train" or "test") that ``text`` names, of any size, and their labels if known.

    Only the first ``limit``, if given; there must be at least as many. An ``.npz`` file, and so ``digits``, has no
    training split. ``wish``: what is meant where ``text`` is a folder of several data sets. Raises ``InputError`` if
    they are not usable.
    """
    return _read(text, split, limit, wish)


def training(text: str, limit: int | None = None, wish: Wish = ANY) -> LabelledData:
    """The training split that ``text`` names, with its labels; 60,000 images for ``mnist``.

    Only the first ``limit``, if given; there must be at least as many. ``wish``: as of ``images``. Raises
    ``InputError`` if they are not usable, and if there are no labels.
    """
    data = images(text, "train", limit, wish)
    if data.labels is None:
        name = idx.name("train", "labels")
        raise InputError(f"{text}: holds no IDX train labels; there must be {name} or {name}.gz")
    return LabelledData(data.images, data.labels, data.remark)


def wish_of(network: Network) -> Wish:
    """What ``network`` takes where there are several data sets: what it is made with, else what has its shape."""
    return Wish(word_of(network.name), network.frame_shape)


def random_images(network: Network, count: int, seed: int) -> Images:
    """``count`` frames (count, *network.frame_shape) of uniformly random pixels, from 0 to the network's largest."""
    random = np.random.default_rng(seed)
    return random.integers(0, network.largest_pixel, (count, *network.frame_shape), np.uint8, endpoint=True)


def _read(text: str, split: Split, limit: int | None, wish: Wish, wanted: Shape | None = None) -> Data:
    """Images of the shape ``wanted``, or of any if it is None."""
    source = resolve(text, split, wish)
    path = source.path
    if source.named is not None:
        return source.named.frames(path, split).read(limit, wanted)
    if path.is_dir():
        name = idx.name(split, "images")
        folders = ", ".join(dict.fromkeys(form.folder for named in SETS.values() for form in named.forms))
        raise InputError(
            f"{path}: holds no IDX {split} images; there must be {name} or {name}.gz, or the folder of a named set "
            f"({folders})"
        )
    require_file(path, "data", f"give a folder of IDX files, an .npz file, or a word: {words()}", called=text)
    if split != "test":
        raise InputError(f"{text}: has no training split; give a folder of IDX files, or a word: {', '.join(SETS)}")
    return _read_npz(path, limit, wanted)


def _read_npz(path: Path, limit: int | None, wanted: Shape | None) -> Data:
    archive = Archive(path)
    found = archive.arrays("x", "y")
    forms = FORMS if wanted is None else f"(N,{','.join(map(str, wanted))})"
    if "x" not in found:
        raise InputError(f"{path}: lacks the array x; it must be uint8 of shape {forms}")
    x, y = found["x"], found.get("y")
    if x.dtype != np.uint8 or (len(x.shape) not in (3, 4, 5) if wanted is None else not x.shape):
        raise InputError(f"{path}: x must be uint8 of shape {forms}, not {x.dtype} of shape {x.shape}")
    total, *size = x.shape
    shape = shaped(path, (1, *size) if wanted is None and len(size) == 2 else tuple(size), wanted)
    if y is not None and (not np.issubdtype(y.dtype, np.integer) or y.shape != (total,)):
        raise InputError(f"{path}: y must be {total} integers, one per image, not {y.dtype} of shape {y.shape}")
    count = counted(path, total, limit)
    require_room(path, (total if x.by_column else count, *shape))
    labels = None if y is None else archive.values(y, count)
    for label in () if labels is None else labels.tolist():
        if label > LARGEST_LABEL:
            raise InputError(f"{path}: holds the label {label}; the largest that can be is {LARGEST_LABEL}")
    images = archive.values(x, count).reshape(count, *shape)
    return Data(images, None if labels is None else labels.astype(np.int64))
