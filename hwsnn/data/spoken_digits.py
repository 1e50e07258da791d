"""Spoken digits: 3,000 recordings of the digits 0 to 9 by six speakers, 50 of each digit each, 8 kHz.

The Free Spoken Digit Dataset of Z. Jackson and others, github.com/Jakobovski/free-spoken-digit-dataset, under CC BY-SA
4.0. Files are ``DIGIT_SPEAKER_INDEX.wav``; as its authors say, those of index 0 to 4 are for tests. They are read from
``recordings.zip``, or from the folder ``recordings`` of a copy of the repository, and become spikes by
``hwsnn.data.filter_bank``.
"""

from __future__ import annotations

import io
import re
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from ..errors import InputError, reason
from .filter_bank import CHANNELS, TIMESTEPS, encode
from .frames import Frames, Labels
from .idx import Split
from .named import NamedData
from .reading import opened_zip, read_member

ARCHIVE, FOLDER = "recordings.zip", "recordings"
_NAME = re.compile(r"([0-9])_([A-Za-z]+)_([0-9]{1,4})\.wav")
TEST_INDICES = 5
"""Recordings of an index below this are for tests."""
MOST_FILES = 20_000
MOST_BYTES = 1 << 20
"""Of a recording; the longest of the data set are 2.3 seconds, 37 kB."""
SAMPLE_BYTES = 2

Sound = tuple[npt.NDArray[np.int16], int]
"""Samples (n,), and how many there are per second."""


@dataclass(frozen=True, order=True)
class Recording:
    """Which recording it is; in order, those of a higher index come later, so the last ones are of all digits."""

    index: int
    digit: int
    speaker: str


def recordings(folder: Path, split: Split) -> tuple[Recording, ...]:
    """The recordings of ``split`` in ``folder``, in the order of ``frames``."""
    return tuple(_listed(_place(folder, split), split))


def read_wav(where: str, content: bytes) -> Sound:
    """The samples of a WAV file of 16 bits and one channel. Raises ``InputError``, which names ``where``."""
    try:
        with wave.open(io.BytesIO(content)) as file:
            form = (file.getnchannels(), file.getsampwidth())
            rate = file.getframerate()
            samples = np.frombuffer(file.readframes(len(content) // SAMPLE_BYTES), "<i2")
    except (wave.Error, EOFError, ValueError, OverflowError) as error:
        raise InputError(f"{where}: not a readable WAV file ({reason(error)})") from None
    if form != (1, SAMPLE_BYTES):
        raise InputError(f"{where}: must be of 1 channel and 16 bits, not of {form[0]} and {8 * form[1]}")
    return samples, rate


def holds(folder: Path, split: Split) -> bool:
    """Whether ``folder`` has the archive, or the folder, of recordings; it has both splits."""
    return (folder / ARCHIVE).is_file() or (folder / FOLDER).is_dir()


def frames(folder: Path, split: Split) -> Frames:
    """The spikes of the recordings of ``split``, (N, T, channels, 1, 1), and their digits."""
    place = _place(folder, split)
    listed = _listed(place, split)
    order = tuple(listed)

    def first(count: int) -> tuple[npt.NDArray[np.uint8], Labels]:
        made = np.empty((count, TIMESTEPS, CHANNELS, 1, 1), np.uint8)
        with _contents(place) as content:
            for spikes, recording in zip(made, order, strict=False):
                where = str(place / listed[recording])
                samples, rate = read_wav(where, content(listed[recording]))
                try:
                    spikes[:, :, 0, 0] = encode(samples, rate)
                except ValueError as error:
                    raise InputError(f"{where}: {error}") from None
        return made, np.array([recording.digit for recording in order[:count]], np.int64)

    return Frames(place, (len(order), TIMESTEPS, CHANNELS, 1, 1), first)


def _place(folder: Path, split: Split) -> Path:
    """The archive or the folder of recordings in ``folder``."""
    for place in (folder / ARCHIVE, folder / FOLDER):
        if place.exists():
            return place
    raise InputError(f"{folder}: holds no {split} recordings; there must be {ARCHIVE}, or the folder {FOLDER}")


def _listed(place: Path, split: Split) -> dict[Recording, str]:
    """The recordings of ``split`` in their order, with their names in ``place``."""
    try:
        if place.is_dir():
            names = [path.name for path in islice(place.iterdir(), MOST_FILES + 1)]
        else:
            with opened_zip(place) as archive:
                names = archive.namelist()
    except OSError as error:
        raise InputError(f"{place}: not readable ({error.strerror})") from None
    if len(names) > MOST_FILES:
        raise InputError(f"{place}: holds more than {MOST_FILES:,} files; that cannot be the recordings")
    found: dict[Recording, str] = {}
    for name in names:
        match = _NAME.fullmatch(PurePosixPath(name).name)
        if match is None:
            continue
        recording = Recording(int(match[3]), int(match[1]), match[2])
        if recording in found:
            raise InputError(f"{place}: holds {found[recording]} and {name}; there must be one of each recording")
        if (recording.index < TEST_INDICES) == (split == "test"):
            found[recording] = name
    return dict(sorted(found.items()))


@contextmanager
def _contents(place: Path) -> Iterator[Callable[[str], bytes]]:
    """What reads a file of ``place`` by its name there."""
    if place.is_dir():
        yield lambda name: _bytes_of(place / name)
    else:
        with opened_zip(place) as archive:
            yield lambda name: read_member(place, archive, archive.getinfo(name), MOST_BYTES)


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: not readable ({error.strerror})") from None
    if len(content) > MOST_BYTES:
        raise InputError(f"{path}: must be at most {MOST_BYTES:,} bytes long, and is longer")
    return content


SET = NamedData(
    word="spoken-digits",
    title="spoken digits (FSDD)",
    shape=(TIMESTEPS, CHANNELS, 1, 1),
    folder="spoken-digits",
    holds=holds,
    frames=frames,
    source="clone https://github.com/Jakobovski/free-spoken-digit-dataset as the folder spoken-digits",
    models=("speech",),
)
