"""A look at the strings of an HDF5 file before libhdf5 reads them: in some damaged files it would never come back.

Strings lie in "global heap collections": a header (``GCOL``, version, size of the whole), then objects, each with a
header (index, references, size) of 16 bytes; index 0 is the free space at the end. libhdf5 goes from object to object
by their sizes without asking whether that leads forward, and cannot be interrupted.
"""

from __future__ import annotations

import mmap
import re
import struct
from pathlib import Path

from ..errors import InputError

COLLECTION = re.compile(rb"GCOL\x01")
HEADER_BYTES = 16


def check_heaps(path: Path) -> None:
    """Raise ``InputError`` where the objects of a collection do not fill it in order. The file must not be empty."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as contents:
        for found in COLLECTION.finditer(contents):
            _check_collection(contents, found.start())


def _check_collection(contents: mmap.mmap, start: int) -> None:
    position = start + HEADER_BYTES
    if position > len(contents):
        return
    (size,) = struct.unpack_from("<8xQ", contents, start)
    end = min(start + size, len(contents))
    while position + HEADER_BYTES <= end:
        index, length = struct.unpack_from("<H6xQ", contents, position)
        step = HEADER_BYTES + -(-length // 8) * 8 if index else length
        if not 0 < step <= end - position:
            raise InputError(f"not a readable NIR file (damaged: its text breaks off at byte {position})")
        position += step
