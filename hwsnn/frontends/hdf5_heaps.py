"""A look at the strings of an HDF5 file before libhdf5 reads them: in some damaged files it would never come back.

Strings lie in "global heap collections": a header (``GCOL``, version, size of the whole), then objects, each with a
header (index, references, size) of 16 bytes; index 0 is the free space at the end. libhdf5 goes from object to object
by their sizes without asking whether that leads forward, and cannot be interrupted. Nor does it ask how often the same
text is read, so there is a bound on all of them together.
"""

from __future__ import annotations

import mmap
import re
import struct
from pathlib import Path

from ..errors import InputError

COLLECTION = re.compile(rb"GCOL\x01")
HEADER_BYTES = 16
MAX_TEXT_BYTES = 1 << 22
"""Most bytes of all collections of a file."""


def check_heaps(path: Path) -> int:
    """The bytes of all collections, each of whose objects fill it in order; ``InputError`` where they do not.

    The file must not be empty.
    """
    total = 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as contents:
        for found in COLLECTION.finditer(contents):
            start = found.start()
            if start + HEADER_BYTES > len(contents):
                break
            (size,) = struct.unpack_from("<8xQ", contents, start)
            end = min(start + size, len(contents))
            total += end - start
            if total > MAX_TEXT_BYTES:
                raise InputError(f"too large; at most {MAX_TEXT_BYTES >> 20} MiB of text are read from a file")
            _check_collection(contents, start, end)
    return total


def _check_collection(contents: mmap.mmap, start: int, end: int) -> None:
    position = start + HEADER_BYTES
    while position + HEADER_BYTES <= end:
        index, length = struct.unpack_from("<H6xQ", contents, position)
        step = HEADER_BYTES + -(-length // 8) * 8 if index else length
        if not 0 < step <= end - position:
            raise InputError(f"not a readable NIR file (damaged: its text breaks off at byte {position})")
        position += step
