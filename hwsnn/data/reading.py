"""Reading untrusted data files: limits are checked first, then only the requested bytes are read, in chunks."""

from __future__ import annotations

import zipfile
import zlib
from math import prod
from pathlib import Path
from typing import Protocol

from ..errors import InputError

CHUNK = 1 << 20
MOST_BYTES = 1 << 30
"""Maximum bytes of images at a time: six times CIFAR-10's training images. A few kilobytes can unpack to any number."""
MOST_IMAGES = 1 << 20
UNREADABLE = (OSError, EOFError, ValueError, KeyError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)
"""Exceptions of readers for damaged files (``RuntimeError`` covers encryption and unknown compressions)."""


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
