"""Checks the structure of an HDF5 file before libhdf5 follows it: some damaged files make it loop endlessly.

libhdf5 cannot be interrupted, and follows addresses and sizes without checking that they lead forward:

- Strings are in "global heap collections": a header (``GCOL``, version, size of the whole), then objects, each with a
  header (index, references, size) of 16 bytes; index 0 is the free space at the end. libhdf5 steps from object to
  object by their sizes. All of them together are limited.
- The names of a group are in a tree of nodes: a header of 24 bytes (``TREE``, type 0, level, number of children,
  siblings), then keys and the addresses of children in turn. Nodes of level 0 hold names, the others hold nodes of the
  level below. libhdf5 follows any number of children, and from a node to itself until its stack is full.
- The names themselves are in a "local heap": a header (``HEAP``, version, size, offset of the first free block, address
  of the contents), whose free blocks each begin with the offset of the next, 1 after the last. libhdf5 steps from block
  to block, and allocates memory for each.

All are found by their signatures, at any offset; a false match is practically impossible.
"""

from __future__ import annotations

import mmap
import re
import struct
from pathlib import Path

from hwsnn.errors import InputError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
COLLECTION = re.compile(rb"GCOL\x01")
HEADER_BYTES = 16
MAX_TEXT_BYTES = 1 << 22
"""Maximum bytes of all collections of a file."""

TREE = re.compile(rb"TREE\x00")
TREE_HEADER_BYTES = 24
MAX_TREES = 1 << 16
MAX_LEVEL = 3
MAX_CHILDREN = 32
"""Maximum children of a node, as libhdf5 writes them; with ``MAX_LEVEL`` enough for a million names."""

LOCAL_HEAP = re.compile(rb"HEAP\x00")
NO_BLOCK = 1
MAX_BLOCKS = 1 << 16
"""Maximum local heaps and free blocks of a file."""


def check_structure(path: Path) -> None:
    """Check a file that is not empty and has addresses of 64 bits.

    Raises ``InputError`` if it does not begin as HDF5, has too much text or too many groups, if the objects of a
    collection do not fill it in order, or if the names of a group, or free blocks between them, form a cycle.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as contents:
        if contents[: len(SIGNATURE)] != SIGNATURE:
            raise _damaged("there is something before its HDF5")  # and addresses would not be from the beginning
        _check_trees(contents)
        _check_local_heaps(contents)
        _check_heaps(contents)


def _check_heaps(contents: mmap.mmap) -> None:
    total = 0
    for found in COLLECTION.finditer(contents):
        start = found.start()
        if start + HEADER_BYTES > len(contents):
            break
        (size,) = struct.unpack_from("<8xQ", contents, start)
        end = min(start + size, len(contents))
        total += max(end - start, HEADER_BYTES)
        if total > MAX_TEXT_BYTES:
            raise InputError(
                f"too large; at most {MAX_TEXT_BYTES >> 20} MiB of text are read from a file; write it with nir.write, "
                "without long metadata"
            )
        _check_collection(contents, start, end)


def _check_collection(contents: mmap.mmap, start: int, end: int) -> None:
    position = start + HEADER_BYTES
    while position + HEADER_BYTES <= end:
        index, length = struct.unpack_from("<H6xQ", contents, position)
        step = HEADER_BYTES + -(-length // 8) * 8 if index else length
        if not 0 < step <= end - position:
            raise _damaged(f"its text breaks off at byte {position}")
        position += step


def _check_trees(contents: mmap.mmap) -> None:
    for count, found in enumerate(TREE.finditer(contents)):
        start = found.start()
        if start + TREE_HEADER_BYTES > len(contents):
            break
        level, children = struct.unpack_from("<5xBH", contents, start)
        if count == MAX_TREES or level > MAX_LEVEL or children > MAX_CHILDREN:
            raise InputError("too large; it has more groups than a network needs; write it with nir.write")
        if level == 0:
            continue
        for at in range(start + TREE_HEADER_BYTES + 8, start + TREE_HEADER_BYTES + 16 * children, 16):
            (child,) = struct.unpack("<Q", contents[at : at + 8].ljust(8, b"\0"))
            if TREE.match(contents[child : child + 5]) and contents[child + 5 : child + 6] >= bytes([level]):
                raise _damaged(f"its names lead in a circle at byte {start}")


def _check_local_heaps(contents: mmap.mmap) -> None:
    left = MAX_BLOCKS
    for found in LOCAL_HEAP.finditer(contents):
        start = found.start()
        left -= 1
        if start + 32 > len(contents):
            break
        size, block, address = struct.unpack_from("<8x3Q", contents, start)
        while block != NO_BLOCK and block + 16 <= size and address + block + 16 <= len(contents) and left >= 0:
            left -= 1
            (block,) = struct.unpack_from("<Q", contents, address + block)
        if left < 0:
            raise _damaged(f"its free blocks lead in a circle, or are more than a network needs, at byte {start}")


def _damaged(what: str) -> InputError:
    return InputError(f"not a readable NIR file (damaged: {what}); write it with nir.write")
