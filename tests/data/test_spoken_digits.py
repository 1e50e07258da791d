"""Recordings of digits: in an archive or a folder, in a fixed order, and nothing that is not one."""

from __future__ import annotations

import io
import re
import wave
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from hwsnn import data
from hwsnn.data import spoken_digits
from hwsnn.data.filter_bank import CHANNELS, TIMESTEPS, encode
from hwsnn.data.idx import Split
from hwsnn.errors import InputError

RATE = 8000
SPLITS: tuple[Split, Split] = ("test", "train")


def samples(seed: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.random.default_rng(seed).integers(-3000, 3000, 2000).astype(np.int16)


def wav(content: bytes, channels: int = 1, width: int = 2) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((channels, width, RATE, 0, "NONE", ""))
        file.writeframes(content)
    return buffer.getvalue()


NAMES = ["3_jo_0.wav", "1_jo_4.wav", "1_al_4.wav", "2_jo_5.wav", "9_jo_10.wav", "0_al_10.wav"]
CONTENT = {name: wav(samples(seed).tobytes()) for seed, name in enumerate(NAMES)}
IN_ORDER: dict[Split, list[str]] = {
    "test": ["3_jo_0.wav", "1_al_4.wav", "1_jo_4.wav"],
    "train": ["2_jo_5.wav", "0_al_10.wav", "9_jo_10.wav"],
}


def archive(folder: Path, content: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    path = folder / "recordings.zip"
    with zipfile.ZipFile(path, "w", compression) as made:
        for name, stored in content.items():
            made.writestr(f"recordings/{name}", stored)
    return folder


def unpacked(folder: Path, content: Mapping[str, bytes]) -> Path:
    (folder / "recordings").mkdir()
    for name, stored in content.items():
        (folder / "recordings" / name).write_bytes(stored)
    return folder


@pytest.mark.parametrize("laid_out", [archive, unpacked])
def test_recordings_become_spikes(laid_out: Callable[..., Path], tmp_path: Path) -> None:
    folder = laid_out(tmp_path, {**CONTENT, "README.md": b"", "1_al.wav": b""})
    for split in SPLITS:
        found = data.images(str(folder), split)
        names = IN_ORDER[split]
        assert found.images.shape == (3, TIMESTEPS, CHANNELS, 1, 1)
        assert found.labels is not None
        assert found.labels.tolist() == [int(name[0]) for name in names]
        for spikes, name in zip(found.images, names, strict=True):
            assert np.array_equal(spikes[:, :, 0, 0], encode(samples(NAMES.index(name)), RATE))


def test_only_as_many_as_asked_for_are_read(tmp_path: Path) -> None:
    folder = archive(tmp_path, {**CONTENT, "1_jo_4.wav": b"no sound"})
    assert len(data.images(str(folder), limit=2).images) == 2
    with pytest.raises(InputError, match=r"1_jo_4\.wav: not a readable WAV file"):
        data.images(str(folder), limit=3)


def test_recordings_are_listed_in_the_order_of_the_frames(tmp_path: Path) -> None:
    found = spoken_digits.recordings(archive(tmp_path, CONTENT), "train")
    assert [f"{one.digit}_{one.speaker}_{one.index}.wav" for one in found] == IN_ORDER["train"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0_jo_0.wav: not a readable WAV file"),
        (wav(bytes(100))[:30], "0_jo_0.wav: not a readable WAV file"),
        (wav(b""), "0_jo_0.wav: samples must be one row of up to 10 seconds, not of shape (0,)"),
        (wav(bytes(100), channels=2), "0_jo_0.wav: must be of 1 channel and 16 bits, not of 2 and 16"),
        (wav(bytes(100), width=1), "0_jo_0.wav: must be of 1 channel and 16 bits, not of 1 and 8"),
        (bytes((1 << 20) + 1), "0_jo_0.wav"),
        (bytes((1 << 20) + 1), "must be at most 1,048,576 bytes long, and is longer"),
    ],
)
@pytest.mark.parametrize("laid_out", [archive, unpacked])
def test_files_that_are_no_recordings(
    laid_out: Callable[..., Path], content: bytes, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        data.images(str(laid_out(tmp_path, {"0_jo_0.wav": content})))


def test_samples_that_a_header_claims_are_not_believed(tmp_path: Path) -> None:
    content = bytearray(wav(bytes(100)))
    content[40:44] = (0x7FFFFFF0).to_bytes(4, "little")
    read, _ = spoken_digits.read_wav("a.wav", bytes(content))
    assert len(read) == 50


def test_archives_that_are_none(tmp_path: Path) -> None:
    def refused(message: str) -> None:
        with pytest.raises(InputError, match=re.escape(message)):
            spoken_digits.frames(tmp_path, "test")

    refused("holds no test recordings; there must be recordings.zip, or the folder recordings")
    (tmp_path / "recordings.zip").write_bytes(b"no archive")
    refused("recordings.zip: not readable (File is not a zip file)")
    with zipfile.ZipFile(tmp_path / "recordings.zip", "w") as made:
        made.writestr("a/1_jo_0.wav", b"")
        made.writestr("b/1_jo_0.wav", b"")
    refused("recordings.zip: holds a/1_jo_0.wav and b/1_jo_0.wav; there must be one of each recording")


def test_members_packed_in_another_way_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"2_jo_5\.wav' must be stored or deflated"):
        data.images(str(archive(tmp_path, CONTENT, zipfile.ZIP_BZIP2)), "train", limit=2)
