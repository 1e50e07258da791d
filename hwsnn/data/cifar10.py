"""CIFAR-10: 50,000 training and 10,000 test images of ten kinds of things, 32x32 pixels, red, green and blue.

A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", technical report, University of Toronto, 2009;
https://www.cs.toronto.edu/~kriz/cifar.html, which states no licence. Read is the binary version, six files without
pickle: each image is its class, a byte, and its red, green and blue pixels, row by row. Its archive is read as it is,
or unpacked. Both are checked against their SHA-256, so that nothing else is taken for it.

The training images are in the order of the files, which is random. Where there are no originals,
``hwsnn.data.cifar10_jpeg`` has a lossy copy.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import InputError, reason
from . import cifar10_jpeg
from .frames import Frames, Labels
from .idx import Split
from .named import NamedData, RemoteFile
from .reading import UNREADABLE, read_exactly

SHAPE = cifar10_jpeg.SHAPE
RECORD = 1 + 3 * 32 * 32
PER_FILE = 10_000
ARCHIVE = RemoteFile(
    "cifar-10-binary.tar.gz",
    170_052_171,
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    packed=False,
)
FOLDER = "cifar-10-batches-bin"
"""The folder in the archive, and so where it is unpacked."""
TRAINING = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
}
TEST = {"test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"}
SUMS: Mapping[Split, Mapping[str, str]] = {"train": TRAINING, "test": TEST}
"""By split, its files in their order, and the SHA-256 of each."""


def holds(folder: Path, split: Split) -> bool:
    """Whether ``folder`` has the files of ``split``, unpacked there or in a folder of the archive, or the archive."""
    return _unpacked(folder, split) is not None or (folder / ARCHIVE.name).is_file()


def frames(folder: Path, split: Split) -> Frames:
    """The images of ``split``, (N, 3, 32, 32), and their classes."""
    unpacked = _unpacked(folder, split)
    where = unpacked or folder / ARCHIVE.name
    total = PER_FILE * len(SUMS[split])

    def first(count: int) -> tuple[npt.NDArray[np.uint8], Labels]:
        names = list(SUMS[split])[: -(-count // PER_FILE)]
        contents = _of_files(where, names) if unpacked else _of_archive(where, names)
        found = np.concatenate([np.frombuffer(content, np.uint8).reshape(-1, RECORD) for content in contents])[:count]
        return found[:, 1:].reshape(-1, *SHAPE), found[:, 0].astype(np.int64)

    return Frames(where, (total, *SHAPE), first)


def _unpacked(folder: Path, split: Split) -> Path | None:
    """The folder with all files of ``split``."""
    places = (folder, folder / FOLDER)
    return next((place for place in places if all((place / name).is_file() for name in SUMS[split])), None)


def _of_files(place: Path, names: list[str]) -> Iterator[bytes]:
    sums = {**TRAINING, **TEST}
    for name in names:
        path = place / name
        try:
            with path.open("rb") as stream:
                content = bytes(read_exactly(path, stream, RECORD * PER_FILE))
                more = stream.read(1)
        except UNREADABLE as error:
            raise InputError(f"{path}: not readable ({reason(error)})") from None
        _require(path, hashlib.sha256(content + more).hexdigest(), sums[name])
        yield content


def _of_archive(path: Path, names: list[str]) -> Iterator[bytes]:
    """Nothing is unpacked of an archive that is not the known one: others can unpack to any number of bytes."""
    try:
        size = path.stat().st_size
        if size != ARCHIVE.size:
            raise InputError(f"{path}: is not CIFAR-10's archive; it must be {ARCHIVE.size} bytes long, not {size}")
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
            _require(path, digest.hexdigest(), ARCHIVE.sha256)
            stream.seek(0)
            found = {}
            with tarfile.open(fileobj=stream, mode="r:gz") as archive:
                for member in archive:
                    name = member.name.removeprefix(f"{FOLDER}/")
                    content = archive.extractfile(member) if name in names else None
                    if content is not None:
                        found[name] = content.read()
                    if len(found) == len(names):
                        break
    except (*UNREADABLE, tarfile.TarError) as error:
        raise InputError(f"{path}: not readable ({reason(error)})") from None
    return (found[name] for name in names)


def _require(path: Path, found: str, wanted: str) -> None:
    if found != wanted:
        raise InputError(f"{path}: is not CIFAR-10's file of that name; its SHA-256 must be {wanted}, not {found}")


SET = NamedData(
    word="cifar10",
    title="CIFAR-10",
    shape=SHAPE,
    folder="cifar10",
    holds=holds,
    frames=frames,
    files=(ARCHIVE,),
    mirrors=("https://www.cs.toronto.edu/~kriz/",),
    models=("cifar10",),
    instead=cifar10_jpeg.SET,
)
