"""Untrusted HDF5 files, read within limits on the members and the bytes of a whole file.

A few kilobytes can cost days and gigabytes: links that lead to the same group repeatedly, texts of a declared length,
data that unpack to a thousand times their size, or that were never written. So everything is counted against a budget
before libhdf5 allocates memory. Anything too large or of an unsupported kind is an ``InputError`` of one line.
"""

from __future__ import annotations

import itertools
import math
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from hwsnn.errors import InputError, reason
from hwsnn.float_network import FloatArray

from ..linear import MAX_WEIGHTS
from .hdf5_structure import SIGNATURE, check_structure

MAX_BYTES = 2 * 8 * MAX_WEIGHTS
"""Maximum bytes read from one file, unpacked, each number in at least 64 bits."""
MAX_FILE_BYTES = 2 * MAX_BYTES
MAX_MEMBERS = 4096
"""Maximum groups, data sets and edges read from one file: a NIR node has about ten."""
MAX_NAME = 256
"""Maximum length of a name: names appear in errors of one line."""
LEAST_CHUNK_BYTES = 4096
"""Minimum cost of a chunk: each takes time, however small it is."""
FILTER_SLACK = 1024
"""Bytes by which a chunk may grow where a filter has made it larger, or added a checksum."""
REFERENCE_BYTES = 16
"""Reference to a text of variable length: its length in 4 bytes, an address in 8, an index in 4."""

FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
"""Filters whose memory can be bounded: others unpack to any size that the file declares."""


class BoundedFile:
    """An open file with the rest of its budget. ``where`` is the part of it that an error is about."""

    def __init__(self, file: h5py.File, raw: BinaryIO) -> None:
        self.root = file
        self._raw = raw
        self._members = MAX_MEMBERS
        self._bytes = MAX_BYTES
        self._stored_bytes = MAX_FILE_BYTES

    def names(self, group: h5py.Group, where: str) -> list[str]:
        """The names in ``group``, in order."""
        found: list[bytes] = []

        def take(name: bytes) -> bool:
            found.append(name)
            return len(found) > self._members

        # Neither len() nor an iterator of h5py: those go through all of the group first.
        group.id.links.iterate(take, order=h5py.h5.ITER_NATIVE)
        self._pay_members(where, len(found))
        return sorted(checked_name(name.decode(), where) for name in found)

    def members(self, group: h5py.Group, where: str) -> dict[str, Any]:
        """The members of ``group``, by name."""
        return {name: self.member(group, name, where) for name in self.names(group, where)}

    def member(self, group: h5py.Group, key: str, where: str) -> Any:
        """The member ``key``, or None. Links out of the file, and external data, are refused."""
        link = group.get(key, getlink=True)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise InputError(f"{where}: {key!r} must be in the file itself, not behind a link")
        member = group[key]
        if isinstance(member, h5py.Dataset) and (member.external or member.is_virtual):
            raise InputError(f"{where}: the data of {key!r} must be in the file itself, not in another")
        return member

    def value(self, data: h5py.Dataset, key: str, where: str) -> FloatArray | str:
        """The numbers or the one text in a data set that is not empty (``data.shape`` is not None)."""
        if data.shape == () and _is_text(data):
            return self._texts(data, where)[0]
        if data.dtype.kind not in "fiub":
            raise InputError(f"{where}: {key!r} must be numbers or one text, not of type {data.dtype}")
        if not math.prod(data.shape):
            raise InputError(f"{where}: {key!r} must not be empty")
        self._admit(data, where)
        return np.asarray(data[()], dtype=np.float64)

    def pairs(self, data: h5py.Dataset, key: str, where: str) -> list[tuple[str, str]]:
        """The pairs of texts in a data set (pairs, 2)."""
        if not math.prod(data.shape):
            return []
        if len(data.shape) != 2 or data.shape[1] != 2 or not _is_text(data):
            raise InputError(
                f"{where}: {key!r} must be pairs of node names, not of shape {data.shape} and type {data.dtype}"
            )
        self._pay_members(where, data.shape[0])
        texts = [checked_name(text, where) for text in self._texts(data, where)]
        return list(zip(texts[::2], texts[1::2], strict=True))

    def _texts(self, data: h5py.Dataset, where: str) -> list[str]:
        """The texts in a data set, row after row."""
        self._admit(data, where)
        return [text.decode() for text in np.ravel(data[()]).tolist()]

    def _admit(self, data: h5py.Dataset, where: str) -> None:
        """Charge a data set that is about to be read, and refuse one that would unpack to another size."""
        count, each = math.prod(data.shape), max(_element_bytes(data), 8)
        if data.chunks is None:
            self._pay_bytes(where, count * each)
            offset, layout = data.id.get_offset(), data.id.get_create_plist().get_layout()
            if offset is None and (layout == h5py.h5d.CONTIGUOUS or _has_references(data)):
                raise InputError(f"{where}: its data were never written; write the file again with nir.write")
            if _has_references(data):
                self._pay_texts(where, os.pread(self._raw.fileno(), count * REFERENCE_BYTES, offset))
            return
        chunks = math.prod(-(-extent // size) for extent, size in zip(data.shape, data.chunks, strict=True))
        self._pay_bytes(where, max(count * each, chunks * max(math.prod(data.chunks) * each, LEAST_CHUNK_BYTES)))
        for contents in self._chunks(data, where):
            if _has_references(data):
                self._pay_texts(where, contents[: math.prod(data.chunks) * REFERENCE_BYTES])

    def _chunks(self, data: h5py.Dataset, where: str) -> Iterator[bytes]:
        """The content of each chunk, unpacked. Refuses chunks that were never written or unpack to more."""
        properties = data.id.get_create_plist()
        filters = [properties.get_filter(index)[0] for index in range(properties.get_nfilters())]
        read = FILTERS - {h5py.h5z.FILTER_SHUFFLE} if _has_references(data) else FILTERS
        if set(filters) - read or filters.count(h5py.h5z.FILTER_DEFLATE) > 1:
            raise InputError(f"{where}: is packed in a way that is not read; write it with gzip, as nir.write does")
        largest = math.prod(data.chunks) * _element_bytes(data) + FILTER_SLACK
        corners = (range(0, extent, size) for extent, size in zip(data.shape, data.chunks, strict=True))
        for corner in itertools.product(*corners):
            try:
                skipped, contents = data.id.read_direct_chunk(corner)
            except (OSError, MemoryError):  # the latter for a chunk that is not there
                raise InputError(
                    f"{where}: its data are damaged or were never written; write the file again with nir.write"
                ) from None
            self._stored_bytes -= len(contents)
            if self._stored_bytes < 0:
                raise _too_large(where)
            if h5py.h5z.FILTER_DEFLATE in filters and not skipped >> filters.index(h5py.h5z.FILTER_DEFLATE) & 1:
                contents = zlib.decompressobj().decompress(contents, largest)
                if len(contents) == largest:
                    raise InputError(
                        f"{where}: its data unpack to more than they say; write the file again with nir.write"
                    )
            yield contents

    def _pay_texts(self, where: str, references: bytes) -> None:
        """Charge the texts of ``references``, each of which begins with the length: libhdf5 trusts it."""
        lengths = np.frombuffer(references[: len(references) // REFERENCE_BYTES * REFERENCE_BYTES], "<u4")[::4]
        self._pay_bytes(where, int(lengths.sum(dtype=np.int64)))

    def _pay_members(self, where: str, count: int) -> None:
        self._members -= count
        if self._members < 0:
            raise InputError(
                f"{where}: too large; at most {MAX_MEMBERS:,} nodes, values and edges are read from a file, each as "
                "often as links lead to it; give a smaller network"
            )

    def _pay_bytes(self, where: str, count: int) -> None:
        self._bytes -= count
        if self._bytes < 0:
            raise _too_large(where)


@contextmanager
def opened(path: Path) -> Iterator[BoundedFile]:
    """The regular file ``path``, open in the context, in which its errors are ``InputError``."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InputError(f"too large; at most {MAX_FILE_BYTES >> 20} MiB are read; give a smaller network")
    try:
        with h5py.File(path, "r") as file, path.open("rb") as raw:
            if file.id.get_create_plist().get_sizes() != (8, 8):
                raise InputError("not a readable NIR file (its addresses are not of 64 bits); write it with nir.write")
            check_structure(path)
            yield BoundedFile(file, raw)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError, zlib.error) as error:
        said = reason(error) if SIGNATURE in _start(path) else "it is no HDF5; give a NIR graph or a float .safetensors"
        raise InputError(f"not a readable NIR file ({said})") from None


def _start(path: Path) -> bytes:
    """The first bytes of a file, where HDF5 has its signature unless something is before it."""
    with path.open("rb") as file:
        return file.read(1 << 10)


def checked_name(name: str, where: str) -> str:
    """``name``, which must not be too long."""
    if len(name) > MAX_NAME:
        raise InputError(f"{where}: a name, {name[:40]!r}..., has more than {MAX_NAME} characters; give a shorter one")
    return name


def _is_text(data: h5py.Dataset) -> bool:
    return h5py.check_string_dtype(data.dtype) is not None


def _element_bytes(data: h5py.Dataset) -> int:
    """The size of one element in the file: for a text of variable length, of the reference to it."""
    return REFERENCE_BYTES if _has_references(data) else int(data.id.get_type().get_size())


def _has_references(data: h5py.Dataset) -> bool:
    """Whether its elements are texts of variable length, which are stored elsewhere in the file."""
    return bool(data.dtype.kind == "O")


def _too_large(where: str) -> InputError:
    return InputError(
        f"{where}: too large; at most {MAX_BYTES >> 20} MiB are read from a file, unpacked and in 64 bits a number; "
        "give a smaller network"
    )
