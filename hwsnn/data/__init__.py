"""Images and labels: IDX folders, ``.npz`` files, the shipped digits, MNIST by name, or random ones.

- ``load(text, network, limit, split)``: images of a split (default: test), checked against a model.
- ``images(text, split, limit)``: images of either split, without a model.
- ``training(text, limit)``: the training split, with its labels.

``text`` is a folder, a file or a word, as in ``--data`` (``hwsnn.data.resolve``). Data files are untrusted input:
any error in them is an ``InputError`` of one line, and nothing is unpickled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwsnn.files.atomic import require_file

from ..errors import InputError
from ..spec import Network
from ..spec.integers import Images
from . import idx
from .idx import Split
from .npz import Archive
from .reading import require_room
from .resolve import resolve

Labels = npt.NDArray[np.int64]
Shape = tuple[int, ...]

FORMS = "(N,H,W), (N,C,H,W) or (N,T,C,H,W)"
"""The shapes of x where no model says what it takes."""
AXES = ("steps", "channels", "height", "width")
LARGEST_LABEL = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Data:
    """``images``: (N, C, H, W) or, where they change with time, (N, T, C, H, W) uint8, at least one.

    ``labels``: (N,) int64, or None if unknown.
    """

    images: Images
    labels: Labels | None


@dataclass(frozen=True)
class LabelledData(Data):
    """Data with labels: ``labels`` is (N,) int64."""

    labels: Labels


def load(text: str, network: Network, limit: int | None = None, split: Split = "test") -> Data:
    """The images of ``split`` for ``network`` that ``text`` names.

    They may have any shape whose extents other than 1 are those of ``network.frame_shape``, and get that shape. A
    network that takes n values takes images of as many pixels, in the order (channel, row, column).

    Only the first ``limit``, if given; there must be at least as many. Raises ``InputError`` if they are not usable,
    which includes images of another size, pixels above the model's largest, and labels that are not its classes.
    """
    data = _read(text, split, limit, network.frame_shape)
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


def images(text: str, split: Split = "test", limit: int | None = None) -> Data:
    """The images of ``split`` ("train" or "test") that ``text`` names, of any size, and their labels if known.

    Only the first ``limit``, if given; there must be at least as many. Only a folder of IDX files, and so ``mnist``,
    has a training split. Raises ``InputError`` if they are not usable.
    """
    return _read(text, split, limit)


def training(text: str, limit: int | None = None) -> LabelledData:
    """The training split that ``text`` names, a folder of IDX files or ``mnist`` (60,000 images), with its labels.

    Only the first ``limit``, if given; there must be at least as many. Raises ``InputError`` if they are not usable,
    and if there are no labels.
    """
    data = images(text, "train", limit)
    if data.labels is None:
        name = idx.name("train", "labels")
        raise InputError(f"{text}: holds no IDX train labels; there must be {name} or {name}.gz")
    return LabelledData(data.images, data.labels)


def random_images(network: Network, count: int, seed: int) -> Images:
    """``count`` frames (count, *network.frame_shape) of uniformly random pixels, from 0 to the network's largest."""
    random = np.random.default_rng(seed)
    return random.integers(0, network.largest_pixel, (count, *network.frame_shape), np.uint8, endpoint=True)


def _read(text: str, split: Split, limit: int | None, wanted: Shape | None = None) -> Data:
    """Images of the shape ``wanted``, or of any if it is None."""
    path = resolve(text, split)
    if path.is_dir():
        return _read_idx(path, split, limit, wanted)
    require_file(path, "data", "give a folder of IDX files, an .npz file, or a word: digits, mnist", called=text)
    if split != "test":
        raise InputError(f"{text}: has no training split; give a folder of IDX files, or mnist")
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
    shape = _shape(path, (1, *size) if wanted is None and len(size) == 2 else tuple(size), wanted)
    if y is not None and (not np.issubdtype(y.dtype, np.integer) or y.shape != (total,)):
        raise InputError(f"{path}: y must be {total} integers, one per image, not {y.dtype} of shape {y.shape}")
    count = _count(path, total, limit)
    require_room(path, (total if x.by_column else count, *shape))
    labels = None if y is None else archive.values(y, count)
    for label in () if labels is None else labels.tolist():
        if label > LARGEST_LABEL:
            raise InputError(f"{path}: holds the label {label}; the largest that can be is {LARGEST_LABEL}")
    images = archive.values(x, count).reshape(count, *shape)
    return Data(images, None if labels is None else labels.astype(np.int64))


def _read_idx(path: Path, split: Split, limit: int | None, wanted: Shape | None) -> Data:
    name = idx.name(split, "images")
    image_file, label_file = idx.find(path, name), idx.find(path, idx.name(split, "labels"))
    if image_file is None:
        raise InputError(f"{path}: holds no IDX {split} images; there must be {name} or {name}.gz")
    with idx.opened(image_file) as stream:
        total, *size = idx.read_shape(image_file, stream, 3)
        shape = _shape(image_file, (1, *size), wanted)
        count = _count(image_file, total, limit)
        values = idx.read_values(image_file, stream, (count, *shape), total)
    if label_file is None:
        return Data(values, None)
    with idx.opened(label_file) as stream:
        (labelled,) = idx.read_shape(label_file, stream, 1)
        if labelled != total:
            raise InputError(f"{label_file}: holds {labelled} labels; there must be one for each of {total} images")
        return Data(values, idx.read_values(label_file, stream, (count,), total).astype(np.int64))


def _shape(where: Path, found: Shape, wanted: Shape | None) -> Shape:
    """The shape that images of the shape ``found`` get: ``wanted``, if they fit it."""
    if wanted is not None and not _fits(found, wanted):
        axes = ", ".join(AXES[-len(wanted) :])
        raise InputError(f"{where}: images are {_extent(found)}; the model takes {_extent(wanted)} ({axes})")
    if 0 in found:
        raise InputError(f"{where}: images are {_extent(found)}; they must have pixels")
    return found if wanted is None else wanted


def _fits(found: Shape, wanted: Shape) -> bool:
    """Whether the extents other than 1 are the same, or ``wanted`` is of n values, per step perhaps, and so many are.

    An image is laid out row by row, as frameworks flatten it.
    """
    if _without_ones(found) == _without_ones(wanted):
        return True
    steps, (*_, channels, height, width) = wanted[:-3], wanted
    a_vector = (channels, height) == (1, 1) or (height, width) == (1, 1)
    frame = found[len(steps) :]
    return a_vector and found[: len(steps)] == steps and math.prod(frame) == channels * height * width


def _without_ones(shape: Shape) -> Shape:
    return tuple(extent for extent in shape if extent != 1)


def _extent(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "single values"


def _count(where: Path, available: int, limit: int | None) -> int:
    """How many images to take."""
    if available == 0:
        raise InputError(f"{where}: holds no images; there must be at least one")
    if limit is not None and not 1 <= limit <= available:
        raise InputError(f"{where}: -n must be from 1 to {available}, the images there are, not {limit}")
    return limit or available
