"""NumPy's ``.npz`` files: a ZIP archive of arrays, read only as far as needed, and never unpickled."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError, reason
from .reading import COMPRESSIONS, UNREADABLE, InPieces, read_exactly

LONGEST_HEADER = 10_000
"""NumPy's own limit for the header of an array, in bytes."""
LARGEST_EXTENT = 1 << 48


@dataclass(frozen=True)
class Array:
    """An array of an archive, of which only the header has been read: its values begin at ``start`` of ``member``.

    ``by_column``: they are in Fortran order.
    """

    member: zipfile.ZipInfo
    start: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    by_column: bool


class Archive:
    """The ``.npz`` file ``path``. Any error in it is an ``InputError``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as stream:  # zipfile would call a file that may not be read no zip file
            if not zipfile.is_zipfile(stream):
                raise InputError(f"{path}: not an .npz file; give one with x, uint8, or a folder")

    def names(self) -> list[str]:
        """Those of all its arrays, in their order."""
        try:
            with InPieces(self._path) as file, zipfile.ZipFile(file) as archive:
                return [info.filename.removesuffix(".npy") for info in archive.infolist()]
        except UNREADABLE as error:
            raise self._unreadable(reason(error)) from None

    def arrays(self, *names: str) -> dict[str, Array]:
        """Those of ``names`` that it holds."""
        try:
            with InPieces(self._path) as file, zipfile.ZipFile(file) as archive:
                listed = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
                return {name: self._array(archive, name, listed[name]) for name in names if name in listed}
        except UNREADABLE as error:
            raise self._unreadable(reason(error)) from None

    def values(self, array: Array, count: int) -> npt.NDArray[Any]:
        """The first ``count`` entries of ``array``. Reading the last one also compares the checksum."""
        size = prod(array.shape[1:]) * array.dtype.itemsize
        read = array.shape[0] if array.by_column else count
        try:
            with (
                InPieces(self._path) as file,
                zipfile.ZipFile(file) as archive,
                archive.open(array.member) as stream,
            ):
                read_exactly(self._path, stream, array.start)
                values = read_exactly(self._path, stream, read * size)
                if read == array.shape[0]:
                    stream.read(1)
        except UNREADABLE as error:
            raise self._unreadable(reason(error)) from None
        found: npt.NDArray[Any] = np.frombuffer(values, array.dtype)
        return found.reshape((read, *array.shape[1:]), order="F" if array.by_column else "C")[:count]

    def _array(self, archive: zipfile.ZipFile, name: str, member: zipfile.ZipInfo) -> Array:
        if member.compress_type not in COMPRESSIONS:
            raise self._unreadable(f"{name} is packed in another way than NumPy does")
        with archive.open(member) as stream:
            head = io.BytesIO(stream.read(LONGEST_HEADER))
        try:
            version = np.lib.format.read_magic(head)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, by_column, dtype = read(head)
        except Exception as error:  # it is parsed as a Python expression, which can fail in many ways
            raise self._unreadable(f"the header of {name}: {reason(error)}") from None
        if not all(0 <= extent <= LARGEST_EXTENT for extent in shape):
            raise self._unreadable(f"{name} has a shape that cannot be")
        array = Array(member, head.tell(), shape, dtype, by_column)
        if not dtype.hasobject and member.file_size != array.start + prod(shape) * dtype.itemsize:
            raise self._unreadable(f"{name} is not as long as its shape {shape} says")
        return array

    def _unreadable(self, why: str) -> InputError:
        return InputError(f"{self._path}: not a readable .npz file ({why})")
