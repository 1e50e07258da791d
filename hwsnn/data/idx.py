"""IDX files, MNIST's format (http://yann.lecun.com/exdb/mnist/), packed (``.gz``) or not.

Two zeros, the kind of number, the number of axes, each extent in 4 bytes with the highest first, and the values.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..errors import InputError, reason
from .frames import Frames, Labels
from .reading import UNREADABLE, Stream, read_exactly, require_room

Split = Literal["train", "test"]
What = Literal["images", "labels"]
Bytes = npt.NDArray[np.uint8]

IN_NAMES = {"train": "train", "test": "t10k"}
AXES = {"images": 3, "labels": 1}
UNSIGNED_BYTES = 8


def name(split: Split, what: What) -> str:
    """MNIST's name of the file with ``what`` of ``split``, without the ``.gz`` of a packed one."""
    return f"{IN_NAMES[split]}-{what}-idx{AXES[what]}-ubyte"


def find(folder: Path, name: str) -> Path | None:
    """The file of that name in ``folder``, packed or not, if it exists; some tools unpack it with a dot in its name."""
    names = (variant + ending for ending in ("", ".gz") for variant in (name, name.replace("-idx", ".idx")))
    return next((folder / name for name in names if (folder / name).is_file()), None)


@contextmanager
def opened(path: Path) -> Iterator[Stream]:
    """``path``, opened and unpacked while reading; damage is an ``InputError``."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            yield stream
    except UNREADABLE as error:
        raise InputError(f"{path}: not readable ({reason(error)})") from None


def read_shape(path: Path, stream: Stream, ndim: int) -> tuple[int, ...]:
    """The ``ndim`` extents in the header: the number of entries, and the size of each."""
    magic = bytes((0, 0, UNSIGNED_BYTES, ndim))
    start = bytes(read_exactly(path, stream, len(magic)))
    if start != magic:
        raise InputError(f"{path}: must start with the bytes {magic.hex(' ')} (IDX), not {start.hex(' ')}")
    return tuple(int.from_bytes(read_exactly(path, stream, 4), "big") for _ in range(ndim))


def read_values(path: Path, stream: Stream, shape: tuple[int, ...], total: int) -> Bytes:
    """The first ``shape[0]`` of ``total`` entries. Reading past the last one also makes gzip compare its checksum."""
    require_room(path, shape)
    values = read_exactly(path, stream, prod(shape))
    if shape[0] == total and stream.read(1):
        raise InputError(f"{path}: has data after its {total} entries; it must end there")
    return np.frombuffer(values, np.uint8).reshape(shape)


def holds(folder: Path, split: Split) -> bool:
    """Whether ``folder`` has the images of ``split``, packed or not."""
    return find(folder, name(split, "images")) is not None


def frames(folder: Path, split: Split) -> Frames:
    """The images of ``split`` in ``folder``, (N, 1, H, W), and their labels if there is a file of them."""
    wanted = name(split, "images")
    file = find(folder, wanted)
    if file is None:
        raise InputError(f"{folder}: holds no IDX {split} images; there must be {wanted} or {wanted}.gz")
    with opened(file) as stream:
        total, *size = read_shape(file, stream, AXES["images"])

    def first(count: int) -> tuple[Bytes, Labels | None]:
        with opened(file) as stream:
            read_shape(file, stream, AXES["images"])
            values = read_values(file, stream, (count, 1, *size), total)
        label_file = find(folder, name(split, "labels"))
        if label_file is None:
            return values, None
        with opened(label_file) as stream:
            (labelled,) = read_shape(label_file, stream, AXES["labels"])
            if labelled != total:
                raise InputError(f"{label_file}: holds {labelled} labels; there must be one for each of {total} images")
            return values, read_values(label_file, stream, (count,), total).astype(np.int64)

    return Frames(file, (total, 1, *size), first)
