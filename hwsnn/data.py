"""Images to run a network on: IDX folders, ``.npz`` files, the shipped digits, or random ones.

Data files are untrusted input: whatever is wrong with them is an ``InputError`` of one line, and nothing is unpickled.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.lib.npyio import NpzFile

from .errors import InputError, reason
from .shipped import folder
from .spec import Network

SHIPPED = {"digits": "digits/samples.npz"}
"""Words that name data files below ``models/``."""

IDX_IMAGES = ("t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte")
IDX_LABELS = ("t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte")
IDX_UNSIGNED_BYTES = 8
CHUNK = 1 << 20
UNREADABLE = (OSError, EOFError, ValueError, KeyError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)
"""What readers raise on damaged files (``RuntimeError`` covers encrypted and unknown kinds of compression)."""

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Stream: TypeAlias = gzip.GzipFile | io.BufferedReader


@dataclass(frozen=True)
class Data:
    """``images``: (N, C, H, W) uint8, at least one. ``labels``: (N,) int64, or None where they are not known."""

    images: Images
    labels: Labels | None


def load(text: str, network: Network, limit: int | None = None) -> Data:
    """The images for ``network`` that ``text`` names: a folder, an ``.npz`` file, or a word of ``SHIPPED``.

    Only the first ``limit``, where given; there must be as many. Raises ``InputError`` for whatever is not usable.
    """
    path = folder("models") / SHIPPED[text] if text in SHIPPED else Path(text)
    if path.is_dir():
        images, labels = _load_idx(path, network, limit)
    elif path.is_file():
        images, labels = _load_npz(path, network, limit)
    else:
        raise InputError(f"{text}: no such data; give a folder of IDX files, an .npz file, or the word digits")
    largest = int(images.max())
    if largest > network.largest_pixel:
        raise InputError(
            f"{text}: holds a pixel of {largest}; the model's {network.pixel_bits}-bit pixels go to "
            f"{network.largest_pixel}"
        )
    if labels is not None and (labels.min() < 0 or labels.max() >= network.classes):
        wrong = next(label for label in labels.tolist() if not 0 <= label < network.classes)
        raise InputError(f"{text}: holds the label {wrong}; the model's classes are 0 to {network.classes - 1}")
    return Data(images, None if labels is None else labels.astype(np.int64))


def random_images(network: Network, count: int, seed: int) -> Images:
    """``count`` images (count, C, H, W) of uniformly random pixels, from dark to the network's largest."""
    random = np.random.default_rng(seed)
    return random.integers(0, network.largest_pixel, (count, *network.input_shape), np.uint8, endpoint=True)


def _load_npz(path: Path, network: Network, limit: int | None) -> tuple[Images, npt.NDArray[Any] | None]:
    with path.open("rb") as stream:  # zipfile would call a file that may not be read no zip file
        if not zipfile.is_zipfile(stream):
            raise InputError(f"{path}: not an .npz file; give one with x (N,H,W) or (N,C,H,W) uint8, or a folder")
    try:
        # np.load would leave a damaged file open.
        with path.open("rb") as stream, NpzFile(stream, allow_pickle=False) as file:
            found = {name: file[name] for name in ("x", "y") if name in file}
    except UNREADABLE as error:
        raise InputError(f"{path}: not a readable .npz file ({reason(error)})") from None
    if "x" not in found:
        raise InputError(f"{path}: lacks the array x; it must be (N,H,W) or (N,C,H,W) uint8")
    images, labels = found["x"], found.get("y")
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise InputError(
            f"{path}: x must be uint8 of shape (N,H,W) or (N,C,H,W), not {images.dtype} of shape {images.shape}"
        )
    if images.ndim == 3:
        images = images[:, np.newaxis]
    _check_size(str(path), images.shape[1:], network)
    if labels is not None and (not np.issubdtype(labels.dtype, np.integer) or labels.shape != (len(images),)):
        raise InputError(
            f"{path}: y must be {len(images)} integers, one an image, not {labels.dtype} of shape {labels.shape}"
        )
    count = _count(str(path), len(images), limit)
    return images[:count], None if labels is None else labels[:count]


def _load_idx(path: Path, network: Network, limit: int | None) -> tuple[Images, npt.NDArray[Any] | None]:
    image_file, label_file = _find(path, IDX_IMAGES), _find(path, IDX_LABELS)
    if image_file is None:
        raise InputError(f"{path}: holds no IDX test images; there must be {IDX_IMAGES[0]} or {IDX_IMAGES[0]}.gz")
    with _opened(image_file) as stream:
        total, *size = _idx_shape(image_file, stream, 3)
        _check_size(str(image_file), (1, *size), network)
        count = _count(str(image_file), total, limit)
        images = _idx_values(image_file, stream, (count, 1, *size), total)
    if label_file is None:
        return images, None
    with _opened(label_file) as stream:
        (labelled,) = _idx_shape(label_file, stream, 1)
        if labelled != total:
            raise InputError(f"{label_file}: holds {labelled} labels; there must be one for each of {total} images")
        return images, _idx_values(label_file, stream, (count,), total)


def _find(path: Path, names: tuple[str, ...]) -> Path | None:
    candidates = (path / (name + ending) for ending in ("", ".gz") for name in names)
    return next((file for file in candidates if file.is_file()), None)


@contextmanager
def _opened(path: Path) -> Iterator[Stream]:
    """``path``, unpacked on the way; damage met while reading is an ``InputError``."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            yield stream
    except UNREADABLE as error:
        raise InputError(f"{path}: not readable ({reason(error)})") from None


def _idx_shape(path: Path, stream: Stream, ndim: int) -> list[int]:
    magic = bytes((0, 0, IDX_UNSIGNED_BYTES, ndim))
    start = _read(path, stream, len(magic))
    if start != magic:
        raise InputError(f"{path}: must start with the bytes {magic.hex(' ')} (IDX), not {start.hex(' ')}")
    return [int.from_bytes(_read(path, stream, 4), "big") for _ in range(ndim)]


def _idx_values(path: Path, stream: Stream, shape: tuple[int, ...], total: int) -> Images:
    """The first ``shape[0]`` of ``total`` entries. Reading past the last one also makes gzip compare its checksum."""
    values = _read(path, stream, prod(shape))
    if shape[0] == total and stream.read(1):
        raise InputError(f"{path}: goes on after its {total} entries; it must end there")
    return np.frombuffer(values, np.uint8).reshape(shape)


def _read(path: Path, stream: Stream, size: int) -> bytes:
    """``size`` bytes, a chunk at a time: a wrong header does not ask for more memory than there is data."""
    read = bytearray()
    while len(read) < size:
        chunk = stream.read(min(CHUNK, size - len(read)))
        if not chunk:
            raise InputError(f"{path}: ends early; it must go on for {size - len(read)} bytes")
        read += chunk
    return bytes(read)


def _check_size(where: str, size: tuple[int, ...], network: Network) -> None:
    if size != network.input_shape:
        raise InputError(f"{where}: images are {_sizes(size)}; the model takes {_sizes(network.input_shape)}")


def _sizes(shape: tuple[int, ...]) -> str:
    channels, height, width = shape
    return f"{height}x{width} with {channels} channel{'s' if channels != 1 else ''}"


def _count(where: str, available: int, limit: int | None) -> int:
    """How many images to take."""
    if available == 0:
        raise InputError(f"{where}: holds no images; there must be at least one")
    if limit is not None and not 1 <= limit <= available:
        raise InputError(f"{where}: -n must be from 1 to {available}, the images there are, not {limit}")
    return limit or available
