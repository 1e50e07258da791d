"""Reading untrusted data files: limits are checked first, then only the requested bytes are read, in chunks."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Protocol

from ..errors import InputError, reason

CHUNK = 1 << 20
MOST_BYTES = 1 << 30
"""Maximum bytes of images at a time: six times CIFAR-10's training images. A few kilobytes can unpack to any number."""
MOST_IMAGES = 1 << 20
UNREADABLE = (OSError, EOFError, ValueError, KeyError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)
"""Exceptions of readers for damaged files (``RuntimeError`` covers encryption and unknown compressions)."""
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The compressions of members that are read. Others unpack whole blocks at a time, however few bytes are read."""


class Stream(Protocol):
    """A file, or its unpacked content."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at its end."""


def require_room(where: Path, shape: tuple[int, ...]) -> None:
    """Raise ``InputError`` if images of ``shape`` (N, ...) are too many bytes to read at a time."""
    if shape[0] > MOST_IMAGES or prod(shape) > MOST_BYTES:
        raise InputError(
            f"{where}: {shape[0]:,} images of {prod(shape[1:]):,} bytes are too many at a time; take fewer with -n, "
            f"at most {MOST_IMAGES:,}, and {MOST_BYTES >> 20:,} MiB"
        )


def read_exactly(where: Path, stream: Stream, size: int) -> bytearray:
    """``size`` bytes, read in chunks: a wrong header cannot allocate more memory than there is data."""
    read = bytearray()
    while len(read) < size:
        chunk = stream.read(min(CHUNK, size - len(read)))
        if not chunk:
            raise InputError(f"{where}: ends early; it must go on for {size - len(read)} bytes")
        read += chunk
    return read


class InPieces(io.FileIO):
    """A file that limits single reads: ``zipfile`` reads its list of members in one piece, of any length.

    ``most``: the bytes of a read; a list of members takes about 70 for each.
    """

    def __init__(self, path: Path, most: int = CHUNK) -> None:
        super().__init__(path)
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        """At most ``size`` bytes, or all that are left. Raises ``ValueError`` if that is more than ``most``."""
        if size is None or size < 0:
            size = Path(self.name).stat().st_size - self.tell()
        if size > self._most:
            raise ValueError("it lists too many members")
        return super().read(size) or b""


@contextmanager
def opened_zip(path: Path, most_listed: int = CHUNK) -> Iterator[zipfile.ZipFile]:
    """The ZIP archive ``path``, whose list of members is at most ``most_listed`` bytes; damage is an ``InputError``."""
    try:
        with InPieces(path, most_listed) as file, zipfile.ZipFile(file) as archive:
            yield archive
    except UNREADABLE as error:
        raise InputError(f"{path}: not readable ({reason(error)})") from None


def read_member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    """The content of a member of ``archive``, which is ``path``, of at most ``most`` bytes, its checksum compared.

    Raises ``InputError`` if it is larger, whatever the archive says, or packed in a rare way.
    """
    if member.compress_type not in COMPRESSIONS:
        raise InputError(f"{path}: {member.filename!a} must be stored or deflated, not packed in another way")
    with archive.open(member) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise InputError(f"{path}: {member.filename!a} must be at most {most:,} bytes long, and is longer")
    return content
